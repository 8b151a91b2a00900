-- What messages can be found by: the forms of their words (store.Words), with
-- spaces between them. A row's id is room << 32 | seq, so that a search in one
-- room reads only that room's part of each list. The text itself is not kept.
CREATE VIRTUAL TABLE words USING fts5 (forms, content = '', contentless_delete = 1, tokenize = 'ascii');
