package room

import (
	"context"
	"errors"
	"time"

	"weft/crdt"
)

// State returns the whole document as one Yjs update, encoding V1. Errors: ErrClosed if the
// room has ended, or ctx's.
func (r *Room) State(ctx context.Context) (update []byte, err error) {
	err = r.read(ctx, func(d *crdt.Doc) { update = d.EncodeStateAsUpdate(nil) })
	return update, err
}

// JSON returns the document's root types as one JSON object. Errors as of State, and those
// of the conversion.
func (r *Room) JSON(ctx context.Context) (object []byte, err error) {
	var failed error
	err = r.read(ctx, func(d *crdt.Doc) { object, failed = d.JSON() })
	return object, errors.Join(err, failed)
}

// Text returns the plain text of a root type; empty if there is no such type. Errors as of
// State.
func (r *Room) Text(ctx context.Context, root string) (text string, err error) {
	err = r.read(ctx, func(d *crdt.Doc) { text = d.Text(root).String() })
	return text, err
}

// read runs f on the room's goroutine, after the commands that are queued. When it
// returns ErrClosed or ctx's error, f has not run and will not, or has panicked.
func (r *Room) read(ctx context.Context, f func(*crdt.Doc)) error {
	done := make(chan struct{})
	select {
	case r.commands <- &queuedCommand{command{kind: commandRead, read: f, now: time.Now()}, done}:
		r.queued.Set()
	case <-r.stopped:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select { // ctx is not watched: f may be running
	case <-done:
		return nil
	case <-r.stopped:
		return ErrClosed
	}
}
