package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"streamcat/stage"
)

// Revoke makes a participant's token useless for good. Revoking twice is fine.
func (db *DB) Revoke(ctx context.Context, id stage.ID, participant stage.ParticipantID, reason string, at time.Time) error {
	// Selecting from stages makes a stage that is gone an ordinary answer instead of a broken foreign key.
	changed, err := db.exec(ctx, `INSERT INTO stage_revocations (stage_id, participant_id, reason, at)
		SELECT id, $2, $3, CAST($4 AS BIGINT) FROM stages WHERE id = $1
		ON CONFLICT (stage_id, participant_id) DO UPDATE SET reason = excluded.reason, at = excluded.at`,
		string(id), string(participant), reason, millis(at))
	if err != nil {
		return fmt.Errorf("revoke participant %s of stage %s: %w", participant, id, err)
	}
	if changed == 0 {
		return noStage()
	}
	return nil
}

// IsRevoked says whether a participant's token was made useless.
func (db *DB) IsRevoked(ctx context.Context, id stage.ID, participant stage.ParticipantID) (bool, error) {
	var revoked bool
	err := db.read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM stage_revocations WHERE stage_id = $1 AND participant_id = $2)
		FROM stages WHERE id = $1`, string(id), string(participant)).Scan(&revoked)
	if errors.Is(err, sql.ErrNoRows) {
		return false, noStage()
	}
	if err != nil {
		return false, fmt.Errorf("read revocation of %s on stage %s: %w", participant, id, err)
	}
	return revoked, nil
}

// Revocations lists the participants of a stage whose tokens are useless.
func (db *DB) Revocations(ctx context.Context, id stage.ID) ([]stage.ParticipantID, error) {
	return db.participantIDs(ctx, `SELECT participant_id FROM stage_revocations WHERE stage_id = $1`, id)
}

// SetBackstage takes a participant off the air, or puts it back.
func (db *DB) SetBackstage(ctx context.Context, id stage.ID, participant stage.ParticipantID, backstage bool, at time.Time) error {
	var err error
	if backstage {
		_, err = db.exec(ctx, `INSERT INTO stage_backstage (stage_id, participant_id, at) SELECT id, $2, CAST($3 AS BIGINT) FROM stages WHERE id = $1
			ON CONFLICT (stage_id, participant_id) DO UPDATE SET at = excluded.at`, string(id), string(participant), millis(at))
	} else {
		_, err = db.exec(ctx, `DELETE FROM stage_backstage WHERE stage_id = $1 AND participant_id = $2`, string(id), string(participant))
	}
	if err != nil {
		return fmt.Errorf("set participant %s of stage %s on air: %w", participant, id, err)
	}
	return nil
}

// Backstage lists the participants of a stage that are off the air.
func (db *DB) Backstage(ctx context.Context, id stage.ID) ([]stage.ParticipantID, error) {
	return db.participantIDs(ctx, `SELECT participant_id FROM stage_backstage WHERE stage_id = $1`, id)
}

func (db *DB) participantIDs(ctx context.Context, query string, id stage.ID) ([]stage.ParticipantID, error) {
	rows, err := db.read().QueryContext(ctx, query, string(id))
	if err != nil {
		return nil, fmt.Errorf("read participants of stage %s: %w", id, err)
	}
	ids, err := collect(rows, func(row scanner) (participant stage.ParticipantID, err error) {
		return participant, row.Scan(&participant)
	})
	if err != nil {
		return nil, fmt.Errorf("read participants of stage %s: %w", id, err)
	}
	return ids, nil
}

// ForgetTokens drops revocations and backstage marks made before a time.
func (db *DB) ForgetTokens(ctx context.Context, before time.Time) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{`DELETE FROM stage_revocations WHERE at < $1`, `DELETE FROM stage_backstage WHERE at < $1`} {
			if _, err := tx.ExecContext(ctx, statement, millis(before)); err != nil {
				return fmt.Errorf("forget old tokens: %w", err)
			}
		}
		return nil
	})
}
