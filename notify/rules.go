package notify

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// DefaultDelay is the time between a notification and its push. If the person reads the
// notification on an open page within it, no push is sent.
const DefaultDelay = 5 * time.Second

// Facts is the input of the rules for one notification.
type Facts struct {
	Notification Notification
	Present      bool // the person has a live connection in the room
	Now          time.Time
	Delay        time.Duration // between notification and push
	NotBefore    time.Time     // earliest push that the person's Limits allow
}

// Decision is the output of the rules.
type Decision struct {
	Inbox bool   // store the notification, and show it on open pages
	Push  Push   // push it to closed devices
	Trace []Step // the rules that were applied, in order; the last one decided
}

// Step records the verdict of one rule, for the log and for "why did I get this?".
type Step struct {
	Rule    string // "self", "here" or "away"
	Verdict string // "pass" (to the next rule), "drop", "inbox" or "push"
}

// Decide applies the rules in order:
//
//	self   the person caused the notification          → drop
//	here   the person is connected to the room         → inbox, no push
//	away   everybody else                              → inbox and push
//
// A push is due after Delay and not before NotBefore. Decide is pure.
func Decide(f Facts) Decision {
	var d Decision
	trace := func(rule, verdict string) { d.Trace = append(d.Trace, Step{rule, verdict}) }
	if f.Notification.Actor.ID == f.Notification.User {
		trace("self", "drop")
		return d
	}
	trace("self", "pass")
	d.Inbox = true
	if f.Present {
		trace("here", "inbox")
		return d
	}
	trace("here", "pass")
	trace("away", "push")
	d.Push = Push{Wanted: true, At: latest(f.Now.Add(f.Delay), f.NotBefore)}
	return d
}

// NotificationID returns the id of the notification that cause, such as
// "mention:<message id>", makes for user: 32 hex digits, a hash of both.
func NotificationID(cause, user string) string {
	b := binary.AppendUvarint(nil, uint64(len(cause)))
	sum := sha256.Sum256(append(append(b, cause...), user...))
	return hex.EncodeToString(sum[:16])
}

// SubscriptionID returns the id of the subscription with the endpoint: 32 hex digits.
func SubscriptionID(endpoint string) string {
	sum := sha256.Sum256([]byte(endpoint))
	return hex.EncodeToString(sum[:16])
}
