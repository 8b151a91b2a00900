package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"weft/crdt"
	"weft/server/room"
	"weft/server/store"
	"weft/server/store/sqlite"
)

// exportLine is one line of an exported room, which is a file of JSON lines:
//
//	{"weft":1,"room":ID}                   first: the format's version, and the room
//	{"update":BASE64}                      the document as one Yjs update V1; none if it is empty
//	{"message":{…}}                        each chat message, in ascending order of seq
//	{"end":true,"messages":N}              last, with the number of messages: proves that the file is whole
//
// Members, read positions and system messages are not exported.
type exportLine struct {
	Weft     int            `json:"weft,omitempty"`
	Room     store.RoomID   `json:"room,omitempty"`
	Update   []byte         `json:"update,omitempty"`
	Message  *store.Message `json:"message,omitempty"`
	End      bool           `json:"end,omitempty"`
	Messages int            `json:"messages,omitempty"`
}

const (
	exportFormat = 1
	exportPage   = 200       // messages read at once
	maxLine      = 512 << 20 // bytes of an export's longest line that is read
)

// Errors of export and import.
var (
	// ErrNoRoom says that the room has neither a document nor messages.
	ErrNoRoom = errors.New("server: there is no such room")
	// ErrExport says that a file is not an export, or is not all of one.
	ErrExport = errors.New("server: not a complete export of a room")
)

// Export writes a room's document and chat to w. A server may be running on the data
// folder. Everything that was durable before the call is exported, and perhaps some of
// what was stored during it.
//
// ErrNoRoom: there is nothing to export. store.ErrCorrupt: the room is damaged.
func Export(ctx context.Context, data string, id store.RoomID, w io.Writer) (err error) {
	s, err := sqlite.OpenReadOnly(filepath.Join(data, dataFile), sqlite.Options{})
	if err != nil {
		return fmt.Errorf("server: export: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	doc, err := room.Load(ctx, s, id)
	if err != nil {
		return fmt.Errorf("server: export: %w", err)
	}
	last, err := s.LastSeq(ctx, id)
	if err != nil {
		return fmt.Errorf("server: export: %w", err)
	}
	isEmpty := len(doc.StateVector()) == 0 && !doc.HasPending()
	if isEmpty && last == 0 {
		return fmt.Errorf("%w: %q", ErrNoRoom, id)
	}
	lines := json.NewEncoder(w)
	if err := lines.Encode(exportLine{Weft: exportFormat, Room: id}); err != nil {
		return err
	}
	if !isEmpty {
		if err := lines.Encode(exportLine{Update: doc.EncodeStateAsUpdate(nil)}); err != nil {
			return err
		}
	}
	count, err := exportMessages(ctx, s, id, lines)
	if err != nil {
		return err
	}
	return lines.Encode(exportLine{End: true, Messages: count})
}

// exportMessages writes all messages of a room and returns how many there are.
func exportMessages(ctx context.Context, s *sqlite.Store, id store.RoomID, lines *json.Encoder) (count int, err error) {
	for after := store.Seq(-1); ; {
		page, err := s.Messages(ctx, id, store.MessagePage{After: after, Limit: exportPage})
		if err != nil {
			return 0, fmt.Errorf("server: export: %w", err)
		}
		if len(page) == 0 {
			return count, nil
		}
		for i := range page {
			if err := lines.Encode(exportLine{Message: &page[i]}); err != nil {
				return 0, err
			}
		}
		count += len(page)
		after = page[len(page)-1].Seq
	}
}

// Import reads an export and merges it into a room of the data folder, which no server
// may have open. If target is empty, the room is the one that was exported. The update
// is merged into the room's document; messages whose id the room has are skipped. All
// of the export is read and checked before anything is stored.
//
// It returns the room and how many messages were stored. ErrExport: the file is not a
// complete export.
func Import(ctx context.Context, data string, target store.RoomID, r io.Reader) (store.RoomID, int, error) {
	x, err := readExport(target, r)
	if err != nil {
		return "", 0, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", 0, fmt.Errorf("server: import: %w", err)
	}
	s, err := sqlite.Open(filepath.Join(data, dataFile), sqlite.Options{})
	if err != nil {
		return "", 0, fmt.Errorf("server: import: %w", err)
	}
	stored, err := x.storeIn(ctx, s)
	if err = errors.Join(err, s.Close()); err != nil {
		return "", 0, fmt.Errorf("server: import: %w", err)
	}
	return x.room, stored, nil
}

// export is what was read of an exported room.
type export struct {
	room     store.RoomID
	update   []byte // nil: no document
	messages []store.Message
}

// storeIn merges the export into a store and returns how many messages are new there.
func (x *export) storeIn(ctx context.Context, s store.Store) (stored int, err error) {
	if x.update != nil {
		if err := s.AppendUpdates(ctx, []store.Update{{Room: x.room, Data: x.update}}); err != nil {
			return 0, err
		}
	}
	for _, m := range x.messages {
		m.Room = x.room
		created, err := s.ImportMessage(ctx, m)
		if err != nil {
			return stored, err
		}
		if created {
			stored++
		}
	}
	return stored, nil
}

// readExport reads and checks all of an export. target, if not empty, takes the place
// of the room that was exported.
func readExport(target store.RoomID, r io.Reader) (*export, error) {
	x := &export{room: target}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	isComplete := false
	for n := 1; lines.Scan(); n++ {
		if isComplete {
			return nil, fmt.Errorf("%w: line %d follows the end line: export the room again", ErrExport, n)
		}
		var line exportLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrExport, n, err)
		}
		switch {
		case n == 1 && line.Weft == exportFormat:
			if x.room == "" {
				x.room = line.Room
			}
		case n == 1:
			return nil, fmt.Errorf("%w: line 1 says format %d, this version of weft reads format %d", ErrExport, line.Weft, exportFormat)
		case line.Update != nil && x.update == nil:
			x.update = line.Update
		case line.Message != nil:
			x.messages = append(x.messages, *line.Message)
		case line.End && line.Messages == len(x.messages):
			isComplete = true
		case line.End:
			return nil, fmt.Errorf("%w: %d messages, the end line says %d: export the room again", ErrExport, len(x.messages), line.Messages)
		default:
			return nil, fmt.Errorf("%w: line %d is neither the document (one at most), a message nor the end: export the room again", ErrExport, n)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("server: import: %w", err)
	}
	if !isComplete {
		return nil, fmt.Errorf("%w: the end line is missing, so the file was cut short: export the room again", ErrExport)
	}
	var err error
	if x.room, err = store.ParseRoomID(string(x.room)); err != nil {
		return nil, err
	}
	if x.update != nil {
		if _, err := crdt.New(crdt.Options{}).ApplyUpdate(x.update); err != nil {
			return nil, fmt.Errorf("%w: the document: %w", ErrExport, err)
		}
	}
	return x, nil
}
