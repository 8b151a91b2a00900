package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weft/server/store"
	"weft/server/store/sqlite"
	"weft/server/store/storetest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func appendTo(t testing.TB, s *sqlite.Store, room store.RoomID, data ...string) {
	t.Helper()
	var updates []store.Update
	for _, d := range data {
		updates = append(updates, store.Update{Room: room, Data: []byte(d)})
	}
	must(t, s.AppendUpdates(t.Context(), updates))
}

// text returns the document as one string: its snapshot and its log, joined. It fails the
// test if LoadPart returned a part of a document together with an error.
func text(t testing.TB, s *sqlite.Store, room store.RoomID) (string, error) {
	t.Helper()
	doc, err := storetest.LoadAll(t.Context(), s, room)
	if err != nil && (doc.Snapshot != nil || doc.Log != nil || doc.Through != 0) {
		t.Fatalf("load of room %q returned error %v and also a document: %+v", room, err, doc)
	}
	return string(bytes.Join(append([][]byte{doc.Snapshot}, doc.Log...), nil)), err
}

// compact stores the whole document as the snapshot of the room.
func compact(t testing.TB, s *sqlite.Store, room store.RoomID) {
	t.Helper()
	all, err := text(t, s, room)
	must(t, err)
	doc, err := storetest.LoadAll(t.Context(), s, room)
	must(t, err)
	must(t, s.Compact(t.Context(), room, []byte(all), doc.Through))
}

func wantText(t testing.TB, s *sqlite.Store, room store.RoomID, want string) {
	t.Helper()
	got, err := text(t, s, room)
	must(t, err)
	if got != want {
		t.Fatalf("room %q holds %q, want %q", room, got, want)
	}
}

// TestDamagedRowsAreRepairedOrRefused changes stored rows. The document has two snapshots,
// a tail (the records between the snapshots) and a log after them: "1" "2" | "3" "4" | "5" "6" "7".
func TestDamagedRowsAreRepairedOrRefused(t *testing.T) {
	t.Parallel()
	const corrupt = ""
	const badNewest = "UPDATE snap SET data = x'bad0' WHERE through = 4; "
	for _, c := range []struct {
		name, sql string
		want      string // text of the document; corrupt: loading it returns ErrCorrupt
	}{
		{"nothing", "SELECT 1", "1234567"},
		{"a record's bytes", "UPDATE log SET data = x'39' WHERE id = 6", corrupt},
		{"a record's checksum", "UPDATE log SET crc = crc + 1 WHERE id = 7", corrupt},
		{"a record is missing, first", "DELETE FROM log WHERE id = 5", corrupt},
		{"a record is missing, middle", "DELETE FROM log WHERE id = 6", corrupt},
		{"two records swapped", "UPDATE log SET (crc, data) = (SELECT crc, data FROM log l WHERE l.id = 13 - log.id) WHERE id IN (6, 7)", corrupt},
		{"all records deleted", "DELETE FROM log", corrupt},
		{"the last record is missing", "DELETE FROM log WHERE id = 7", corrupt},
		{"newest snapshot's bytes", badNewest, "1234567"},
		{"newest snapshot's checksum", "UPDATE snap SET crc = crc + 1 WHERE through = 4", "1234567"},
		{"newest snapshot's since", "UPDATE snap SET since = 0 WHERE through = 4", corrupt},
		{"newest snapshot has no bytes", "UPDATE snap SET data = x'' WHERE through = 4", "1234567"},
		{"newest snapshot is missing", "DELETE FROM snap WHERE through = 4", corrupt},
		{"older snapshot's bytes", "UPDATE snap SET data = x'bad0' WHERE through = 2", "1234567"},
		{"both snapshots' bytes", "UPDATE snap SET data = x'bad0'", corrupt},
		{"both snapshots are missing", "DELETE FROM snap", corrupt},
		{"newest snapshot and a record of the tail", badNewest + "UPDATE tail SET data = CAST(substr(data, 1, length(data) - 1) || x'78' AS BLOB)", corrupt},
		{"newest snapshot, tail truncated", badNewest + "UPDATE tail SET data = substr(data, 1, 17)", corrupt},
		{"newest snapshot, tail deleted", badNewest + "DELETE FROM tail", corrupt},
		{"newest snapshot, older snapshot deleted", badNewest + "DELETE FROM snap WHERE through = 2", corrupt},
		{"tail deleted", "DELETE FROM tail", "1234567"},
		{"records, snapshots and tail deleted", "DELETE FROM log; DELETE FROM snap; DELETE FROM tail", corrupt},
	} {
		for _, reopened := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/reopened=%v", c.name, reopened), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				s := open(t, dir)
				appendTo(t, s, "room", "1", "2")
				compact(t, s, "room")
				appendTo(t, s, "room", "3", "4")
				compact(t, s, "room")
				appendTo(t, s, "room", "5", "6", "7")
				appendTo(t, s, "other", "fine")
				for statement := range strings.SplitSeq(strings.TrimSuffix(c.sql, "; "), "; ") {
					if strings.Contains(statement, "DELETE FROM log") && !strings.Contains(statement, "WHERE") {
						statement += " WHERE id < 8" // keep the record of the other room
					}
					must(t, s.Exec(statement))
				}
				want := c.want
				if reopened {
					must(t, s.Close())
					s = open(t, dir)
				}
				got, err := text(t, s, "room")
				if want == corrupt && !errors.Is(err, store.ErrCorrupt) {
					t.Fatalf("load returned %q, error %v, want ErrCorrupt", got, err)
				}
				if want != corrupt {
					must(t, err)
					if got != want {
						t.Fatalf("load returned %q, want %q", got, want)
					}
				}
				wantText(t, s, "other", "fine")
			})
		}
	}
}

// A damaged snapshot is repaired by the next compaction, which builds on the older
// snapshot and the tail.
func TestCompactionRepairsADamagedSnapshot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	appendTo(t, s, "room", "1", "2")
	compact(t, s, "room")
	appendTo(t, s, "room", "3")
	compact(t, s, "room")
	must(t, s.Exec("UPDATE snap SET crc = 0 WHERE through = 3"))
	appendTo(t, s, "room", "4")
	compact(t, s, "room") // through record 4, from the snapshot through record 2
	wantText(t, s, "room", "1234")
	must(t, s.Exec("UPDATE snap SET crc = 0 WHERE through = 4"))
	wantText(t, s, "room", "1234")
	compact(t, s, "room") // the same records again
	appendTo(t, s, "room", "5")
	must(t, s.Close())
	s = open(t, dir)
	wantText(t, s, "room", "12345")
	compact(t, s, "room")
	must(t, s.Exec("UPDATE snap SET crc = 0 WHERE through = 5"))
	wantText(t, s, "room", "12345")
	if n, err := s.Int("SELECT count(*) FROM snap"); err != nil || n != 2 {
		t.Fatalf("%d snapshots are stored (error %v), want 2", n, err)
	}
	if n, err := s.Int("SELECT count(*) FROM log"); err != nil || n != 0 {
		t.Fatalf("%d records are left in the log (error %v), want 0", n, err)
	}
}

// A log is compacted in parts. The document stays whole although the newest snapshot is
// damaged after most parts, and the file is opened again after every second part.
func TestCompactionInPartsRepairsDamagedSnapshots(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	want := ""
	for i := range 40 {
		want += fmt.Sprintf("%d;", i)
		appendTo(t, s, "room", fmt.Sprintf("%d;", i))
	}
	for n := 0; ; n++ {
		part, more, err := s.LoadPart(t.Context(), "room", 0, 100)
		must(t, err)
		all := append([][]byte{part.Snapshot}, part.Log...)
		must(t, s.Compact(t.Context(), "room", bytes.Join(all, nil), part.Through))
		if n%3 != 2 {
			must(t, s.Exec("UPDATE snap SET crc = crc + 1 WHERE through = ?", part.Through))
		}
		wantText(t, s, "room", want)
		if n%2 == 0 {
			must(t, s.Close())
			s = open(t, dir)
			wantText(t, s, "room", want)
		}
		if !more {
			break
		}
	}
	if n, err := s.Int("SELECT count(*) FROM log"); err != nil || n != 0 {
		t.Fatalf("%d records are left in the log (error %v), want 0", n, err)
	}
}

// The parts of a log before a damaged or missing record can be loaded and compacted. The
// part that holds the record is refused, and the records after it are kept.
func TestOnlyThePartWithADamagedRecordIsRefused(t *testing.T) {
	t.Parallel()
	for _, damage := range []string{"UPDATE log SET data = x'00' WHERE id = 30", "DELETE FROM log WHERE id = 30"} {
		s := open(t, t.TempDir())
		for i := range 40 {
			appendTo(t, s, "room", fmt.Sprintf("%d;", i))
		}
		must(t, s.Exec(damage))
		parts := 0
		for ; ; parts++ {
			part, more, err := s.LoadPart(t.Context(), "room", 0, 100)
			if errors.Is(err, store.ErrCorrupt) {
				break
			}
			must(t, err)
			if part.Through >= 30 || !more {
				t.Fatalf("%s: a part through record %d was loaded (more parts: %v), want ErrCorrupt at record 30", damage, part.Through, more)
			}
			all := append([][]byte{part.Snapshot}, part.Log...)
			must(t, s.Compact(t.Context(), "room", bytes.Join(all, nil), part.Through))
			if got, err := text(t, s, "room"); !errors.Is(err, store.ErrCorrupt) {
				t.Fatalf("%s: load of the whole document returned %q, error %v, want ErrCorrupt", damage, got, err)
			}
		}
		if n, err := s.Int("SELECT count(*) FROM log WHERE id > 30"); err != nil || n != 10 || parts == 0 {
			t.Fatalf("%s: %d parts were loaded, want at least 1; %d records are left after the damage (error %v), want 10", damage, parts, n, err)
		}
	}
}

// A record whose document number is unknown is assigned to the document that its checksum
// fits. If it fits none, the document that lacks the record is refused.
func TestRecordOfAnUnknownDocumentIsAssignedByItsChecksum(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	appendTo(t, s, "other", "fine")
	appendTo(t, s, "room", "1", "2", "3")
	compact(t, s, "other")
	must(t, s.Exec("UPDATE log SET doc = 99 WHERE id = 3"))
	must(t, s.Close())
	s = open(t, dir)
	if err := s.Damage(); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("Damage() = %v, want ErrCorrupt", err)
	}
	wantText(t, s, "room", "123")
	for bytes, want := range map[int]int{3: 1, 4: 0} {
		if rooms, err := s.LongLogs(t.Context(), math.MaxInt, bytes); err != nil || len(rooms) != want {
			t.Errorf("LongLogs of %d bytes: %q, error %v, want %d rooms", bytes, rooms, err, want)
		}
	}
	appendTo(t, s, "room", "4")
	wantText(t, s, "room", "1234")
	must(t, s.Exec("UPDATE log SET doc = 99, data = x'00' WHERE id = 3"))
	must(t, s.Close())
	s = open(t, dir)
	if got, err := text(t, s, "room"); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("load returned %q, error %v, want ErrCorrupt", got, err)
	}
	wantText(t, s, "other", "fine")
	appendTo(t, s, "other", " still")
	wantText(t, s, "other", "fine still")
}

// TestDamagedPagesGiveWholeDocumentsOrErrors fills one page (4,096 bytes) of the file with
// random bytes. Open may refuse the file with ErrCorrupt. If it opens, every document is
// either whole or refused with ErrCorrupt.
func TestDamagedPagesGiveWholeDocumentsOrErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "weft.db")
	s := open(t, dir)
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	want := map[store.RoomID]string{}
	for n := range 20 {
		for i := range 30 {
			room := store.RoomID(fmt.Sprint("room ", i))
			data := fmt.Sprintf("%d %d %0200d;", i, n, r.Uint64())
			appendTo(t, s, room, data)
			want[room] += data
			if n == 5 && i%3 == 0 {
				compact(t, s, room)
			}
		}
	}
	must(t, s.Close())
	whole, err := os.ReadFile(path)
	must(t, err)
	const page = 4096
	opened, refused := 0, 0
	for range 40 {
		damaged := slices.Clone(whole)
		at := (1 + r.IntN(len(whole)/page-1)) * page
		for i := range page {
			damaged[at+i] = byte(r.Uint32())
		}
		must(t, os.WriteFile(path, damaged, 0o600))
		s, err := sqlite.Open(path, sqlite.Options{})
		if err != nil {
			if !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("page %d damaged: Open: %v, want ErrCorrupt or success", at/page, err)
			}
			continue
		}
		opened++
		for room, want := range want {
			switch got, err := text(t, s, room); {
			case errors.Is(err, store.ErrCorrupt):
				refused++
			case err != nil:
				t.Errorf("page %d damaged: load of %s: %v, want ErrCorrupt or success", at/page, room, err)
			case got != want:
				t.Errorf("page %d damaged: load of %s returned %d other bytes than the %d stored ones; Damage() = %v", at/page, room, len(got), len(want), s.Damage())
			}
		}
		must(t, s.Close())
	}
	if opened < 20 || refused == 0 {
		t.Errorf("the file was opened %d times of 40, want at least 20; %d documents were refused, want at least 1", opened, refused)
	}
	t.Logf("the file was opened %d times of 40; %d of %d documents were refused", opened, refused, opened*len(want))
}

// TestFlippedBitsGiveWholeDocumentsOrErrors flips single bits in the records and snapshots
// of the data file. Every document is either whole or refused with ErrCorrupt.
func TestFlippedBitsGiveWholeDocumentsOrErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "weft.db")
	s := open(t, dir)
	r := rand.New(rand.NewPCG(1, 2))
	want := map[store.RoomID]string{}
	var pieces []string // the data of every record, as stored in the file
	for i := range 6 {
		room := store.RoomID(fmt.Sprint("room ", i))
		for n := range 8 {
			data := make([]byte, 40+r.IntN(300))
			for j := range data {
				data[j] = byte(r.Uint32())
			}
			appendTo(t, s, room, string(data))
			want[room] += string(data)
			pieces = append(pieces, string(data))
			if i%2 == 0 && (n == 2 || n == 5) {
				compact(t, s, room)
			}
		}
	}
	must(t, s.Close())
	whole, err := os.ReadFile(path)
	must(t, err)
	flipped := 0
	for _, piece := range pieces {
		i := bytes.Index(whole, []byte(piece)[:24])
		if i < 0 {
			continue // compaction deleted the record, and its page was overwritten
		}
		flipped++
		damaged := slices.Clone(whole)
		damaged[i+r.IntN(24)] ^= 1 << r.IntN(8)
		must(t, os.WriteFile(path, damaged, 0o600))
		s := open(t, dir)
		for room, want := range want {
			if got, err := text(t, s, room); err != nil && !errors.Is(err, store.ErrCorrupt) || err == nil && got != want {
				t.Fatalf("bit flipped after byte %d: load of %s returned %d bytes, error %v; want the %d stored bytes or ErrCorrupt", i, room, len(got), err, len(want))
			}
		}
		must(t, s.Close())
	}
	if flipped < 20 {
		t.Fatalf("%d records were found in the file, want at least 20", flipped)
	}
}

// The file holds the name of a document in two places. If one is damaged, the document is
// refused under both names: loading it would miss the log.
func TestDocumentWithADamagedNameIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "weft.db")
	s := open(t, dir)
	const name = "a name found in the file"
	appendTo(t, s, name, "1")
	compact(t, s, name)
	appendTo(t, s, name, "2")
	appendTo(t, s, "other", "fine")
	must(t, s.Close())
	whole, err := os.ReadFile(path)
	must(t, err)
	places := 0
	for at := 0; ; at++ {
		i := bytes.Index(whole[at:], []byte(name))
		if i < 0 {
			break
		}
		at += i
		places++
		damaged := slices.Clone(whole)
		damaged[at] ^= 1
		must(t, os.WriteFile(path, damaged, 0o600))
		s := open(t, dir)
		for _, room := range []store.RoomID{name, store.RoomID(string([]byte{name[0] ^ 1}) + name[1:])} {
			if got, err := text(t, s, room); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("byte %d damaged: load of room %q returned %q, error %v, want ErrCorrupt", at, room, got, err)
			}
			if err := s.AppendUpdates(t.Context(), []store.Update{{Room: room, Data: []byte("x")}}); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("byte %d damaged: append to room %q: %v, want ErrCorrupt", at, room, err)
			}
		}
		wantText(t, s, "other", "fine")
		must(t, s.Close())
	}
	if places != 2 {
		t.Fatalf("the file holds the name in %d places, want 2", places)
	}
}
