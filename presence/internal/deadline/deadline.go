// Package deadline is a priority queue of things that change by themselves at a
// known time, such as the end of a grace period: a binary heap (container/heap)
// with the earliest deadline first. Setting, moving and removing a deadline costs
// O(log n).
//
// The heap stores its bookkeeping inside the items, in an embedded [Entry] of 32
// bytes, and needs no map beside them. It has no clock, no timer and no lock.
package deadline

import (
	"container/heap"
	"time"
)

// Entry is embedded, by value, in an item that a [Heap] can hold. The zero value
// has no deadline. An item is in at most one heap at a time.
type Entry struct {
	at       time.Time
	position int // index in the heap plus 1; 0: not in a heap
}

// DeadlineEntry returns e. It makes every type that embeds Entry an [Item].
func (e *Entry) DeadlineEntry() *Entry { return e }

// Item is what a heap holds: a pointer to a struct that embeds [Entry].
type Item interface{ DeadlineEntry() *Entry }

// Heap orders items by deadline. The zero value is empty and ready. Not safe for
// concurrent use.
type Heap[T Item] struct{ items entries[T] }

// Len returns the number of items with a deadline.
func (h *Heap[T]) Len() int { return len(h.items) }

// Set gives the item a deadline, or moves the one it has.
func (h *Heap[T]) Set(item T, at time.Time) {
	e := item.DeadlineEntry()
	e.at = at
	if e.position > 0 {
		heap.Fix(&h.items, e.position-1)
	} else {
		heap.Push(&h.items, item)
	}
}

// Remove takes the item's deadline away. It does nothing if there is none.
func (h *Heap[T]) Remove(item T) {
	if e := item.DeadlineEntry(); e.position > 0 {
		heap.Remove(&h.items, e.position-1)
	}
}

// At returns the item's deadline; ok is false if it has none.
func (h *Heap[T]) At(item T) (at time.Time, ok bool) {
	e := item.DeadlineEntry()
	return e.at, e.position > 0
}

// First returns the item with the earliest deadline, without removing it; ok is
// false if the heap is empty.
func (h *Heap[T]) First() (item T, at time.Time, ok bool) {
	if len(h.items) == 0 {
		return item, at, false
	}
	item = h.items[0]
	return item, item.DeadlineEntry().at, true
}

// entries implements heap.Interface.
type entries[T Item] []T

func (s entries[T]) Len() int { return len(s) }

func (s entries[T]) Less(i, j int) bool {
	return s[i].DeadlineEntry().at.Before(s[j].DeadlineEntry().at)
}

func (s entries[T]) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].DeadlineEntry().position, s[j].DeadlineEntry().position = i+1, j+1
}

func (s *entries[T]) Push(x any) {
	item := x.(T)
	*s = append(*s, item)
	item.DeadlineEntry().position = len(*s)
}

func (s *entries[T]) Pop() any {
	last := len(*s) - 1
	item := (*s)[last]
	var zero T
	(*s)[last] = zero
	*s = (*s)[:last]
	*item.DeadlineEntry() = Entry{}
	return item
}
