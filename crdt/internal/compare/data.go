package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"weft/crdt"
	"weft/crdt/lib0"
)

// writeData writes the files that all libraries read into the working folder. Logs of
// updates (.bin) are pairs of a length, uint32 little-endian, and an update.
func writeData(o options) error {
	files := map[string][]byte{}
	for to, from := range map[string]string{"b4.v1": "b4.final.v1", "b4.v2": "b4.final.v2", "b4.sv": "b4.last100.sv", "b4.bin": "b4.updates.v1.bin.gz"} {
		b, err := os.ReadFile(filepath.Join(o.fixtures, from))
		if err != nil {
			return fmt.Errorf("the B4 trace (-fixtures): %w", err)
		}
		files[to] = b
	}
	z, err := gzip.NewReader(bytes.NewReader(files["b4.bin"]))
	if err != nil {
		return err
	}
	if files["b4.bin"], err = io.ReadAll(z); err != nil {
		return err
	}
	if files["people.bin"], err = people(5_000); err != nil {
		return err
	}
	if files["map.bin"], err = keys(5_000); err != nil {
		return err
	}
	if files["typing.bin"], err = typing(1_000); err != nil {
		return err
	}
	if !o.quick {
		if files["x100.v1"], err = hundredfold(files["b4.v1"]); err != nil {
			return err
		}
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(o.dir, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func appendUpdate(log, u []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(log, uint32(len(u))), u...)
}

func readLog(log []byte) (updates [][]byte) {
	for len(log) > 0 {
		n := 4 + binary.LittleEndian.Uint32(log)
		updates = append(updates, log[4:n:n])
		log = log[n:]
	}
	return updates
}

// together runs rounds in which four authors make one edit each, concurrently, and then
// exchange their updates. It returns the log of all updates.
func together(rounds int, edit func(author int, doc *crdt.Doc) ([]byte, error)) (log []byte, err error) {
	authors := make([]*crdt.Doc, 4)
	for i := range authors {
		authors[i] = crdt.New(crdt.Options{ClientID: uint64(i+1) * 0x1234567})
	}
	for range rounds {
		var made [][]byte
		for i, a := range authors {
			u, err := edit(i, a)
			if err != nil {
				return nil, err
			}
			made = append(made, bytes.Clone(u))
			log = appendUpdate(log, u)
		}
		for i, a := range authors {
			for j, u := range made {
				if i == j {
					continue
				}
				if _, err := a.ApplyUpdate(u); err != nil {
					return nil, err
				}
			}
		}
	}
	return log, nil
}

// people returns the log of four people who type at one caret each. One time in 20 a caret
// jumps; one edit in 6 deletes a character.
func people(rounds int) ([]byte, error) {
	rng := rand.New(rand.NewPCG(1, 1))
	carets := make([]int, 4)
	return together(rounds, func(i int, doc *crdt.Doc) ([]byte, error) {
		length := doc.Length("text")
		if rng.IntN(20) == 0 {
			carets[i] = rng.IntN(length + 1)
		}
		at := min(carets[i], length)
		if at > 0 && rng.IntN(6) == 0 {
			carets[i] = at - 1
			return doc.DeleteText("text", at-1, 1)
		}
		carets[i] = at + 1
		return doc.InsertText("text", at, string(rune('a'+rng.IntN(26))))
	})
}

// keys returns the log of four people who set random keys of one map, one time in four to a
// small object, else to a number.
func keys(rounds int) ([]byte, error) {
	rng := rand.New(rand.NewPCG(2, 2))
	return together(rounds, func(i int, doc *crdt.Doc) ([]byte, error) {
		var value any = rng.IntN(1000)
		if rng.IntN(4) == 0 {
			value = map[string]any{"x": rng.IntN(500), "y": rng.IntN(500), "label": "node"}
		}
		return doc.SetMap("map", fmt.Sprintf("key-%d", rng.IntN(2_000)), value)
	})
}

// typing returns a log of n updates that each change a loaded document a little: another
// client inserts a character into another text.
func typing(n int) (log []byte, err error) {
	d := crdt.New(crdt.Options{ClientID: 987654321})
	for i := range n {
		u, err := d.InsertText("other", i, "x")
		if err != nil {
			return nil, err
		}
		log = appendUpdate(log, u)
	}
	return log, nil
}

// hundredfold returns an update whose root holds a hundred copies of the text of state, one
// behind the other: the same structs under a hundred client ids. It supports only what B4
// contains: strings, deleted items and GCs of one client.
func hundredfold(state []byte) ([]byte, error) {
	const copies = 100
	u := lib0.AppendUvarint(nil, copies)
	for i := range copies {
		r := lib0.NewReader(state)
		section, err := renamed(&r, uint64(copies-i))
		if err != nil {
			return nil, err
		}
		u = append(u, section...)
	}
	u = lib0.AppendUvarint(u, copies)
	for i := range copies {
		r := lib0.NewReader(state)
		if _, err := renamed(&r, 1); err != nil {
			return nil, err
		}
		// Skip the count of clients, which is 1, and the client id; the rest are the ranges.
		for range 2 {
			if _, err := r.Uvarint(); err != nil {
				return nil, err
			}
		}
		u = append(lib0.AppendUvarint(u, uint64(copies-i)), r.Rest()...)
	}
	return u, crdt.ValidateUpdate(u)
}

// renamed reads the only section of an update and returns it under another client id.
func renamed(r *lib0.Reader, client uint64) (dst []byte, err error) {
	next := func() uint64 {
		v, e := r.Uvarint()
		if e != nil {
			err = e
		}
		return v
	}
	if next() != 1 {
		return nil, fmt.Errorf("the update has not exactly one client section")
	}
	n := next()
	next()
	dst = lib0.AppendUvarint(lib0.AppendUvarint(lib0.AppendUvarint(dst, n), client), next())
	for ; n > 0 && err == nil; n-- {
		info, e := r.Byte()
		if e != nil {
			return nil, e
		}
		dst = append(dst, info)
		if info == 0 {
			dst = lib0.AppendUvarint(dst, next())
			continue
		}
		for _, bit := range []byte{0x80, 0x40} {
			if info&bit != 0 {
				next()
				dst = lib0.AppendUvarint(lib0.AppendUvarint(dst, client), next())
			}
		}
		if info&0xc0 == 0 {
			dst = lib0.AppendUvarint(dst, next())
			name, e := r.VarText()
			if e != nil {
				return nil, e
			}
			dst = lib0.AppendVarBytes(dst, name)
		}
		switch info & 31 {
		case 1:
			dst = lib0.AppendUvarint(dst, next())
		case 4:
			text, e := r.VarText()
			if e != nil {
				return nil, e
			}
			dst = lib0.AppendVarBytes(dst, text)
		default:
			return nil, fmt.Errorf("unexpected struct of kind %d", info&31)
		}
	}
	return dst, err
}
