-- Where notifications lead, to find those of a message that was deleted.
CREATE INDEX notifications_place ON notifications (room, url);
