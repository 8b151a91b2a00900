CREATE TABLE notifications (
    n          INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    usr        TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    room       TEXT    NOT NULL,
    title      TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    url        TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    actor_name TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER,
    read_at    INTEGER
) STRICT;

CREATE INDEX notifications_newest ON notifications (usr, created_at, n);
CREATE INDEX notifications_unread ON notifications (usr, created_at, n) WHERE read_at IS NULL;
CREATE INDEX notifications_unseen ON notifications (usr) WHERE seen_at IS NULL;

CREATE TABLE subscriptions (
    n          INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    usr        TEXT    NOT NULL,
    endpoint   TEXT    NOT NULL UNIQUE,
    p256dh     BLOB    NOT NULL,
    auth       BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX subscriptions_person ON subscriptions (usr, created_at, n);

CREATE TABLE jobs (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    notification INTEGER NOT NULL,
    subscription INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    next_at      INTEGER NOT NULL
) STRICT;

CREATE INDEX jobs_due ON jobs (next_at, id);
CREATE INDEX jobs_subscription ON jobs (subscription);
