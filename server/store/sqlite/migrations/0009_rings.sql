-- Pushes that wait are taken together by device and room. What was read rings no more.
ALTER TABLE jobs ADD COLUMN room TEXT NOT NULL DEFAULT '';
DELETE FROM jobs WHERE NOT EXISTS (SELECT 1 FROM notifications n WHERE n.n = jobs.notification AND n.read_at IS NULL);
UPDATE jobs SET room = (SELECT room FROM notifications n WHERE n.n = jobs.notification);
DROP INDEX jobs_subscription;
CREATE INDEX jobs_together ON jobs (subscription, room, id);
