package sqlite

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"weft/server/store"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Kinds of checksums, so that a record is never taken for a snapshot.
const (
	ofRecord   = 'L'
	ofSnapshot = 'S'
)

// checksum is CRC-32C of
//
//	kind (1) | doc (8) | before (8) | id (8) | data
//
// where integers are big-endian. For a record, before is the id of the document's
// previous record, 0 for the first one; for a snapshot through id, it is the snapshot's
// since. Neither kind nor before is stored with a record: the reader knows them from the
// previous record.
func checksum(kind byte, doc docID, before, id store.LogID, data []byte) uint32 {
	var h [25]byte
	h[0] = kind
	binary.BigEndian.PutUint64(h[1:], uint64(doc))
	binary.BigEndian.PutUint64(h[9:], uint64(before))
	binary.BigEndian.PutUint64(h[17:], uint64(id))
	return crc32.Update(crc32.Checksum(h[:], castagnoli), castagnoli, data)
}

// record is one row of the log: one stored update.
type record struct {
	id   store.LogID
	crc  uint32
	data []byte
}

// checkChain checks that recs follow the record with id before, without a gap, and
// returns their data. ErrCorrupt: a record is damaged or missing.
func checkChain(doc docID, before store.LogID, recs []record) ([][]byte, error) {
	data := make([][]byte, len(recs))
	for i, r := range recs {
		if checksum(ofRecord, doc, before, r.id, r.data) != r.crc {
			return nil, fmt.Errorf("%w: log record %d after %d", store.ErrCorrupt, r.id, before)
		}
		before = r.id
		data[i] = r.data
	}
	return data, nil
}

// appendTail appends a record to a tail, which is a sequence of records:
//
//	id (8) | crc (4) | length (4) | data
func appendTail(tail []byte, r record) []byte {
	tail = binary.BigEndian.AppendUint64(tail, uint64(r.id))
	tail = binary.BigEndian.AppendUint32(tail, r.crc)
	tail = binary.BigEndian.AppendUint32(tail, uint32(len(r.data)))
	return append(tail, r.data...)
}

const tailHeader = 16 // bytes of a record in a tail before its data

// splitTail returns the records of a tail; they share its memory.
func splitTail(tail []byte) ([]record, error) {
	var recs []record
	for len(tail) > 0 {
		if len(tail) < tailHeader {
			return nil, fmt.Errorf("%w: the tail is truncated", store.ErrCorrupt)
		}
		n := int(binary.BigEndian.Uint32(tail[12:]))
		r := record{
			id:  store.LogID(binary.BigEndian.Uint64(tail)),
			crc: binary.BigEndian.Uint32(tail[8:]),
		}
		tail = tail[tailHeader:]
		if n > len(tail) {
			return nil, fmt.Errorf("%w: the tail is truncated", store.ErrCorrupt)
		}
		r.data, tail = tail[:n:n], tail[n:]
		recs = append(recs, r)
	}
	return recs, nil
}
