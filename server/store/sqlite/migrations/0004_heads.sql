-- The id of a document's last record as of some moment after which nothing was
-- written to it for a while. A chain does not show that its end is gone; this does.
ALTER TABLE docs ADD COLUMN head INTEGER NOT NULL DEFAULT 0;
