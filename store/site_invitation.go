package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"streamcat/site"
	"streamcat/stage"
)

// CreateInvitation keeps an invitation unless the channel has limit open ones already, which is Limited. Requests that come together
// can exceed the limit by as many on PostgreSQL: it is there against thousands, not against one more.
func (db *DB) CreateInvitation(ctx context.Context, i site.Invitation, limit int) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		var open int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM invitations WHERE channel_id = $1 AND revoked = 0 AND expires > $2`,
			i.Channel, millis(i.Created)).Scan(&open); err != nil {
			return err
		}
		if open >= limit {
			return site.Errorf(site.Limited, "There are %d open invitations already.", limit)
		}
		var forID sql.NullString
		if i.For != "" {
			if err := tx.QueryRowContext(ctx, `SELECT id FROM accounts WHERE lower(name) = lower($1)`, i.For).Scan(&forID); err != nil {
				return missing(err, "account")
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO invitations (id, channel_id, code, for_id, created, expires, revoked) VALUES ($1, $2, $3, $4, $5, $6, 0)`,
			i.ID, i.Channel, string(i.Code), forID, millis(i.Created), millis(i.Expires))
		return err
	})
	if err != nil {
		return fmt.Errorf("create invitation: %w", err)
	}
	return nil
}

const invitations = `SELECT i.id, i.channel_id, i.code, COALESCE(a.name, ''), i.created, i.expires, i.revoked
	FROM invitations i LEFT JOIN accounts a ON a.id = i.for_id `

func scanInvitation(row scanner) (site.Invitation, error) {
	var i site.Invitation
	var created, expires, revoked int64
	err := row.Scan(&i.ID, &i.Channel, &i.Code, &i.For, &created, &expires, &revoked)
	i.Created, i.Expires, i.Revoked = fromMillis(created), fromMillis(expires), revoked > 0
	return i, missing(err, "invitation")
}

// OpenInvitations returns those of a channel that are neither expired nor revoked, newest first.
func (db *DB) OpenInvitations(ctx context.Context, channel string, now time.Time) ([]site.Invitation, error) {
	rows, err := db.read().QueryContext(ctx, invitations+`WHERE i.channel_id = $1 AND i.revoked = 0 AND i.expires > $2 ORDER BY i.created DESC, i.id`,
		channel, millis(now))
	if err != nil {
		return nil, err
	}
	open, err := collect(rows, scanInvitation)
	if err != nil {
		return nil, err
	}
	accepted, err := db.accepted(ctx, channel, now)
	if err != nil {
		return nil, err
	}
	for i := range open {
		open[i].Accepted = accepted[open[i].ID]
	}
	return open, nil
}

// accepted returns the names of those who came by each open invitation of a channel, in the order they did.
func (db *DB) accepted(ctx context.Context, channel string, now time.Time) (map[string][]string, error) {
	rows, err := db.read().QueryContext(ctx, `SELECT g.invitation_id, a.name FROM guests g
		JOIN invitations i ON i.id = g.invitation_id
		JOIN accounts a ON a.id = g.account_id
		WHERE i.channel_id = $1 AND i.revoked = 0 AND i.expires > $2 AND g.accepted > 0 ORDER BY g.accepted, a.name`, channel, millis(now))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names := make(map[string][]string)
	for rows.Next() {
		var invitation, name string
		if err := rows.Scan(&invitation, &name); err != nil {
			return nil, err
		}
		names[invitation] = append(names[invitation], name)
	}
	return names, rows.Err()
}

// InvitationByCode returns the invitation with this code, whether or not it still holds, without those who accepted it.
func (db *DB) InvitationByCode(ctx context.Context, code stage.Secret) (site.Invitation, error) {
	return scanInvitation(db.read().QueryRowContext(ctx, invitations+`WHERE i.code = $1`, string(code)))
}

// RevokeInvitation revokes an invitation of a channel; revoking twice is fine.
func (db *DB) RevokeInvitation(ctx context.Context, channel, id string, now time.Time) error {
	// Changing revoked of one that is revoked to itself keeps the first time, and still counts as found.
	found, err := db.exec(ctx, `UPDATE invitations SET revoked = CASE WHEN revoked = 0 THEN $1 ELSE revoked END WHERE id = $2 AND channel_id = $3`,
		millis(now), id, channel)
	if err != nil {
		return err
	}
	if found == 0 {
		return site.Errorf(site.NotFound, "There is no such invitation.")
	}
	return nil
}
