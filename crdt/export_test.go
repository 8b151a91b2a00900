package crdt

// Thin is thin, for the tests outside the package.
const Thin = thin
