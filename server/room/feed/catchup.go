package feed

// Requested returns the channel of the signal that is set when readers need an answer: the
// room then calls TakeRequests.
func (f *Feed) Requested() <-chan struct{} { return f.requested.C() }

// request queues r for an answer of the room. mu is held.
func (f *Feed) request(r *Reader) {
	if r.requesting {
		return
	}
	r.requesting = true
	f.requests = append(f.requests, r)
	f.requested.Set()
}

// TakeRequests returns the readers that need an answer, the longest waiting first. Each
// must be answered, put back, or belong to a peer that has left.
func (f *Feed) TakeRequests() []*Reader {
	f.mu.Lock()
	defer f.mu.Unlock()
	requests := f.requests
	f.requests = nil
	return requests
}

// PutBack queues readers that were taken and not answered, before all others.
func (f *Feed) PutBack(readers []*Reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(readers, f.requests...)
	f.requested.Set()
}

// SetStepOne records a sync step 1 of the peer with an encoded state vector. It replaces
// an earlier step 1 that is not answered yet: one answer serves both.
func (r *Reader) SetStepOne(stateVector []byte) {
	r.feed.mu.Lock()
	r.stepOne = stateVector
	r.feed.mu.Unlock()
}

// ResetAwareness makes the reader get the awareness of all clients again.
func (r *Reader) ResetAwareness() {
	r.feed.mu.Lock()
	r.awareness = 0
	r.feed.mu.Unlock()
}

// A Request says what a reader needs.
type Request struct {
	// StepOne is the encoded state vector that the client sent, nil if it sent none and
	// the reader has fallen behind.
	StepOne []byte
	// Base is the latest mark that the reader has passed; nil: it has nothing for certain.
	Base *Mark
	// Latest is the feed's latest mark, which an answer made now includes.
	Latest *Mark
}

// TakeRequest returns what the reader needs. The caller makes the answer and calls Answer.
func (r *Reader) TakeRequest() Request {
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	q := Request{StepOne: r.stepOne, Base: r.base, Latest: r.feed.mark}
	r.stepOne = nil
	return q
}

// An Answer is a catch-up for one reader.
type Answer struct {
	Bodies []*Shared
	// Next is the number of the first entry that the answer does not include.
	Next uint64
	// Mark is Request.Latest.
	Mark *Mark
	// SinceBase: the answer includes everything since the reader's base, also its own
	// updates.
	SinceBase bool
}

// Answer gives the reader an answer, which Next returns. The caller wakes the peer
// afterwards.
func (r *Reader) Answer(a Answer) {
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	r.answers = append(r.answers, a.Bodies...)
	r.requesting, r.synced = false, true
	r.next = max(r.next, a.Next)
	if a.SinceBase && r.own > 0 {
		if r.own = 0; r.lastOwn >= a.Next {
			r.own = a.Next // or a later entry: nextUpdate looks for it
		}
	}
	if r.own == 0 || a.Mark.From <= r.own {
		r.base = a.Mark
	}
}
