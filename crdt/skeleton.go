// Package crdt is a Yjs-compatible document engine.
package crdt

import "errors"

var errSkeleton = errors.New("crdt: not yet")

type Options struct {
	ClientID    uint64
	KeepDeleted bool
}
type StateVector map[uint64]uint64
type Doc struct{}

func New(opts Options) *Doc                                                { return &Doc{} }
func (d *Doc) ApplyUpdate(update []byte) (changed bool, err error)         { return false, errSkeleton }
func ValidateUpdate(update []byte) error                                   { return errSkeleton }
func (d *Doc) StateVector() StateVector                                    { return nil }
func (d *Doc) EncodeStateVector() []byte                                   { return []byte{0} }
func DecodeStateVector(b []byte) (StateVector, error)                      { return nil, errSkeleton }
func (d *Doc) EncodeStateAsUpdate(sv StateVector) []byte                   { return []byte{0, 0} }
func (d *Doc) HasPending() bool                                            { return false }
func (d *Doc) Check() error                                                { return nil }
func (d *Doc) Text(root string) string                                     { return "" }
func (d *Doc) JSON() ([]byte, error)                                       { return nil, errSkeleton }
func (d *Doc) Roots() []string                                             { return nil }
func (d *Doc) InsertText(root string, index int, s string) ([]byte, error) { return nil, errSkeleton }
func (d *Doc) DeleteText(root string, index, length int) ([]byte, error)   { return nil, errSkeleton }
func (d *Doc) SetMap(root, key string, value any) ([]byte, error)          { return nil, errSkeleton }
func (d *Doc) DeleteMap(root, key string) ([]byte, error)                  { return nil, errSkeleton }
