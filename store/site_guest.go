package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"streamcat/site"
)

// Accept remembers that an account uses an invitation; twice is fine. Limited when limit accounts have used it, Denied when the account
// was removed since it was made, Expired or Revoked when it does not hold any more. An invitation that ends while this runs may
// be accepted, which gives no right: that is looked up in the invitation each time.
func (db *DB) Accept(ctx context.Context, invitation string, account site.AccountID, now time.Time, limit int) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		var expires, revoked int64
		err := tx.QueryRowContext(ctx, `SELECT expires, revoked FROM invitations WHERE id = $1`, invitation).Scan(&expires, &revoked)
		switch {
		case err != nil:
			return missing(err, "invitation")
		case revoked > 0:
			return site.Errorf(site.Revoked, "The invitation was revoked.")
		case expires <= millis(now):
			return site.Errorf(site.Expired, "The invitation has expired.")
		}
		var others int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM guests WHERE invitation_id = $1 AND account_id <> $2 AND accepted > 0`,
			invitation, string(account)).Scan(&others); err != nil {
			return err
		}
		if others >= limit {
			return site.Errorf(site.Limited, "The invitation was used %d times.", limit)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO guests (invitation_id, account_id, accepted, removed) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING`,
			invitation, string(account), millis(now)); err != nil {
			return err
		}
		var removed int64
		if err := tx.QueryRowContext(ctx, `SELECT removed FROM guests WHERE invitation_id = $1 AND account_id = $2`,
			invitation, string(account)).Scan(&removed); err != nil {
			return err
		}
		if removed > 0 {
			return site.Errorf(site.Denied, "The account was removed from the stage.")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("accept invitation: %w", err)
	}
	return nil
}

// Acceptances returns what an account has accepted of a channel, the last one first.
func (db *DB) Acceptances(ctx context.Context, channel string, account site.AccountID) ([]site.Acceptance, error) {
	rows, err := db.read().QueryContext(ctx, `SELECT i.expires, i.revoked > 0, g.removed > 0 FROM guests g
		JOIN invitations i ON i.id = g.invitation_id
		WHERE g.account_id = $1 AND i.channel_id = $2 AND g.accepted > 0 ORDER BY g.accepted DESC, i.created DESC, i.id`,
		string(account), channel)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (site.Acceptance, error) {
		var a site.Acceptance
		var expires int64
		err := row.Scan(&expires, &a.Revoked, &a.Removed)
		a.Expires = fromMillis(expires)
		return a, err
	})
}

// GuestsOf returns the accounts that have accepted an invitation.
func (db *DB) GuestsOf(ctx context.Context, invitation string) ([]site.AccountID, error) {
	rows, err := db.read().QueryContext(ctx, `SELECT account_id FROM guests WHERE invitation_id = $1 AND accepted > 0`, invitation)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (id site.AccountID, err error) { return id, row.Scan(&id) })
}

// BarGuest ends the use of every present invitation of a channel for one account, used or not.
func (db *DB) BarGuest(ctx context.Context, channel string, account site.AccountID, now time.Time) error {
	_, err := db.exec(ctx, `INSERT INTO guests (invitation_id, account_id, accepted, removed)
		SELECT id, CAST($1 AS TEXT), 0, CAST($2 AS BIGINT) FROM invitations WHERE channel_id = $3 AND expires > $2
		ON CONFLICT (invitation_id, account_id) DO UPDATE SET removed = excluded.removed WHERE guests.removed = 0`,
		string(account), millis(now), channel)
	return err
}
