package room

import (
	"context"
	"errors"
	"time"

	"weft/crdt"
)

// State returns the document as one Yjs update, V1.
func (r *Room) State(ctx context.Context) (update []byte, err error) {
	err = r.read(ctx, func(d *crdt.Doc) { update = d.EncodeStateAsUpdate(nil) })
	return update, err
}

// JSON returns the document's roots as a JSON object.
func (r *Room) JSON(ctx context.Context) (object []byte, err error) {
	var failed error
	err = r.read(ctx, func(d *crdt.Doc) { object, failed = d.JSON() })
	return object, errors.Join(err, failed)
}

// Text returns the plain text of a root.
func (r *Room) Text(ctx context.Context, root string) (text string, err error) {
	err = r.read(ctx, func(d *crdt.Doc) { text = d.Text(root).String() })
	return text, err
}

// read runs f between commands, on the room's goroutine.
func (r *Room) read(ctx context.Context, f func(*crdt.Doc)) error {
	done := make(chan struct{})
	select {
	case r.commands <- &command{kind: look, read: f, now: time.Now(), done: done}:
		token(r.queued)
	case <-r.stopped:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select { // not for ctx: f may be running
	case <-done:
		return nil
	case <-r.stopped:
		return ErrClosed
	}
}
