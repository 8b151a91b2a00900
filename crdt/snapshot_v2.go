package crdt

import "weft/crdt/lib0"

// Snapshots in format V2 differ in the delete set alone, which is written in steps:
//
//	uvarint n, n × (uvarint client, uvarint m, m × (uvarint gap, uvarint length-1))
//
// gap is the number of units between the end of the last range, or 0, and this one.

// AppendV2 is Append in format V2, to the bytes of Yjs (encodeSnapshotV2).
func (s Snapshot) AppendV2(dst []byte) []byte {
	return s.State.Append(s.deletes().appendSteps(dst))
}

// DecodeSnapshotV2 is DecodeSnapshot for format V2. Nothing in the bytes tells the
// formats apart. Errors match ErrMalformed.
func DecodeSnapshotV2(b []byte) (Snapshot, error) {
	return decodeSnapshot(b, readDeleteSteps)
}

// appendSteps writes a set in normal form.
func (ds deleteSet) appendSteps(dst []byte) []byte {
	dst = lib0.AppendUvarint(dst, uint64(ds.clients()))
	for len(ds) > 0 {
		n := 1
		for n < len(ds) && ds[n].client == ds[0].client {
			n++
		}
		dst = lib0.AppendUvarint(dst, ds[0].client)
		dst = lib0.AppendUvarint(dst, uint64(n))
		from := uint64(0)
		for _, d := range ds[:n] {
			dst = lib0.AppendUvarint(dst, d.clock-from)
			dst = lib0.AppendUvarint(dst, d.length-1)
			from = d.end()
		}
		ds = ds[n:]
	}
	return dst
}

// readDeleteSteps appends the delete set at r to ds, in the order found: a client may
// come twice, and ranges may touch.
func readDeleteSteps(r *lib0.Reader, ds deleteSet) (deleteSet, error) {
	clients, err := r.Count(2)
	if err != nil {
		return ds, err
	}
	for ; clients > 0; clients-- {
		client, err := r.Uvarint()
		if err != nil {
			return ds, err
		}
		n, err := r.Count(2)
		if err != nil {
			return ds, err
		}
		for from := uint64(0); n > 0; n-- {
			gap, err := r.Uvarint()
			if err != nil {
				return ds, err
			}
			more, err := r.Uvarint()
			if err != nil {
				return ds, err
			}
			if gap > maxClock-from || more >= maxClock-from-gap {
				return ds, ErrClock
			}
			ds = append(ds, deletion{client, from + gap, more + 1})
			from += gap + more + 1
		}
	}
	return ds, nil
}
