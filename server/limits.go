package server

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"weft/notify"
	"weft/server/api"
	"weft/server/chat"
	"weft/server/room"
	"weft/server/ws"
)

// limits are the limits of all subsystems of one server.
type limits struct {
	ws    ws.Limits
	chat  chat.Limits
	api   api.Limits
	rooms room.Limits
	push  notify.Limits
}

// limit describes a limit that the operator can set by its name.
type limit struct {
	help  string
	value limitValue
}

// settable are the limits that --limit NAME=VALUE sets. Limits on the structure of
// messages (nesting depth, element counts) are in fixed.
var settable = map[string]limit{
	"message":      {"size of one update, at most 16MiB", sizeLimit{func(l *limits) *int { return &l.ws.Document }}},
	"answer":       {"size of one sync step 2: everything that a client wrote while it was offline", sizeLimit{func(l *limits) *int { return &l.ws.Answer }}},
	"event":        {"size of one event or awareness message", sizeLimit{func(l *limits) *int { return &l.ws.Event }}},
	"hello":        {"size of one message on a connection that is not authenticated yet", sizeLimit{func(l *limits) *int { return &l.ws.PreAuth }}},
	"rooms":        {"rooms on one connection", countLimit{field: func(l *limits) *int { return &l.ws.Rooms }}},
	"queue":        {"bytes queued for one connection", sizeLimit{func(l *limits) *int { return &l.ws.Queue }}},
	"queue-frames": {"frames queued for one connection", countLimit{field: func(l *limits) *int { return &l.ws.QueueLen }}},
	"address":      {"connections from one address", countLimit{zero: zeroUnlimited, field: func(l *limits) *int { return &l.ws.PerAddr }}},
	"strangers":    {"connections from one address that are not authenticated yet", countLimit{zero: zeroUnlimited, field: func(l *limits) *int { return &l.ws.Unauthenticated }}},
	"person":       {"connections of one person", countLimit{zero: zeroUnlimited, field: func(l *limits) *int { return &l.ws.PerPerson }}},
	"arrivals":     {"rate of new connections from one address", rateLimit{func(l *limits) (*rate.Limit, *int) { return &l.ws.New, &l.ws.NewBurst }}},
	"all-arrivals": {"rate of new connections in all", rateLimit{func(l *limits) (*rate.Limit, *int) { return &l.ws.NewAll, &l.ws.NewAllBurst }}},
	"updates":      {"rate of updates from one connection", rateLimit{func(l *limits) (*rate.Limit, *int) { return &l.ws.Updates, &l.ws.UpdatesBurst }}},
	"bytes":        {"rate of bytes from one connection", rateLimit{func(l *limits) (*rate.Limit, *int) { return &l.ws.Bytes, &l.ws.BytesBurst }}},
	"requests":     {"rate of joins, sync step 1 messages and other requests from one connection", rateLimit{func(l *limits) (*rate.Limit, *int) { return &l.ws.Requests, &l.ws.RequestsBurst }}},
	"awareness":    {"rate of awareness messages from one connection", rateLimit{func(l *limits) (*rate.Limit, *int) { return &l.ws.Awareness, &l.ws.AwarenessBurst }}},
	"chat":         {"chat messages of one person in one room", rateLimit{func(l *limits) (*rate.Limit, *int) { return &l.chat.Person, &l.chat.PersonBurst }}},
	"room-chat":    {"chat messages of all people in one room", rateLimit{func(l *limits) (*rate.Limit, *int) { return &l.chat.Room, &l.chat.RoomBurst }}},
	"guests":       {"guests, new and renamed, from one address", rateLimit{func(l *limits) (*rate.Limit, *int) { return &l.api.Guests, &l.api.GuestsAt }}},
	"pushes":       {"pushes to one person in an hour; a push to several devices counts once", countLimit{zero: zeroUnlimited, field: func(l *limits) *int { return &l.push.Hourly }}},
	"push-every":   {"shortest time between two pushes about one room to one person", timeLimit{zero: zeroUnlimited, field: func(l *limits) *time.Duration { return &l.push.Every }}},
	"document":     {"content of one document", sizeLimit{func(l *limits) *int { return &l.rooms.Content }}},
	"structs":      {"structs in one document", countLimit{field: func(l *limits) *int { return &l.rooms.Structs }}},
	"clients":      {"Yjs client ids that have written to one document", countLimit{field: func(l *limits) *int { return &l.rooms.Clients }}},
	"roots":        {"root types of one document", countLimit{field: func(l *limits) *int { return &l.rooms.Roots }}},
	"subdocuments": {"live subdocuments of one document", countLimit{field: func(l *limits) *int { return &l.rooms.Subdocs }}},
	"pending-wait": {"how long a room asks clients for updates that pending updates depend on; then it logs a warning and keeps the pending updates", timeLimit{field: func(l *limits) *time.Duration { return &l.rooms.Pending }}},
	"journal":      {"updates of all rooms that are not on disk yet", sizeLimit{func(l *limits) *int { return &l.rooms.Journal }}},
	"warm-rooms":   {"rooms kept loaded without a peer", countLimit{field: func(l *limits) *int { return &l.rooms.Warm }}},

	"open-documents": {"memory of all loaded documents", memoryLimit{func(l *limits) *int64 { return &l.rooms.Memory }}},
}

// fixed are limits that cannot be set. Like the settable ones they are counted in
// /metrics when they are reached.
var fixed = map[string]string{
	"hello-wait":        "time until a connection must have authenticated: 10 s, 30 s for Hocuspocus",
	"token":             "size of one token: 8 KiB",
	"text":              "one chat message: 4,000 characters in 16 KiB",
	"awareness-state":   "one awareness state: 4 KiB, nested 16 deep",
	"awareness-clients": "awareness clients of one connection in one room: 64",
	"pending":           "pending updates of one document: 1 MiB, 10,000 structs, 10,000 deletions",
	"depth":             "nesting of a value in a document: 100",
	"work":              "work to merge one update: 67 million steps, about 0.7 s",
}

// defaultLimits returns the limits of a server whose operator sets none.
func defaultLimits() limits {
	return limits{
		ws: ws.DefaultLimits(), chat: chat.DefaultLimits(), api: api.DefaultLimits(),
		rooms: room.DefaultLimits(), push: notify.DefaultLimits(),
	}
}

// labLimits returns the limits for load tests on one machine: no limit on rates and
// connections. Bounds on size, structure and memory stay.
func labLimits() limits {
	return limits{
		ws: ws.LabLimits(), chat: chat.LabLimits(), api: api.LabLimits(),
		rooms: room.DefaultLimits(),
	}
}

// maxMessage is the largest value of the limit "message", in bytes: stock clients and
// the framing of the SDK are tested up to it.
const maxMessage = 16 << 20

// memoryShare is the percentage of GOMEMLIMIT that loaded documents may take.
const memoryShare = 85

// limits returns the limits that the Config asks for.
func (c Config) limits() (l limits, err error) {
	switch c.Limits {
	case "", "default":
		l = defaultLimits()
	case "lab":
		l = labLimits()
	default:
		return l, fmt.Errorf("server: limits %q: want default or lab", c.Limits)
	}
	if most := debug.SetMemoryLimit(-1); most < math.MaxInt64 {
		l.rooms.Memory = most / 100 * memoryShare
	}
	for _, name := range slices.Sorted(maps.Keys(c.Limit)) {
		s, ok := settable[name]
		if !ok {
			return l, fmt.Errorf("server: limit %q: want one of %s", name, strings.Join(slices.Sorted(maps.Keys(settable)), ", "))
		}
		if err := s.value.set(&l, c.Limit[name]); err != nil {
			return l, fmt.Errorf("server: limit %s=%s: %w", name, c.Limit[name], err)
		}
	}
	if l.ws.Document > maxMessage {
		return l, fmt.Errorf("server: limit message: want at most 16MiB")
	}
	return l, nil
}

// LimitNames returns one line for each limit that is counted: first those that
// Config.Limit can set, with default and meaning, then the fixed ones. Both parts are
// sorted by name.
func LimitNames() []string {
	defaults := defaultLimits()
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(settable)) {
		s := settable[name]
		help := s.help
		if s.value.zeroMeans() == zeroUnlimited {
			help += "; 0: unlimited"
		}
		lines = append(lines, limitLine(name, s.value.format(&defaults), help))
	}
	for _, name := range slices.Sorted(maps.Keys(fixed)) {
		lines = append(lines, limitLine(name, "fixed", fixed[name]))
	}
	return lines
}

func limitLine(name, value, help string) string {
	return fmt.Sprintf("%-17s %-16s %s", name, value, help)
}

// proxies parses Config.TrustedProxies.
func (c Config) proxies() (list []netip.Prefix, err error) {
	for _, text := range c.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			ip, ipErr := netip.ParseAddr(text)
			if ipErr != nil {
				return nil, fmt.Errorf("server: trusted proxy %q: want an address or a network like 10.0.0.0/8", text)
			}
			p = netip.PrefixFrom(ip, ip.BitLen())
		}
		list = append(list, p.Masked())
	}
	return list, nil
}
