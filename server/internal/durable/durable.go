// Package durable makes changes of a folder survive power loss.
package durable

import (
	"errors"
	"os"
)

// SyncDir makes durable which names a folder has: without it, a file that was created,
// linked or renamed there may be missing after a power loss, even if its content was
// synced. Where folders cannot be synced (Windows, some file systems) it does nothing
// and returns nil.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, os.ErrInvalid) && !errors.Is(err, os.ErrPermission) {
		return err
	}
	return nil
}
