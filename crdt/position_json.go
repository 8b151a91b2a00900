package crdt

import (
	"encoding/json"
	"strconv"

	"weft/crdt/internal/jsvalue"
	"weft/crdt/lib0"
)

// MarshalJSON returns the form that editors put into awareness states, with the members and
// the order of Yjs's relativePositionToJSON:
//
//	{"type": {"client", "clock"}, "tname", "item": {"client", "clock"}, "assoc"}
//
// Members that are not set are left out. An empty tname is written; Yjs omits it. Errors:
// ErrPlace if none of Item, Root and Type is set.
func (p Position) MarshalJSON() ([]byte, error) {
	if p.Item == nil && p.Root == nil && p.Type == nil {
		return nil, ErrPlace
	}
	dst := []byte{'{'}
	if p.Type != nil {
		dst = append(appendIDJSON(append(dst, `"type":`...), *p.Type), ',')
	}
	if p.Root != nil {
		dst = append(jsvalue.AppendString(append(dst, `"tname":`...), []byte(*p.Root)), ',')
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

// UnmarshalJSON decodes the form that MarshalJSON writes. Members may be null or missing,
// but one of item, tname and type must be set. A missing assoc is 0. Unknown members are
// ignored. Errors match ErrMalformed and leave p unchanged.
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

// idJSON is an ID as Yjs writes it in JSON. Both members are required.
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
