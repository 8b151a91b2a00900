package room

import (
	"strconv"

	"weft/crdt"
	"weft/server/room/feed"
	"weft/server/wire"
)

// encodeCache holds the bodies that were encoded of one version of the document, for all
// peers that need the same. Its methods are called with Room.mu held.
type encodeCache struct {
	version uint64 // state.appended
	used    bool   // since expire was last called
	bodies  map[string][]*feed.Shared
	bytes   int // in bodies
	// stored is the full state as it was stored, so that the first peer after loading need
	// not wait until it is encoded again. nil: it must be encoded.
	stored []byte
}

// maxCacheBytes bounds the cached bodies, in bytes, besides the last one added.
const maxCacheBytes = 4 << 20

// expire drops the cache unless it was used since the last call.
func (e *encodeCache) expire() {
	if !e.used {
		e.bodies, e.bytes, e.stored = nil, 0, nil
	}
	e.used = false
}

// get returns the bodies of a key, made by encode unless they are cached.
func (e *encodeCache) get(s *state, key string, encode func() []*feed.Shared) []*feed.Shared {
	if e.version != s.appended {
		e.version, e.bodies, e.bytes, e.stored = s.appended, nil, 0, nil
	}
	e.used = true
	if b, ok := e.bodies[key]; ok {
		return b
	}
	b := encode()
	size := 0
	for _, s := range b {
		size += len(s.Body)
	}
	if e.bytes > maxCacheBytes {
		e.bodies, e.bytes = nil, 0
	}
	if e.bodies == nil {
		e.bodies = map[string][]*feed.Shared{}
	}
	e.bodies[key] = b
	e.bytes += size
	return b
}

// encode returns what sv lacks, as an update. Only get's callback calls it, as get drops
// the stored state when the document has changed.
func (e *encodeCache) encode(s *state, sv crdt.StateVector) []byte {
	if len(sv) == 0 && e.stored != nil {
		return e.stored
	}
	return s.doc.EncodeStateAsUpdate(sv)
}

// stepTwo returns the answer to a step 1. The encoded state vector must be valid.
func (e *encodeCache) stepTwo(s *state, stateVector []byte) []*feed.Shared {
	return e.get(s, "2"+string(stateVector), func() []*feed.Shared {
		sv, err := crdt.DecodeStateVector(stateVector)
		if err != nil {
			panic("room: a state vector that was valid cannot be decoded: " + err.Error())
		}
		return splitBodies(e.encode(s, sv), wire.AppendStep2)
	})
}

// since returns what a peer lacks that has at least base; nil: that may have nothing.
func (e *encodeCache) since(s *state, base *feed.Mark) []*feed.Shared {
	key := "0"
	var sv crdt.StateVector
	if base != nil {
		sv = base.StateVector
		key = "0" + strconv.FormatUint(base.From, 10)
	}
	return e.get(s, key, func() []*feed.Shared {
		return splitBodies(e.encode(s, sv), wire.AppendUpdate)
	})
}

const (
	// An update of more than splitAbove bytes is sent in parts of about partBytes, each a message.
	// Stock clients disconnect after 30 s without a message, so with parts a connection of
	// 10 KiB a second is enough for any document.
	splitAbove = 512 << 10
	partBytes  = 256 << 10
)

// splitBodies returns the bodies that contain an update, in parts. appendLast encodes the
// last part; the others are update messages.
func splitBodies(update []byte, appendLast func(dst, update []byte) []byte) []*feed.Shared {
	parts := [][]byte{update}
	if len(update) > splitAbove {
		var err error
		if parts, err = crdt.SplitUpdate(update, partBytes); err != nil {
			panic("room: an update that this server encoded cannot be split: " + err.Error())
		}
	}
	bodies := make([]*feed.Shared, len(parts))
	for i, p := range parts {
		appendBody := wire.AppendUpdate
		if i == len(parts)-1 {
			appendBody = appendLast
		}
		bodies[i] = &feed.Shared{Body: appendBody(make([]byte, 0, len(p)+8), p)}
	}
	return bodies
}
