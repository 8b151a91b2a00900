package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"

	"weft/server/store"
)

// wordsID is a message's row id in the search index: room<<32 | seq, so that the rows of
// one room are together. Room ids are below 1<<31.
func wordsID(room int64, seq store.Seq) int64 { return room<<32 | int64(seq)&math.MaxUint32 }

// termsOf returns what the index stores of a text: the Terms of its words.
func termsOf(text string) string {
	var b strings.Builder
	for w := range store.Words(text) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.Term)
	}
	return b.String()
}

// reindexWords replaces what the search index has of a message.
func (t *tx) reindexWords(room int64, seq store.Seq, text string) error {
	if _, err := t.exec("DELETE FROM words WHERE rowid = ?", wordsID(room, seq)); err != nil {
		return err
	}
	return t.indexWords(room, seq, text)
}

// indexWords adds a message to the search index.
func (t *tx) indexWords(room int64, seq store.Seq, text string) error {
	found := termsOf(text)
	if found == "" {
		return nil
	}
	_, err := t.exec("INSERT INTO words (rowid, forms) VALUES (?, ?)", wordsID(room, seq), found)
	return err
}

// indexMessages adds all messages to the search index. The migration that creates the
// index runs it.
func indexMessages(ctx context.Context, tx *sql.Tx) error {
	insert, err := tx.PrepareContext(ctx, "INSERT INTO words (rowid, forms) VALUES (?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	return queryIn(ctx, tx).each(func(rows *sql.Rows) error {
		var room int64
		var seq store.Seq
		var text string
		if err := rows.Scan(&room, &seq, &text); err != nil {
			return err
		}
		found := termsOf(text)
		if found == "" {
			return nil
		}
		_, err := insert.ExecContext(ctx, wordsID(room, seq), found)
		return err
	}, "SELECT room, seq, text FROM messages WHERE NOT deleted ORDER BY room, seq")
}

// match returns the query in the syntax of FTS5. Terms have nothing but letters, digits and
// marks, so none needs escaping.
func match(q store.Query) string {
	var b strings.Builder
	for i, phrase := range q.Phrases {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(`"` + strings.Join(phrase, " ") + `"`)
	}
	if q.LastIsPrefix {
		b.WriteByte('*')
	}
	return b.String()
}

// Limits of a page of search results.
const (
	defaultFound = 20
	maxFound     = 100
)

// Search implements store.Chat.
func (s *Store) Search(ctx context.Context, room store.RoomID, p store.SearchPage) ([]store.Message, error) {
	found := []store.Message{}
	if len(p.Query.Phrases) == 0 {
		return found, nil
	}
	limit := p.Limit
	if limit <= 0 {
		limit = defaultFound
	}
	err := s.read(ctx, func(tx *sql.Tx) (err error) {
		var id int64
		switch err := tx.QueryRowContext(ctx, "SELECT id FROM rooms WHERE name = ?", room).Scan(&id); {
		case errors.Is(err, sql.ErrNoRows):
			return nil
		case err != nil:
			return err
		}
		before := store.Seq(math.MaxUint32)
		if p.Before > 0 {
			before = min(before, p.Before-1)
		}
		var seqs []string
		if err := queryIn(ctx, tx).each(func(rows *sql.Rows) error {
			var row int64
			err := rows.Scan(&row)
			seqs = append(seqs, fmt.Sprint(row&math.MaxUint32))
			return err
		}, "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?",
			match(p.Query), wordsID(id, 0), wordsID(id, before), min(limit, maxFound)); err != nil {
			return err
		}
		found, err = messages(queryIn(ctx, tx), room, "AND NOT m.deleted AND m.seq IN (SELECT value FROM json_each(?)) ORDER BY m.seq DESC", "["+strings.Join(seqs, ",")+"]")
		return err
	})
	if err != nil {
		return nil, fail("search", err)
	}
	return found, nil
}
