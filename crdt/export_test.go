package crdt

// Thin is thin, for the tests outside the package.
const Thin = thin

// StructsIn counts the structs of an update that is in order.
func StructsIn(update []byte) int {
	var u parsedUpdate
	if err := u.parse(update); err != nil {
		panic(err)
	}
	return u.structs
}

// Work is how many steps the last update took: what maxWork bounds.
func (d *Doc) Work() int { return d.store.work }
