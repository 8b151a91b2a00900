-- System lines, each between the message after and the next; see store.Line.
CREATE TABLE lines (
    room    INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    usr     TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    was     TEXT    NOT NULL,
    after   INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (room, n)
) STRICT, WITHOUT ROWID;
