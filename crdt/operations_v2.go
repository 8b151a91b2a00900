package crdt

import (
	"bytes"

	"weft/crdt/internal/v2"
)

// This file has the operations of operations.go for update format V2. They convert to V1
// and back. So the values of embeds and marks come out as after JSON.stringify and
// JSON.parse, and values without a JSON form (bigint) are refused with ErrJSON.

// StateVectorFromUpdateV2 is StateVectorFromUpdate for format V2. State vectors
// themselves have one format only.
func StateVectorFromUpdateV2(update []byte) (StateVector, error) {
	return viaV1(update, StateVectorFromUpdate)
}

// ParseUpdateMetaV2 is ParseUpdateMeta for format V2.
func ParseUpdateMetaV2(update []byte) (map[uint64]Clocks, error) {
	return viaV1(update, ParseUpdateMeta)
}

// DiffUpdateV2 is DiffUpdate for format V2. It is safe for concurrent use, like the other
// functions of this file.
func DiffUpdateV2(update []byte, sv StateVector) ([]byte, error) {
	diff, err := viaV1(update, func(v1 []byte) ([]byte, error) { return DiffUpdate(v1, sv) })
	if err != nil {
		return nil, err
	}
	return ConvertUpdateV1ToV2(diff)
}

// MergeUpdatesV2 is MergeUpdates for format V2.
func MergeUpdatesV2(updates ...[]byte) ([]byte, error) {
	first := make([][]byte, len(updates))
	var dec v2.Decoder
	for i, u := range updates {
		var err error
		if first[i], err = convertV2(&dec, u, v2.PurposeMerge); err != nil {
			return nil, err
		}
	}
	if len(updates) == 1 {
		return bytes.Clone(updates[0]), nil
	}
	merged, err := MergeUpdates(first...)
	if err != nil {
		return nil, err
	}
	return ConvertUpdateV1ToV2(merged)
}

// viaV1 converts an update V2 to V1 and calls do with it.
func viaV1[T any](update []byte, do func(v1 []byte) (T, error)) (result T, err error) {
	var dec v2.Decoder
	v1, err := convertV2(&dec, update, v2.PurposeMerge)
	if err != nil {
		return result, err
	}
	return do(v1)
}
