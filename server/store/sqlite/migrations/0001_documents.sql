-- A document exists from its first record on; its id is that record's id.
CREATE TABLE docs (
    id   INTEGER PRIMARY KEY,
    room TEXT NOT NULL UNIQUE
) STRICT;

-- Append-only at the right edge of one B-tree. A second index here would cost
-- ten times the throughput: which rows belong to a document is kept in memory.
-- crc chains a record to the one before it in its document, see record.go.
CREATE TABLE log (
    id   INTEGER PRIMARY KEY,
    doc  INTEGER NOT NULL,
    crc  INTEGER NOT NULL,
    data BLOB    NOT NULL
) STRICT;

-- Two rows per document at most: the newest snapshot, and the one before it as
-- long as the newest one's since names it.
CREATE TABLE snap (
    doc     INTEGER NOT NULL,
    through INTEGER NOT NULL,
    since   INTEGER NOT NULL, -- 0: none before it; through: none was kept
    crc     INTEGER NOT NULL,
    data    BLOB    NOT NULL,
    PRIMARY KEY (doc, through)
) STRICT;

-- The records (since, through] that the newest snapshot took out of the log: on
-- top of the snapshot before it, they stand in for a newest one that went bad.
CREATE TABLE tail (
    doc  INTEGER PRIMARY KEY,
    data BLOB NOT NULL
) STRICT;
