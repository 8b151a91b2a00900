-- Every post and every later change of a message takes the room's next number;
-- a message keeps that of its last change.
ALTER TABLE rooms ADD COLUMN last_change INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
UPDATE rooms SET last_change = last_seq;
UPDATE messages SET change = seq;
CREATE UNIQUE INDEX messages_change ON messages (room, change);
