package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"weft/server"
	"weft/server/store"
)

type dataFolder struct {
	Data string `env:"WEFT_DATA" default:"./weft-data" help:"Data folder." placeholder:"DIR"`
}

// interruptible ends with SIGINT or SIGTERM.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

type backupCmd struct {
	dataFolder
	File string `arg:"" help:"File to write; it must not exist yet."`
}

// Run copies the store, also of a running server.
func (c *backupCmd) Run() error {
	ctx, stop := interruptible()
	defer stop()
	r, err := server.Backup(ctx, c.Data, c.File)
	if err != nil {
		return err
	}
	return report("backed up to "+c.File, r)
}

type restoreCmd struct {
	dataFolder
	File string `arg:"" help:"Backup to read."`
}

// Run puts a backup into an empty data folder.
func (c *restoreCmd) Run() error {
	ctx, stop := interruptible()
	defer stop()
	r, err := server.Restore(ctx, c.Data, c.File)
	if err != nil {
		return err
	}
	return report("restored into "+c.Data, r)
}

// report says what was done, and fails if not all of it is sound.
func report(done string, r server.Report) error {
	fmt.Printf("weft: %s: %d rooms, %d bytes, read back\n", done, r.Rooms, r.Bytes)
	if len(r.Damaged) > 0 {
		return fmt.Errorf("copied completely, but the store is damaged as listed below; all other rooms are sound. Look for these rooms in an older backup: restore it into another folder and export them from there:\n%w", errors.Join(r.Damaged...))
	}
	return nil
}

type exportCmd struct {
	dataFolder
	Room string `arg:"" help:"Room to export."`
	File string `arg:"" help:"File to write, which must not exist yet; - is standard output."`
}

// Run writes a room's document and chat to a file, also from a running server.
func (c *exportCmd) Run() (err error) {
	ctx, stop := interruptible()
	defer stop()
	room, err := store.ParseRoomID(c.Room)
	if err != nil {
		return err
	}
	if c.File == "-" {
		return server.Export(ctx, c.Data, room, os.Stdout)
	}
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(server.Export(ctx, c.Data, room, f), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(c.File))
	}
	fmt.Printf("weft: %s exported to %s\n", room, c.File)
	return nil
}

type importCmd struct {
	dataFolder
	File string `arg:"" help:"Export to read; - is standard input."`
	Room string `help:"Room to import into; without it, the one that was exported." placeholder:"ROOM"`
}

// Run merges an export into a room. The server must not be running.
func (c *importCmd) Run() error {
	ctx, stop := interruptible()
	defer stop()
	var from io.Reader = os.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		from = f
	}
	room, messages, err := server.Import(ctx, c.Data, store.RoomID(c.Room), from)
	if err != nil {
		return err
	}
	fmt.Printf("weft: imported into %s, %d new messages\n", room, messages)
	return nil
}
