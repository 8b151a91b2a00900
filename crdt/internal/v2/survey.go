package v2

import (
	"math"

	"weft/crdt/internal/codec"
)

// An update V2 is read twice. Survey reads and checks all of it and adds up its cost
// (cost.go), without keeping anything. Only then is the update taken in.

// Survey is the result of the first reading of an update V2.
type Survey struct {
	Sections, Structs int
	Subdocuments      int             // structs of KindDoc
	Content           int             // bytes of content in all structs
	MaxSizeV1         int             // bytes that the update takes in V1, at most
	IsWhole           bool            // no section begins after clock 0, is empty or has a Skip
	Splits            int             // origins that may split an item
	Deletes           codec.DeleteSet // in the order found; not in normal form

	cost, size int
	clients    []uint64
}

// IsTooDense reports whether the update may not be applied to a document that has other
// content, of which splitRanges ranges of the delete set split an item.
func (s *Survey) IsTooDense(splitRanges int) bool {
	return s.cost+costSplitOther*s.Splits+costSplitRange*splitRanges > allowance(s.size)
}

// Purpose says what an update is surveyed for, and so which costs count.
type Purpose int

const (
	PurposeApply   Purpose = iota // costs what applying it allocates
	PurposeConvert                // costs the bytes of its form in V1
	PurposeMerge                  // costs those, and the bytes of the merged update
	PurposeTrusted                // costs nothing: the writer is trusted
)

// Survey reads and checks all of an update. The error is the rule that the update
// breaks; Offset says where.
func (d *Decoder) Survey(update []byte, why Purpose) (s Survey, err error) {
	s, err = d.survey(update, why)
	if err == errKeyAgain { //nolint:errorlint // ours, never wrapped
		d.keepKeys = true
		s, err = d.survey(update, why)
	}
	return s, err
}

func (d *Decoder) survey(update []byte, why Purpose) (s Survey, err error) {
	s.size, d.size = len(update), len(update)
	if err := d.open(update); err != nil {
		return s, err
	}
	if s.Sections, err = d.rest.Count(2); err != nil {
		return s, err
	}
	x := surveying{why: why, most: allowance(len(update)) - d.used}
	if why == PurposeTrusted {
		x.most = math.MaxInt
	}
	s.IsWhole, s.MaxSizeV1 = true, 4*codec.MaxUvarintLen
	for range s.Sections {
		if err := x.section(d, &s); err != nil {
			return s, err
		}
	}
	if codec.HasDuplicateClient(s.clients) {
		return s, codec.ErrClientTwice
	}
	room := min(d.rest.Len()/2, (x.most-x.m.sum)/costRange)
	s.Deletes, err = codec.ReadDeleteSetV2(&d.rest, make(codec.DeleteSet, 0, room))
	switch {
	case err != nil:
		return s, err
	case d.rest.Len() > 0:
		return s, codec.ErrTrailing
	case x.m.sum+costRange*len(s.Deletes) > x.most:
		return s, ErrTooDense
	}
	s.MaxSizeV1 += 3 * codec.MaxUvarintLen * len(s.Deletes)
	d.used += max(0, x.m.sum-allowPerByte*len(update))
	s.cost, s.Splits = x.m.sum+costRange*len(s.Deletes), x.m.splits
	return s, nil
}

// surveying is a survey in progress. It stays on the stack, which makes reading faster.
type surveying struct {
	why  Purpose
	most int // the cost that the update may have
	m    meter
	w    codec.Struct
}

// section reads one section.
func (x *surveying) section(d *Decoder, s *Survey) error {
	n, client, clock, err := d.Begin()
	if err != nil {
		return err
	}
	m, w := &x.m, &x.w
	if m.begin(clock, 1); m.sum > x.most || n > uint64(x.most-m.sum) {
		return ErrTooDense
	}
	s.IsWhole = s.IsWhole && n > 0 && clock == 0
	s.clients = append(s.clients, client)
	s.Structs += int(n)
	s.MaxSizeV1 += 3 * codec.MaxUvarintLen
	for ; n > 0; n-- {
		if err := d.Read(w, client, clock); err != nil {
			return err
		}
		size := w.MaxSize()
		switch x.why {
		case PurposeApply:
			m.add(w)
		case PurposeConvert:
			m.sum += size
		case PurposeMerge:
			m.sum += 4 * size
		}
		if d.keepKeys {
			m.sum += costNumber
		}
		if m.sum > x.most {
			return ErrTooDense
		}
		if w.Kind == codec.KindDoc {
			s.Subdocuments++
		}
		s.IsWhole = s.IsWhole && w.Kind != codec.KindSkip
		s.Content += len(w.Content)
		s.MaxSizeV1 += size
		clock = w.End()
	}
	return nil
}
