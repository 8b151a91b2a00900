package redis

import (
	"encoding/base64"
	"hash/fnv"
	"strconv"
	"time"
)

// Everything that is kept in Redis. P is the prefix, {t} a hash tag that keeps
// what one script touches in one slot of a cluster, NODE the id of a node's life
// (new at every start, and after every trouble with Redis). Names of rooms and
// people are base64url in keys, so they are told apart and none reaches outside
// the prefix; in fields and values they are bytes among bytes.
//
//	key               type    field → value                            ends
//	P:{n}:nodes       hash    NODE → lease, ms of Redis' clock         by reaping
//	P:{n}:epoch       string  made by the first node to come           never
//	P:{n}:reap:NODE   string  claim: a node is reaping                 30 s
//	P:{rT}:room:ROOM  hash    c<conn> → "NODE gen state user"          with its last entry,
//	                          p<user> → "slot since order count card"  else 24 h after the
//	                          n → counter; s → "12 slot counts"        last refresh (hourly)
//	P:{rT}:node:NODE  set     rooms of partition T with entries        by reaping, else 24 h
//	P:{uT}:user:USER  hash    NODE → "devices best-state"              like rooms
//	P:{uT}:node:NODE  set     people of partition T                    like the other
//	P:{uT}:seen:USER  string  when last seen, ms of Redis' clock       30 days
//	P:{rT}:room:ROOM  channel the NODE that changed the room, or who types, see typing.go
//	P:{uT}:user:USER  channel the NODE where the person's devices changed
//	P:{n}:nodes       channel nothing; subscribing again to it shows a lost connection
//
// state is o (online), i (idle), a (away) or g (in the grace period). gen is from the room's counter,
// which orders arrivals too; count is how many entries the person has; card is
// "bytes of name" ":" name avatar.
type keys string

const (
	partitions = 64
	seenTTL    = 30 * 24 * time.Hour
	entryTTL   = 24 * time.Hour
	refresh    = time.Hour // entries in use are written again
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

// index is the set of a node's rooms (kind r) or people (kind u) in a partition.
func (k keys) index(kind, partition, node string) string {
	return string(k) + ":{" + kind + partition + "}:node:" + node
}

func encode(name string) string { return base64.RawURLEncoding.EncodeToString([]byte(name)) }

func partition(encoded string) string {
	h := fnv.New32a()
	h.Write([]byte(encoded))
	return strconv.Itoa(int(h.Sum32() % partitions))
}
