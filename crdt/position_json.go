package crdt

import (
	"encoding/json"
	"strconv"

	"weft/crdt/lib0"
)

// MarshalJSON writes the form that editors put into awareness, with the members that
// Yjs writes, in its order (relativePositionToJSON):
//
//	{"type": {"client", "clock"}, "tname", "item": {"client", "clock"}, "assoc"}
//
// Members that are not set are left out. Unlike Yjs it writes a tname that is "".
// A position that is set nowhere is ErrPlace.
func (p Position) MarshalJSON() ([]byte, error) {
	if p.Item == nil && p.Root == nil && p.Type == nil {
		return nil, ErrPlace
	}
	dst := []byte{'{'}
	if p.Type != nil {
		dst = append(appendIDJSON(append(dst, `"type":`...), *p.Type), ',')
	}
	if p.Root != nil {
		dst = append(appendJSString(append(dst, `"tname":`...), []byte(*p.Root)), ',')
	}
	if p.Item != nil {
		dst = append(appendIDJSON(append(dst, `"item":`...), *p.Item), ',')
	}
	return append(strconv.AppendInt(append(dst, `"assoc":`...), int64(p.Assoc), 10), '}'), nil
}

func appendIDJSON(dst []byte, id ID) []byte {
	dst = strconv.AppendUint(append(dst, `{"client":`...), id.Client, 10)
	dst = strconv.AppendUint(append(dst, `,"clock":`...), id.Clock, 10)
	return append(dst, '}')
}

// UnmarshalJSON reads that form. Members may be null or missing, as long as one of
// item, tname and type is there; assoc is then 0. Others are ignored. Errors match
// ErrMalformed; p is then as it was.
func (p *Position) UnmarshalJSON(b []byte) error {
	var in struct {
		Type  *idJSON `json:"type"`
		Tname *string `json:"tname"`
		Item  *idJSON `json:"item"`
		Assoc int     `json:"assoc"`
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return &MalformedError{"position", 0, err}
	}
	read := Position{Root: in.Tname, Assoc: in.Assoc}
	err := error(nil)
	if read.Item, err = in.Item.id(); err == nil {
		read.Type, err = in.Type.id()
	}
	switch {
	case err != nil:
	case in.Assoc > lib0.MaxSafe || in.Assoc < -lib0.MaxSafe:
		err = lib0.ErrOverflow
	case read.Item == nil && read.Type == nil && read.Root == nil:
		err = ErrPlace
	}
	if err != nil {
		return &MalformedError{"position", 0, err}
	}
	*p = read
	return nil
}

// idJSON is an ID as Yjs writes it in JSON. Both members must be there.
type idJSON struct {
	Client *uint64 `json:"client"`
	Clock  *uint64 `json:"clock"`
}

func (j *idJSON) id() (*ID, error) {
	switch {
	case j == nil:
		return nil, nil
	case j.Client == nil || j.Clock == nil:
		return nil, ErrPlace
	case *j.Client > lib0.MaxSafe || *j.Clock > maxClock:
		return nil, lib0.ErrOverflow
	}
	return &ID{*j.Client, *j.Clock}, nil
}
