package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
)

// applicationID marks a SQLite file as Weft's: "weft" in ASCII.
const applicationID = 0x77656674

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations lists the scripts in order. PRAGMA user_version is the number of
// those that have run.
func migrations() []string {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		panic(err) // only for a bad pattern
	}
	return names
}

// codeAfter holds the Go code that runs after some migrations' scripts.
var codeAfter = map[string]func(context.Context, *sql.Tx) error{
	"migrations/0006_search.sql": indexMessages,
}

// formatOf returns the format of the file, 0 for a new one. It refuses a file that is not
// Weft's or has a newer format than this version knows.
func formatOf(ctx context.Context, db *sql.DB) (version int, err error) {
	var app, objects int
	for _, q := range []struct {
		query string
		into  *int
	}{
		{"PRAGMA application_id", &app},
		{"PRAGMA user_version", &version},
		{"SELECT count(*) FROM sqlite_schema", &objects},
	} {
		if err := db.QueryRowContext(ctx, q.query).Scan(q.into); err != nil {
			return 0, err
		}
	}
	blank := app == 0 && version == 0 && objects == 0
	if !blank && app != applicationID {
		return 0, fmt.Errorf("a SQLite file but not Weft's (application_id %#x)", app)
	}
	if known := len(migrations()); version > known {
		return 0, fmt.Errorf("the file has format %d, this version knows formats up to %d: run the newer Weft that wrote it, or restore a backup made before the upgrade", version, known)
	}
	return version, nil
}

// migrate runs the scripts after version. Each runs in a transaction of its own, which
// stores the new version too.
func migrate(ctx context.Context, db *sql.DB, version int) error {
	names := migrations()
	for i := version; i < len(names); i++ {
		script, err := migrationFiles.ReadFile(names[i])
		if err != nil {
			return err
		}
		if err := runMigration(ctx, db, string(script), codeAfter[names[i]], i+1); err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
	}
	return nil
}

func runMigration(ctx context.Context, db *sql.DB, script string, step func(context.Context, *sql.Tx) error, version int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, s := range []string{
		script,
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
		fmt.Sprintf("PRAGMA user_version = %d", version),
	} {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	if step != nil {
		if err := step(ctx, tx); err != nil {
			return err
		}
	}
	return tx.Commit()
}
