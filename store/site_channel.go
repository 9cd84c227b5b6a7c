package store

import (
	"context"
	"fmt"

	"streamcat/site"
	"streamcat/stage"
)

// channels selects whole channels. A channel whose stage was deleted is not live.
const channels = `SELECT c.id, c.account_id, a.name, c.title, c.description, c.stage_id, p.channel_id IS NOT NULL, COALESCE(s.live_since, 0)
	FROM channels c
	JOIN accounts a ON a.id = c.account_id
	LEFT JOIN pictures p ON p.channel_id = c.id
	LEFT JOIN stages s ON s.id = c.stage_id `

func scanChannel(row scanner) (site.Channel, error) {
	var c site.Channel
	var liveSince int64
	err := row.Scan(&c.ID, &c.Owner, &c.Name, &c.Title, &c.Description, &c.Stage, &c.HasPicture, &liveSince)
	c.Live, c.LiveSince = liveSince > 0, fromMillis(liveSince)
	return c, missing(err, "channel")
}

// Channel finds a channel by its owner's name, in any case.
func (db *DB) Channel(ctx context.Context, name string) (site.Channel, error) {
	return scanChannel(db.read().QueryRowContext(ctx, channels+`WHERE lower(a.name) = lower($1)`, name))
}

// ChannelByID returns the channel with this id.
func (db *DB) ChannelByID(ctx context.Context, id string) (site.Channel, error) {
	return scanChannel(db.read().QueryRowContext(ctx, channels+`WHERE c.id = $1`, id))
}

// ChannelOf returns the channel of an account.
func (db *DB) ChannelOf(ctx context.Context, owner site.AccountID) (site.Channel, error) {
	return scanChannel(db.read().QueryRowContext(ctx, channels+`WHERE c.account_id = $1`, string(owner)))
}

// ChannelOfStage returns the channel that a stage belongs to.
func (db *DB) ChannelOfStage(ctx context.Context, id stage.ID) (site.Channel, error) {
	return scanChannel(db.read().QueryRowContext(ctx, channels+`WHERE c.stage_id = $1`, string(id)))
}

// LiveChannels returns channels whose stage is live, those that went live last first.
func (db *DB) LiveChannels(ctx context.Context, limit int) ([]site.Channel, error) {
	rows, err := db.read().QueryContext(ctx, channels+`WHERE s.live_since > 0 ORDER BY s.live_since DESC, c.id LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("read live channels: %w", err)
	}
	return collect(rows, scanChannel)
}

// SetChannelText sets what a channel says of itself.
func (db *DB) SetChannelText(ctx context.Context, channel, title, description string) error {
	_, err := db.exec(ctx, `UPDATE channels SET title = $1, description = $2 WHERE id = $3`, title, description, channel)
	return err
}

// Picture returns the picture of a channel.
func (db *DB) Picture(ctx context.Context, channel string) ([]byte, error) {
	var png []byte
	err := db.read().QueryRowContext(ctx, `SELECT png FROM pictures WHERE channel_id = $1`, channel).Scan(&png)
	return png, missing(err, "picture")
}

// SetPicture keeps a picture; nil removes it.
func (db *DB) SetPicture(ctx context.Context, channel string, png []byte) error {
	if png == nil {
		_, err := db.exec(ctx, `DELETE FROM pictures WHERE channel_id = $1`, channel)
		return err
	}
	_, err := db.exec(ctx, `INSERT INTO pictures (channel_id, png) VALUES ($1, $2)
		ON CONFLICT (channel_id) DO UPDATE SET png = excluded.png`, channel, png)
	return err
}
