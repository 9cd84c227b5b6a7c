package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"streamcat/site"
)

// OpenBroadcast keeps a broadcast that has begun. One that is open and began before is ended at that moment; one that began at the
// same moment or later is left, and nothing is kept.
func (db *DB) OpenBroadcast(ctx context.Context, b site.Broadcast) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE broadcasts SET ended = $1 WHERE channel_id = $2 AND ended = 0 AND started < $1`,
			millis(b.Started), b.Channel); err != nil {
			return err
		}
		// The casts are for PostgreSQL, which takes the parameters of a SELECT list for text.
		_, err := tx.ExecContext(ctx, `INSERT INTO broadcasts (id, channel_id, title, started, ended)
			SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT), 0
			WHERE NOT EXISTS (SELECT 1 FROM broadcasts WHERE channel_id = $2 AND started >= $4)
			ON CONFLICT DO NOTHING`,
			b.ID, b.Channel, b.Title, millis(b.Started))
		return err
	})
	if err != nil {
		return fmt.Errorf("open broadcast: %w", err)
	}
	return nil
}

// CloseBroadcast ends the open broadcast of a channel if it began before at.
func (db *DB) CloseBroadcast(ctx context.Context, channel string, at time.Time) error {
	_, err := db.exec(ctx, `UPDATE broadcasts SET ended = $1 WHERE channel_id = $2 AND ended = 0 AND started <= $1`, millis(at), channel)
	return err
}

const broadcastColumns = `id, channel_id, title, started, ended`

func scanBroadcast(row scanner) (site.Broadcast, error) {
	var b site.Broadcast
	var started, ended int64
	err := row.Scan(&b.ID, &b.Channel, &b.Title, &started, &ended)
	b.Started, b.Ended = fromMillis(started), fromMillis(ended)
	return b, err
}

// OpenBroadcasts returns all that are open, of all channels.
func (db *DB) OpenBroadcasts(ctx context.Context) ([]site.Broadcast, error) {
	rows, err := db.read().QueryContext(ctx, `SELECT `+broadcastColumns+` FROM broadcasts WHERE ended = 0`)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanBroadcast)
}

// Broadcasts returns the newest of a channel, newest first.
func (db *DB) Broadcasts(ctx context.Context, channel string, limit int) ([]site.Broadcast, error) {
	rows, err := db.read().QueryContext(ctx, `SELECT `+broadcastColumns+` FROM broadcasts WHERE channel_id = $1 ORDER BY started DESC LIMIT $2`,
		channel, limit)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanBroadcast)
}
