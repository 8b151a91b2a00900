package server

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"weft/notify"
	"weft/server/api"
	"weft/server/chat"
	"weft/server/room"
	"weft/server/ws"
)

// limits of all parts of a server.
type limits struct {
	ws    ws.Limits
	chat  chat.Limits
	api   api.Limits
	rooms room.Limits
	push  notify.Limits
}

// A limit can be set by its name.
type limit struct {
	what string
	unit unit
	// One of these, by unit.
	number func(*limits) *int
	memory func(*limits) *int64
	rate   func(*limits) (*rate.Limit, *int)
	span   func(*limits) *time.Duration
}

type unit int

const (
	count  unit = iota // a whole number
	size               // bytes: 64KiB, 1MiB, 2GiB, or a number
	perSec             // RATE or RATE:BURST, a second; sizes too. 0: any
	span               // 30s, 5m, at most maxSpan
)

// maxSpan is well below what makes a push too old to be sent.
const maxSpan = time.Hour

// named are the limits that can be set. What is said of the messages' own
// structure (nesting, counts against length) is not among them.
var named = map[string]limit{
	"message":        {what: "one document message, at most 16MiB", unit: size, number: func(l *limits) *int { return &l.ws.Document }},
	"answer":         {what: "one step 2: all that a client wrote while it was away", unit: size, number: func(l *limits) *int { return &l.ws.Answer }},
	"event":          {what: "one event or awareness message", unit: size, number: func(l *limits) *int { return &l.ws.Event }},
	"hello":          {what: "one message of somebody who has not said who they are", unit: size, number: func(l *limits) *int { return &l.ws.PreAuth }},
	"rooms":          {what: "rooms on one connection", number: func(l *limits) *int { return &l.ws.Rooms }},
	"queue":          {what: "waiting for one connection", unit: size, number: func(l *limits) *int { return &l.ws.Queue }},
	"queue-frames":   {what: "frames waiting for one connection", number: func(l *limits) *int { return &l.ws.QueueLen }},
	"address":        {what: "connections from one address; 0: any", number: func(l *limits) *int { return &l.ws.PerAddr }},
	"strangers":      {what: "connections from one address that have not said who they are; 0: any", number: func(l *limits) *int { return &l.ws.Strangers }},
	"person":         {what: "connections of one person; 0: any", number: func(l *limits) *int { return &l.ws.PerPerson }},
	"arrivals":       {what: "new connections from one address", unit: perSec, rate: func(l *limits) (*rate.Limit, *int) { return &l.ws.New, &l.ws.NewAt }},
	"all-arrivals":   {what: "new connections in all", unit: perSec, rate: func(l *limits) (*rate.Limit, *int) { return &l.ws.NewAll, &l.ws.NewAllAt }},
	"updates":        {what: "updates from one connection", unit: perSec, rate: func(l *limits) (*rate.Limit, *int) { return &l.ws.Updates, &l.ws.UpdatesAt }},
	"bytes":          {what: "bytes from one connection", unit: perSec, rate: func(l *limits) (*rate.Limit, *int) { return &l.ws.Bytes, &l.ws.BytesAt }},
	"requests":       {what: "joins, state vectors and the like from one connection", unit: perSec, rate: func(l *limits) (*rate.Limit, *int) { return &l.ws.Asks, &l.ws.AsksAt }},
	"awareness":      {what: "awareness messages from one connection", unit: perSec, rate: func(l *limits) (*rate.Limit, *int) { return &l.ws.Moves, &l.ws.MovesAt }},
	"chat":           {what: "chat messages of one person in one room", unit: perSec, rate: func(l *limits) (*rate.Limit, *int) { return &l.chat.Person, &l.chat.PersonAt }},
	"room-chat":      {what: "chat messages of everybody in one room", unit: perSec, rate: func(l *limits) (*rate.Limit, *int) { return &l.chat.Room, &l.chat.RoomAt }},
	"guests":         {what: "guests, new and renamed, from one address", unit: perSec, rate: func(l *limits) (*rate.Limit, *int) { return &l.api.Guests, &l.api.GuestsAt }},
	"pushes":         {what: "pushes to one person in an hour, to several devices at once is one; 0: any", number: func(l *limits) *int { return &l.push.Hourly }},
	"push-every":     {what: "from one push about a room to a person to the next; 0: any", unit: span, span: func(l *limits) *time.Duration { return &l.push.Every }},
	"document":       {what: "content of one document", unit: size, number: func(l *limits) *int { return &l.rooms.Content }},
	"structs":        {what: "structs in one document", number: func(l *limits) *int { return &l.rooms.Structs }},
	"clients":        {what: "Yjs clients that have written to one document", number: func(l *limits) *int { return &l.rooms.Clients }},
	"roots":          {what: "root types of one document", number: func(l *limits) *int { return &l.rooms.Roots }},
	"subdocuments":   {what: "live subdocuments of one document", number: func(l *limits) *int { return &l.rooms.Subdocs }},
	"pending-wait":   {what: "for how long a room asks for updates that others wait for; then it warns, and keeps what waits", unit: span, span: func(l *limits) *time.Duration { return &l.rooms.Pending }},
	"journal":        {what: "updates of all rooms that wait for the disk", unit: size, number: func(l *limits) *int { return &l.rooms.Journal }},
	"warm-rooms":     {what: "rooms kept open that nobody is in", number: func(l *limits) *int { return &l.rooms.Warm }},
	"open-documents": {what: "memory of all open documents; 0: any", unit: size, memory: func(l *limits) *int64 { return &l.rooms.Memory }},
}

// fixed are limits that cannot be set. What is over them is counted like what is over
// the others.
var fixed = map[string]string{
	"hello-wait":        "until somebody says who they are: 10 s, and 30 s for Hocuspocus",
	"token":             "one token: 8 KiB",
	"text":              "one chat message: 4,000 characters in 16 KiB",
	"awareness-state":   "one awareness state: 4 KiB, nested 16 deep",
	"awareness-clients": "awareness clients of one connection in one room: 64",
	"pending":           "what waits in one document for updates that have not come: 1 MiB, 10,000 structs, 10,000 deletions",
	"depth":             "nesting of a value in a document: 100",
	"work":              "what it takes to merge one update: 67 million steps, some 0.7 s",
}

// limits are the server's, by its Config.
func (c Config) limits() (l limits, err error) {
	l.rooms = room.DefaultLimits()
	// Most of what the runtime is told to live within, if it is.
	if most := debug.SetMemoryLimit(-1); most < math.MaxInt64 {
		l.rooms.Memory = most / 100 * 85
	}
	switch c.Limits {
	case "", "default":
		l.ws, l.chat, l.api, l.push = ws.DefaultLimits(), chat.DefaultLimits(), api.DefaultLimits(), notify.DefaultLimits()
	case "lab":
		l.ws, l.chat, l.api = ws.LabLimits(), chat.LabLimits(), api.LabLimits()
	default:
		return l, fmt.Errorf("server: limits %q: they are default or lab", c.Limits)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Limit)) {
		n, ok := named[name]
		if !ok {
			return l, fmt.Errorf("server: limit %q: they are %s", name, strings.Join(slices.Sorted(maps.Keys(named)), ", "))
		}
		if err := n.set(&l, c.Limit[name]); err != nil {
			return l, fmt.Errorf("server: limit %s=%s: %w", name, c.Limit[name], err)
		}
	}
	if l.ws.Document > 16<<20 {
		return l, fmt.Errorf("server: limit message: at most 16MiB")
	}
	return l, nil
}

// set sets the limit to a value as people write it.
func (n limit) set(l *limits, text string) error {
	if n.unit == span {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > maxSpan {
			return fmt.Errorf("%q is no time from 0s to %v", text, maxSpan)
		}
		if d == 0 && !n.any() {
			return errZero
		}
		*n.span(l) = d
		return nil
	}
	if n.unit == perSec {
		r, burst := n.rate(l)
		text, at, two := strings.Cut(text, ":")
		amount, err := parseSize(text)
		if err != nil {
			return err
		}
		before := *r
		*r = rate.Limit(amount)
		switch {
		case amount == 0:
			*r = rate.Inf
		case two:
			b, err := parseSize(at)
			if err != nil || b < 1 {
				return fmt.Errorf("%q is no burst: a whole number above 0", at)
			}
			*burst = int(b)
		case before == rate.Inf || before <= 0:
			*burst = int(4 * amount)
		default: // the burst grows and shrinks with it
			*burst = max(int(float64(*burst)*float64(amount)/float64(before)), 1)
		}
		return nil
	}
	amount, err := parseSize(text)
	if err != nil {
		return err
	}
	if n.unit == count && strings.ContainsAny(text, "KMG") {
		return fmt.Errorf("it is a number, not a size")
	}
	if n.memory != nil {
		*n.memory(l) = amount
		return nil
	}
	if amount == 0 && !n.any() {
		return errZero
	}
	*n.number(l) = int(amount)
	return nil
}

var errZero = errors.New("it must be above 0")

// any tells whether 0 stands for no limit.
func (n limit) any() bool { return strings.HasSuffix(n.what, "0: any") }

// parseSize reads 500, 64KiB, 1MiB or 2GiB.
func parseSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "KMGiB")
	factor, ok := map[string]int64{"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[text[len(digits):]]
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || n < 0 || n > math.MaxInt64/factor || n*factor > 1<<50 {
		return 0, fmt.Errorf("%q is not a whole number, with KiB, MiB or GiB for bytes", text)
	}
	return n * factor, nil
}

// LimitNames lists the limits that are counted, one line each: those that Config.Limit
// can set, with what they are and their defaults, then the others.
func LimitNames() []string {
	defaults := limits{ws: ws.DefaultLimits(), chat: chat.DefaultLimits(), api: api.DefaultLimits(), rooms: room.DefaultLimits(), push: notify.DefaultLimits()}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(named)) {
		n := named[name]
		value := ""
		switch {
		case n.rate != nil:
			r, burst := n.rate(&defaults)
			value = fmt.Sprintf("%g:%d a second", float64(*r), *burst)
		case n.span != nil:
			value = n.span(&defaults).String()
		case n.memory != nil:
			value = "85% of GOMEMLIMIT"
		case n.unit == size:
			v := *n.number(&defaults)
			value = cmp.Or(map[bool]string{true: fmt.Sprintf("%dMiB", v>>20)}[v >= 1<<20], fmt.Sprintf("%dKiB", v>>10))
		default:
			value = strconv.Itoa(*n.number(&defaults))
		}
		lines = append(lines, limitLine(name, value, n.what))
	}
	for _, name := range slices.Sorted(maps.Keys(fixed)) {
		lines = append(lines, limitLine(name, "fixed", fixed[name]))
	}
	return lines
}

func limitLine(name, value, what string) string {
	return fmt.Sprintf("%-17s %-16s %s", name, value, what)
}

// proxies parses Config.TrustedProxies.
func (c Config) proxies() (list []netip.Prefix, err error) {
	for _, text := range c.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			ip, ipErr := netip.ParseAddr(text)
			if ipErr != nil {
				return nil, fmt.Errorf("server: trusted proxy %q: it is an address or a network like 10.0.0.0/8", text)
			}
			p = netip.PrefixFrom(ip, ip.BitLen())
		}
		list = append(list, p.Masked())
	}
	return list, nil
}
