package store

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one numbered file.
type migration struct {
	version int64
	name    string
	text    string
}

// migrate applies what the database has not seen yet, in the order of the numbers.
func (db *DB) migrate(ctx context.Context) error {
	migrations, err := parseMigrations(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return db.apply(ctx, migrations)
}

// parseMigrations reads every NNNN_name.sql of a directory, ordered by number.
func parseMigrations(files fs.FS, dir string) ([]migration, error) {
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	var migrations []migration
	for _, entry := range entries {
		number, _, found := strings.Cut(entry.Name(), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if !found || err != nil || version < 1 || !strings.HasSuffix(entry.Name(), ".sql") {
			return nil, fmt.Errorf("read migrations: %s is not named like 0001_what.sql", entry.Name())
		}
		text, err := fs.ReadFile(files, dir+"/"+entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		migrations = append(migrations, migration{version: version, name: entry.Name(), text: string(text)})
	}
	slices.SortFunc(migrations, func(a, b migration) int { return cmp.Compare(a.version, b.version) })
	for i := range migrations[:max(0, len(migrations)-1)] {
		if migrations[i].version == migrations[i+1].version {
			return nil, fmt.Errorf("read migrations: %s and %s have the same number", migrations[i].name, migrations[i+1].name)
		}
	}
	return migrations, nil
}

// apply runs each migration once, and refuses a database that has seen one which is not among them.
func (db *DB) apply(ctx context.Context, migrations []migration) error {
	err := db.migration(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS migrations (
			version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied BIGINT NOT NULL)`); err != nil {
			return err
		}
		newest := int64(0)
		if len(migrations) > 0 {
			newest = migrations[len(migrations)-1].version
		}
		var name string
		err := tx.QueryRowContext(ctx, `SELECT name FROM migrations WHERE version > $1 ORDER BY version LIMIT 1`, newest).Scan(&name)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("a newer version of StreamCat has changed this database (%s): run that version, or restore a backup", name)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for _, m := range migrations {
		err := db.migration(ctx, func(tx *sql.Tx) error {
			// Recorded first: the row is what tells two programs that start together apart.
			result, err := tx.ExecContext(ctx, `INSERT INTO migrations (version, name, applied) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
				m.version, m.name, millis(time.Now()))
			if err != nil {
				return err
			}
			if added, err := result.RowsAffected(); err != nil || added == 0 {
				return err
			}
			_, err = tx.ExecContext(ctx, m.text)
			return err
		})
		if err != nil {
			return fmt.Errorf("migrate %s: %w", m.name, err)
		}
	}
	return nil
}

// migration is write under the lock that starting programs share.
func (db *DB) migration(ctx context.Context, change func(tx *sql.Tx) error) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		if db.engine.migrationLock != "" {
			if _, err := tx.ExecContext(ctx, db.engine.migrationLock); err != nil {
				return err
			}
		}
		return change(tx)
	})
}
