package redis

import (
	"encoding/base64"
	"hash/fnv"
	"strconv"
	"time"
)

// Everything that is stored in Redis. P is the prefix. {…} is a hash tag: it keeps
// the keys that one script uses in one slot of a cluster. NODE is the id of a node's
// life, see doc.go. T is the partition, 0 to 63. ROOM and USER are base64url of the
// names, so that no name can contain a separator or reach outside the prefix; in
// fields and values names are plain bytes.
//
//	key               type    field → value                            removed
//	P:{n}:nodes       hash    NODE → lease, ms of Redis' clock         by reaping
//	P:{n}:epoch       string  random id, set by the first node         never
//	P:{n}:reap:NODE   string  claim: some node is reaping NODE         after 30 s
//	P:{rT}:room:ROOM  hash    c<conn> → "NODE gen state user"          with its last entry,
//	                          p<user> → "slot since order count card"  else 24 h after the
//	                          n → counter; s → "12 slot counts"        last refresh (hourly)
//	P:{rT}:node:NODE  set     rooms of partition T with entries        by reaping, else 24 h
//	P:{uT}:user:USER  hash    NODE → "devices best-state"              like room
//	P:{uT}:node:NODE  set     people of partition T with devices       by reaping, else 24 h
//	P:{uT}:seen:USER  string  when last seen, ms of Redis' clock       after 30 days
//	P:{rT}:room:ROOM  channel NODE that changed the room, or typing marks: see typing.go
//	P:{uT}:user:USER  channel NODE where the person's devices changed
//	P:{n}:nodes       channel no messages: see subscription
//
//	state    o online, i idle, a away, g in the grace period
//	gen      generation: value of the room's counter when the entry was written
//	since    arrival, ms of Redis' clock
//	order    value of the room's counter at arrival: orders people
//	count    number of the person's entries in the room
//	card     "bytes of name" ":" name avatar
type keys string

const (
	partitions = 64
	seenTTL    = 30 * 24 * time.Hour
	entryTTL   = 24 * time.Hour
	refresh    = time.Hour // interval in which a node writes all its entries again
	reapClaim  = 30 * time.Second
)

func (k keys) nodes() string           { return string(k) + ":{n}:nodes" }
func (k keys) epoch() string           { return string(k) + ":{n}:epoch" }
func (k keys) reap(node string) string { return string(k) + ":{n}:reap:" + node }

func (k keys) room(room string) string { return k.roomKey(encode(room)) }
func (k keys) roomKey(encoded string) string {
	return string(k) + ":{r" + partition(encoded) + "}:room:" + encoded
}

func (k keys) user(user string) string { return k.userKey("user", encode(user)) }
func (k keys) seen(user string) string { return k.userKey("seen", encode(user)) }
func (k keys) userKey(kind, encoded string) string {
	return string(k) + ":{u" + partition(encoded) + "}:" + kind + ":" + encoded
}

// index returns the key of the set of a node's rooms (kind "r") or people (kind "u")
// in a partition.
func (k keys) index(kind, partition, node string) string {
	return string(k) + ":{" + kind + partition + "}:node:" + node
}

func encode(name string) string { return base64.RawURLEncoding.EncodeToString([]byte(name)) }

func partition(encoded string) string {
	h := fnv.New32a()
	h.Write([]byte(encoded))
	return strconv.Itoa(int(h.Sum32() % partitions))
}
