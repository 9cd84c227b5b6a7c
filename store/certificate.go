package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/acme/autocert"
)

// CertCache keeps certificates in the database, so that they survive a restart and every node has them. It implements
// autocert.Cache.
type CertCache struct{ db *DB }

// CertCache returns the certificate cache of this database.
func (db *DB) CertCache() CertCache { return CertCache{db} }

// Get returns what is kept under a name, autocert.ErrCacheMiss when there is nothing.
func (c CertCache) Get(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := c.db.read().QueryRowContext(ctx, `SELECT value FROM certificates WHERE name = $1`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, autocert.ErrCacheMiss
	}
	if err != nil {
		return nil, fmt.Errorf("read certificate %s: %w", name, err)
	}
	return value, nil
}

// Put keeps a value under a name, in place of any other.
func (c CertCache) Put(ctx context.Context, name string, value []byte) error {
	_, err := c.db.exec(ctx, `INSERT INTO certificates (name, value, updated) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated = excluded.updated`, name, value, millis(time.Now()))
	if err != nil {
		return fmt.Errorf("put certificate %s: %w", name, err)
	}
	return nil
}

// Delete forgets what is kept under a name; nothing is fine.
func (c CertCache) Delete(ctx context.Context, name string) error {
	if _, err := c.db.exec(ctx, `DELETE FROM certificates WHERE name = $1`, name); err != nil {
		return fmt.Errorf("delete certificate %s: %w", name, err)
	}
	return nil
}
