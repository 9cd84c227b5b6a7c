package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Secret returns what is kept under a name, nil when there is nothing.
func (db *DB) Secret(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := db.read().QueryRowContext(ctx, `SELECT value FROM secrets WHERE name = $1`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read secret %s: %w", name, err)
	}
	return value, nil
}

// PutSecretIfAbsent keeps a value under a name that has none yet, and returns the one that is kept from now on: value, or
// the one that was there first.
func (db *DB) PutSecretIfAbsent(ctx context.Context, name string, value []byte) ([]byte, error) {
	var winning []byte
	err := db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO secrets (name, value, created) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			name, value, millis(time.Now())); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT value FROM secrets WHERE name = $1`, name).Scan(&winning)
	})
	if err != nil {
		return nil, fmt.Errorf("put secret %s: %w", name, err)
	}
	return winning, nil
}
