package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"streamcat/site"
)

// PutSession keeps a session and sweeps those that have expired before it was made.
func (db *DB) PutSession(ctx context.Context, s site.Session) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE expires <= $1`, millis(s.Created)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO sessions (hash, account_id, user_agent, created, expires) VALUES ($1, $2, $3, $4, $5)`,
			s.Hash, string(s.Account), s.UserAgent, millis(s.Created), millis(s.Expires))
		return err
	})
	if err != nil {
		return fmt.Errorf("put session: %w", err)
	}
	return nil
}

// Session returns the session with this hash, whether or not it has expired.
func (db *DB) Session(ctx context.Context, hash string) (site.Session, error) {
	var s site.Session
	var created, expires int64
	err := db.read().QueryRowContext(ctx, `SELECT hash, account_id, user_agent, created, expires FROM sessions WHERE hash = $1`, hash).
		Scan(&s.Hash, &s.Account, &s.UserAgent, &created, &expires)
	s.Created, s.Expires = fromMillis(created), fromMillis(expires)
	return s, missing(err, "session")
}

// ExtendSession sets when a session expires; one that was closed meanwhile stays closed.
func (db *DB) ExtendSession(ctx context.Context, hash string, expires time.Time) error {
	_, err := db.exec(ctx, `UPDATE sessions SET expires = $1 WHERE hash = $2`, millis(expires), hash)
	return err
}

// DeleteSession forgets one session; none with this hash is fine.
func (db *DB) DeleteSession(ctx context.Context, hash string) error {
	_, err := db.exec(ctx, `DELETE FROM sessions WHERE hash = $1`, hash)
	return err
}

// DeleteSessions forgets all sessions of an account.
func (db *DB) DeleteSessions(ctx context.Context, account site.AccountID) error {
	_, err := db.exec(ctx, `DELETE FROM sessions WHERE account_id = $1`, string(account))
	return err
}
