package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"streamcat/stage"
)

// insertStage keeps a new stage. It takes the transaction of its caller, so that an account and its stage come together.
func insertStage(ctx context.Context, tx *sql.Tx, s stage.Stage) error {
	tags, err := json.Marshal(s.Tags)
	if err != nil {
		return fmt.Errorf("insert stage %s: %w", s.ID, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO stages (id, name, tags, gated, created, live_since) VALUES ($1, $2, $3, $4, $5, $6)`,
		string(s.ID), s.Name, string(tags), s.Gated, millis(s.Created), millis(s.LiveSince))
	if err != nil {
		return fmt.Errorf("insert stage %s: %w", s.ID, err)
	}
	return nil
}

// InsertStage keeps a new stage.
func (db *DB) InsertStage(ctx context.Context, s stage.Stage) error {
	return db.write(ctx, func(tx *sql.Tx) error { return insertStage(ctx, tx, s) })
}

const stageColumns = `id, name, tags, gated, created, live_since`

// Stage returns one stage; stage.StageDeleted when there is none.
func (db *DB) Stage(ctx context.Context, id stage.ID) (stage.Stage, error) {
	row := db.read().QueryRowContext(ctx, `SELECT `+stageColumns+` FROM stages WHERE id = $1`, string(id))
	s, err := scanStage(row)
	if errors.Is(err, sql.ErrNoRows) {
		return stage.Stage{}, noStage()
	}
	if err != nil {
		return stage.Stage{}, fmt.Errorf("read stage %s: %w", id, err)
	}
	return s, nil
}

// LiveStages returns the gated stages that are live.
func (db *DB) LiveStages(ctx context.Context) ([]stage.Stage, error) {
	rows, err := db.read().QueryContext(ctx, `SELECT `+stageColumns+` FROM stages WHERE live_since > 0 AND gated ORDER BY live_since, id`)
	if err != nil {
		return nil, fmt.Errorf("read live stages: %w", err)
	}
	stages, err := collect(rows, scanStage)
	if err != nil {
		return nil, fmt.Errorf("read live stages: %w", err)
	}
	return stages, nil
}

// SetLiveSince says since when a stage is live; the zero time ends the broadcast. stage.StageDeleted when there is none.
func (db *DB) SetLiveSince(ctx context.Context, id stage.ID, since time.Time) error {
	changed, err := db.exec(ctx, `UPDATE stages SET live_since = $1 WHERE id = $2`, millis(since), string(id))
	if err != nil {
		return fmt.Errorf("set stage %s live: %w", id, err)
	}
	if changed == 0 {
		return noStage()
	}
	return nil
}

// DeleteStage removes a stage and its history; stage.StageDeleted when there is none.
func (db *DB) DeleteStage(ctx context.Context, id stage.ID) error {
	changed, err := db.exec(ctx, `DELETE FROM stages WHERE id = $1`, string(id))
	if err != nil {
		return fmt.Errorf("delete stage %s: %w", id, err)
	}
	if changed == 0 {
		return noStage()
	}
	return nil
}

func noStage() error { return stage.Errorf(stage.StageDeleted, "There is no such stage.") }

// scanner is a row, alone or of several.
type scanner interface{ Scan(dest ...any) error }

func scanStage(row scanner) (stage.Stage, error) {
	var s stage.Stage
	var tags string
	var created, liveSince int64
	if err := row.Scan(&s.ID, &s.Name, &tags, &s.Gated, &created, &liveSince); err != nil {
		return stage.Stage{}, err
	}
	if err := json.Unmarshal([]byte(tags), &s.Tags); err != nil {
		return stage.Stage{}, err
	}
	s.Created, s.LiveSince = fromMillis(created), fromMillis(liveSince)
	return s, nil
}

// collect reads all rows and closes them.
func collect[T any](rows *sql.Rows, scan func(scanner) (T, error)) ([]T, error) {
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
