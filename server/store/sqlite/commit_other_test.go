//go:build !unix

package sqlite_test

const commitEnv = "WEFT_SQLITE_COMMIT"

func commitChild() {}
