-- rev counts a room's changes as seq counts its messages; see store.Rev.
ALTER TABLE rooms ADD COLUMN last_rev INTEGER NOT NULL DEFAULT 0;
UPDATE rooms SET last_rev = last_seq;

ALTER TABLE messages ADD COLUMN rev INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE messages ADD COLUMN edited_by TEXT;   -- JSON of a user; NULL: the author
ALTER TABLE messages ADD COLUMN reactions TEXT;   -- JSON array; NULL: none
ALTER TABLE messages ADD COLUMN replies TEXT;     -- JSON; NULL: none

UPDATE messages SET rev = seq;
CREATE UNIQUE INDEX messages_rev ON messages (room, rev);

-- Threads have one level. A thread that leads nowhere, or around, is left alone.
UPDATE messages SET thread = coalesce((
    WITH RECURSIVE up (id, thread, n) AS (
        SELECT p.id, p.thread, 1 FROM messages p WHERE p.room = messages.room AND p.id = messages.thread
        UNION ALL
        SELECT p.id, p.thread, n + 1 FROM up JOIN messages p ON p.room = messages.room AND p.id = up.thread WHERE n < 1000
    )
    SELECT id FROM up WHERE thread = ''), thread)
WHERE thread <> '';
CREATE INDEX messages_thread ON messages (room, thread, seq) WHERE thread <> '';
UPDATE messages SET replies = (
    SELECT json_object(
        'count', count(*), 'last', strftime('%Y-%m-%dT%H:%M:%fZ', max(r.created_at) / 1000.0, 'unixepoch'),
        'people', (SELECT json_group_array(json_object('id', usr, 'name', name)) FROM (
            SELECT l.usr, l.name FROM messages l WHERE l.room = messages.room AND l.thread = messages.id AND NOT l.deleted
            GROUP BY l.usr ORDER BY max(l.seq) DESC LIMIT 3)))
    FROM messages r WHERE r.room = messages.room AND r.thread = messages.id AND NOT r.deleted)
WHERE thread = '' AND EXISTS (
    SELECT 1 FROM messages r WHERE r.room = messages.room AND r.thread = messages.id AND r.thread <> '' AND NOT r.deleted);

-- Who is mentioned where; an empty usr is @room.
CREATE TABLE mentioned (
    room INTEGER NOT NULL,
    usr  TEXT    NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (room, usr, seq)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO mentioned (room, usr, seq)
    SELECT m.room, coalesce(j.value ->> 'user', ''), m.seq FROM messages m, json_each(m.mentions) j WHERE NOT m.deleted;

-- Up to where each member has read. What was written before there were marks is
-- read.
ALTER TABLE members ADD COLUMN read_seq INTEGER NOT NULL DEFAULT 0;
UPDATE members SET read_seq = (SELECT last_seq FROM rooms WHERE rooms.id = members.room);
CREATE INDEX members_rooms ON members (usr, seen_at DESC, room);
