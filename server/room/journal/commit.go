package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"weft/server/store"
)

// ErrStalled says that a call of the store does not return.
var ErrStalled = errors.New("journal: the disk does not answer")

const (
	minRetryDelay = 50 * time.Millisecond
	// MaxRetryDelay is the longest pause between two tries of one commit.
	MaxRetryDelay = 2 * time.Second
)

// commit writes a batch, and again until it succeeds. A batch whose commit was reported
// as failed and yet happened is written twice, which is harmless: applying an update twice
// changes nothing. It returns false when the journal has given up.
func (j *Journal) commit(batch []Record) bool {
	delays := backoff.ExponentialBackOff{InitialInterval: minRetryDelay, Multiplier: 2, MaxInterval: MaxRetryDelay}
	for {
		err := j.append(batch)
		if errors.Is(err, store.ErrCorrupt) {
			if batch = j.commitByRoom(batch); len(batch) == 0 {
				j.setTrouble(nil)
				return true
			}
			continue
		}
		if err == nil {
			break
		}
		j.setTrouble(err)
		delay := delays.NextBackOff()
		j.o.Log.Error("journal: commit failed; rooms are read-only until a retry succeeds", "updates", len(batch), "retry", delay, "err", err)
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-j.givenUp:
			timer.Stop()
			j.o.Log.Error("journal: closed before a commit succeeded; clients must send these updates again", "updates", len(batch))
			return false
		}
	}
	if _, trouble := j.Health(); trouble != nil {
		j.o.Log.Info("journal: the disk works again", "updates", len(batch))
	}
	// Acks leave before the rooms learn that they may write again.
	advancePositions(batch)
	j.setTrouble(nil)
	return true
}

// append tries once to write a batch. A try that takes longer than StallAfter is reported
// as trouble while it lasts.
func (j *Journal) append(batch []Record) error {
	updates := make([]store.Update, len(batch))
	for i, r := range batch {
		updates[i] = r.Update
	}
	returned := make(chan struct{})
	reported := make(chan struct{})
	stall := time.AfterFunc(StallAfter, func() {
		defer close(reported)
		select {
		case <-returned:
		default:
			j.setTrouble(fmt.Errorf("%w: a commit has taken %s so far", ErrStalled, StallAfter))
			j.o.Log.Error("journal: a commit does not return; rooms are read-only until it does", "updates", len(updates), "after", StallAfter)
		}
	})
	err := j.o.Store.AppendUpdates(context.Background(), updates)
	close(returned)
	if !stall.Stop() {
		<-reported // it must not report trouble after this
	}
	return err
}

// commitByRoom writes a batch room by room, as one room in it is damaged. It returns the records
// that could not be written for other reasons than damage. The records of a damaged room
// are dropped, which breaks no promise, as they have had no ack.
func (j *Journal) commitByRoom(batch []Record) (rest []Record) {
	var order []*Position
	rooms := map[*Position][]Record{}
	for _, r := range batch {
		if rooms[r.Position] == nil {
			order = append(order, r.Position)
		}
		rooms[r.Position] = append(rooms[r.Position], r)
	}
	for _, room := range order {
		records := rooms[room]
		switch err := j.append(records); {
		case err == nil:
			advancePositions(records)
		case errors.Is(err, store.ErrCorrupt):
			j.o.Log.Error("journal: a stored room is damaged; closing it", "room", records[0].Update.Room, "err", err)
			room.fail(err)
		default:
			j.setTrouble(err)
			rest = append(rest, records...)
		}
	}
	return rest
}

// advancePositions tells each room in a batch that its records are durable.
func advancePositions(batch []Record) {
	last := make(map[*Position]uint64, 8)
	for _, r := range batch {
		last[r.Position] = r.Number
	}
	for p, n := range last {
		p.Advance(n)
	}
}
