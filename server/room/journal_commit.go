package room

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weft/server/store"
)

// ErrStalled says that a commit is under way that does not end.
var ErrStalled = errors.New("room: the disk does not answer")

const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// commit writes a batch, and again until it succeeds. A batch whose commit was
// reported as failed and yet happened is written twice, which a CRDT does not
// mind. It returns false when the journal has been given up.
func (j *Journal) commit(batch []record) bool {
	wait := firstRetry
	for {
		err := j.append(batch)
		if errors.Is(err, store.ErrCorrupt) {
			// Some room's stored document is damaged. The others have nothing to
			// do with it.
			if batch = j.divide(batch); len(batch) == 0 {
				j.set(nil)
				return true
			}
			continue
		}
		if err == nil {
			break
		}
		j.set(err)
		j.o.Log.Error("updates are not on disk, rooms are read-only; trying again", "updates", len(batch), "wait", wait, "err", err)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-j.given:
			timer.Stop()
			j.o.Log.Error("updates are lost to this server; their authors still hold them", "updates", len(batch))
			return false
		}
		wait = min(2*wait, lastRetry)
	}
	if _, trouble := j.health(); trouble != nil {
		j.o.Log.Info("updates are on disk again", "updates", len(batch))
	}
	// The rooms hear of their acks before they hear that they may write again.
	settle(batch)
	j.set(nil)
	return true
}

// append is one try. A commit that takes too long counts as trouble while it
// lasts.
func (j *Journal) append(batch []record) error {
	updates := make([]store.Update, len(batch))
	for i, r := range batch {
		updates[i] = r.update
	}
	returned := make(chan struct{})
	watched := make(chan struct{})
	stall := time.AfterFunc(stallAfter, func() {
		defer close(watched)
		select {
		case <-returned:
		default:
			j.set(fmt.Errorf("%w: a commit has taken %s so far", ErrStalled, stallAfter))
			j.o.Log.Error("a commit does not end, rooms are read-only", "updates", len(updates), "after", stallAfter)
		}
	})
	err := j.o.Store.AppendUpdates(context.Background(), updates)
	close(returned)
	if !stall.Stop() {
		<-watched // it must not speak of trouble after this
	}
	return err
}

// divide writes a batch room by room. It returns the records that could not be
// written for other reasons than damage; rooms that are damaged are told, and
// their records dropped: nobody was told that they are safe.
func (j *Journal) divide(batch []record) (rest []record) {
	var order []*durable
	rooms := map[*durable][]record{}
	for _, r := range batch {
		if rooms[r.room] == nil {
			order = append(order, r.room)
		}
		rooms[r.room] = append(rooms[r.room], r)
	}
	for _, room := range order {
		records := rooms[room]
		switch err := j.append(records); {
		case err == nil:
			settle(records)
		case errors.Is(err, store.ErrCorrupt):
			j.o.Log.Error("a room is damaged on disk, and closed", "room", records[0].update.Room, "err", err)
			room.fail(err)
		default:
			j.set(err)
			rest = append(rest, records...)
		}
	}
	return rest
}

// settle tells the rooms what is on disk.
func settle(batch []record) {
	last := make(map[*durable]uint64, 8)
	for _, r := range batch {
		last[r.room] = r.n
	}
	for d, n := range last {
		d.set(n)
	}
}
