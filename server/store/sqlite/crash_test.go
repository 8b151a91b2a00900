package sqlite_test

const crashEnv = "WEFT_SQLITE_CRASH"

func crashChild() {}
