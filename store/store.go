package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// DB is an open database whose schema is up to date.
type DB struct {
	engine engine
	writer *sql.DB
	reader *sql.DB // the same as writer on PostgreSQL
}

// engine is where SQLite and PostgreSQL differ.
type engine struct {
	name string
	// migrationLock is run first in every migration's transaction, so that several programs starting together take turns.
	// Empty where beginning a transaction already excludes other writers.
	migrationLock string
	// uniqueViolation says whether err is this engine's complaint about a primary key or unique index.
	uniqueViolation func(err error) bool
}

// Open connects to the database that url names and brings its schema up to date. url is "sqlite:PATH" or "postgres://…".
func Open(ctx context.Context, url string) (*DB, error) {
	db, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	if err := db.Ping(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func connect(ctx context.Context, url string) (*DB, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(ctx, rest)
	case "postgres", "postgresql":
		return openPostgres(url)
	}
	// The URL may hold a password, so it is not repeated.
	return nil, errors.New("open database: the URL must begin with sqlite: or postgres://")
}

// Close ends all connections.
func (db *DB) Close() error {
	err := db.writer.Close()
	if db.reader != db.writer {
		err = errors.Join(err, db.reader.Close())
	}
	if err != nil {
		return fmt.Errorf("close %s: %w", db.engine.name, err)
	}
	return nil
}

// Ping says whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.writer.PingContext(ctx); err != nil {
		return fmt.Errorf("reach %s: %w", db.engine.name, err)
	}
	return nil
}

// read is where queries go that change nothing.
func (db *DB) read() *sql.DB { return db.reader }

// write runs change in a transaction and commits it when change returns nil.
func (db *DB) write(ctx context.Context, change func(tx *sql.Tx) error) error {
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() // after a commit this does nothing
	if err := change(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// exec runs one statement in a transaction of its own and returns how many rows it changed.
func (db *DB) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	result, err := db.writer.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// uniqueViolation says whether err is about a primary key or unique index, on either engine.
func (db *DB) uniqueViolation(err error) bool { return db.engine.uniqueViolation(err) }
