CREATE TABLE rooms (
    id       INTEGER PRIMARY KEY,
    name     TEXT    NOT NULL UNIQUE,
    last_seq INTEGER NOT NULL
) STRICT;

CREATE TABLE messages (
    room       INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    usr        TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    thread     TEXT    NOT NULL,
    quote      TEXT,             -- JSON
    mentions   TEXT    NOT NULL, -- JSON array
    created_at INTEGER NOT NULL, -- this and all times: milliseconds since 1970, UTC
    edited_at  INTEGER,
    deleted    INTEGER NOT NULL,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX messages_id ON messages (room, id);

CREATE TABLE facts (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    data BLOB NOT NULL
) STRICT;

CREATE TABLE members (
    room    INTEGER NOT NULL,
    usr     TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (room, usr)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_seen ON members (room, seen_at DESC, usr);

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One row, rewritten to prove that the file can be written.
CREATE TABLE health (
    id   INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT;
