package crdt

// Thin is thin, for the tests outside the package.
const Thin = thin

// Work is how many steps the last update took: what maxWork bounds.
func (d *Doc) Work() int { return d.store.work }
