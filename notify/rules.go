package notify

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// DefaultDelay is how long a push waits for its notification to be read on a
// device that is already awake.
const DefaultDelay = 5 * time.Second

// Facts are what the rules know of one notification.
type Facts struct {
	Notification Notification
	Here         bool // the person has a live connection in the room
	Now          time.Time
	Delay        time.Duration // before a push
	Free         time.Time     // before it the person is not rung, see Limits
}

// Decision is what becomes of a notification, and why.
type Decision struct {
	Inbox bool   // it is stored, and shown live
	Push  Push   // whether and when it rings a closed device
	Trace []Step // the rules looked at, in order; the last one decided
}

// Step is one rule's say, for logs and for "why did I get this?".
type Step struct {
	Rule string // self, here, away
	Says string // pass, drop, inbox, push
}

// Decide applies the rules in order: nobody is told of what they did themselves;
// who is in the room sees it there and finds it in the inbox; everybody else is
// pushed to, after the delay and when the limits allow it. Pure.
func Decide(f Facts) Decision {
	var d Decision
	say := func(rule, says string) { d.Trace = append(d.Trace, Step{rule, says}) }
	if f.Notification.Actor.ID == f.Notification.User {
		say("self", "drop")
		return d
	}
	say("self", "pass")
	d.Inbox = true
	if f.Here {
		say("here", "inbox")
		return d
	}
	say("here", "pass")
	say("away", "push")
	d.Push = Push{Wanted: true, At: later(f.Now.Add(f.Delay), f.Free)}
	return d
}

// NotificationID is the id of what cause, such as "mention:<message id>", tells
// user: 32 hex digits, the same each time, different for each pair.
func NotificationID(cause, user string) string {
	b := binary.AppendUvarint(nil, uint64(len(cause)))
	sum := sha256.Sum256(append(append(b, cause...), user...))
	return hex.EncodeToString(sum[:16])
}

// SubscriptionID is the id of the subscription with the endpoint: 32 hex digits.
func SubscriptionID(endpoint string) string {
	sum := sha256.Sum256([]byte(endpoint))
	return hex.EncodeToString(sum[:16])
}
