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

// An exported room is a file of JSON lines:
//
//	{"weft":1,"room":ID}                   first
//	{"update":BASE64}                      the document as one Yjs update V1, if there is one
//	{"message":{…}}                        each chat message, in order of seq
//	{"end":true,"messages":N}              last: without it the file is cut short
type exported struct {
	Weft     int            `json:"weft,omitempty"`
	Room     store.RoomID   `json:"room,omitempty"`
	Update   []byte         `json:"update,omitempty"`
	Message  *store.Message `json:"message,omitempty"`
	End      bool           `json:"end,omitempty"`
	Messages int            `json:"messages,omitempty"`
}

const exportFormat = 1

// Errors of export and import.
var (
	ErrNoRoom = errors.New("server: there is no such room")
	ErrExport = errors.New("server: not the export of a room, or not all of it")
)

// Export writes a room's document and chat to w. A server may be at work on the
// data folder: what is exported was all on disk at some moment during the call.
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
	lines := json.NewEncoder(w)
	write := func(line exported) {
		if err == nil {
			err = lines.Encode(line)
		}
	}
	empty := len(doc.StateVector()) == 0 && !doc.HasPending()
	if empty && last == 0 {
		return fmt.Errorf("%w: %q", ErrNoRoom, id)
	}
	write(exported{Weft: exportFormat, Room: id})
	if !empty {
		write(exported{Update: doc.EncodeStateAsUpdate(nil)})
	}
	count := 0
	for after := store.Seq(-1); err == nil; {
		page, pageErr := s.Messages(ctx, id, store.MessagePage{After: after, Limit: 200})
		if pageErr != nil {
			return fmt.Errorf("server: export: %w", pageErr)
		}
		if len(page) == 0 {
			break
		}
		for i := range page {
			write(exported{Message: &page[i]})
		}
		count += len(page)
		after = page[len(page)-1].Seq
	}
	write(exported{End: true, Messages: count})
	return err
}

// maxLine is the longest line of an export that is read.
const maxLine = 512 << 20

// Import reads an export into a room of the data folder, which no server may
// have open; room empty means the one it was exported from. The document is
// merged with what is there, messages already there are passed over, and nothing
// is stored unless the export is whole.
func Import(ctx context.Context, data string, room store.RoomID, r io.Reader) (store.RoomID, int, error) {
	room, update, messages, err := readExport(room, r)
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
	stored := 0
	if update != nil {
		err = s.AppendUpdates(ctx, []store.Update{{Room: room, Data: update}})
	}
	for _, m := range messages {
		if err != nil {
			break
		}
		m.Room = room
		var created bool
		if created, err = s.ImportMessage(ctx, m); created {
			stored++
		}
	}
	if err = errors.Join(err, s.Close()); err != nil {
		return "", 0, fmt.Errorf("server: import: %w", err)
	}
	return room, stored, nil
}

// readExport reads and checks all of an export.
func readExport(room store.RoomID, r io.Reader) (_ store.RoomID, update []byte, messages []store.Message, err error) {
	bad := func(why string) error { return fmt.Errorf("%w: %s", ErrExport, why) }
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	ended := false
	for n := 1; lines.Scan(); n++ {
		var line exported
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return "", nil, nil, bad(fmt.Sprintf("line %d: %v", n, err))
		}
		switch {
		case n == 1 && line.Weft == exportFormat:
			if room == "" {
				room = line.Room
			}
		case n == 1:
			return "", nil, nil, bad(fmt.Sprintf("line 1 has format %d, this version reads %d", line.Weft, exportFormat))
		case ended:
			return "", nil, nil, bad("lines after its end")
		case line.Update != nil && update == nil:
			update = line.Update
		case line.Message != nil:
			messages = append(messages, *line.Message)
		case line.End:
			ended = line.Messages == len(messages)
		default:
			return "", nil, nil, bad(fmt.Sprintf("line %d is none that it has", n))
		}
	}
	if err := lines.Err(); err != nil {
		return "", nil, nil, fmt.Errorf("server: import: %w", err)
	}
	if !ended {
		return "", nil, nil, bad("its end is missing")
	}
	if room, err = store.ParseRoomID(string(room)); err != nil {
		return "", nil, nil, err
	}
	if update != nil {
		if _, err := crdt.New(crdt.Options{}).ApplyUpdate(update); err != nil {
			return "", nil, nil, bad(err.Error())
		}
	}
	return room, update, messages, nil
}
