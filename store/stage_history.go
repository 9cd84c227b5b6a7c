package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"streamcat/stage"
)

const (
	// Selecting from stages leaves out what belongs to a stage that is gone.
	upsertSession = `INSERT INTO stage_sessions (stage_id, id, started, ended)
		SELECT id, $2, CAST($3 AS BIGINT), CAST($4 AS BIGINT) FROM stages WHERE id = $1
		ON CONFLICT (stage_id, id) DO UPDATE SET ended = excluded.ended`

	// The first join stays what it was; published, once true, stays true.
	upsertParticipant = `INSERT INTO stage_participants
		(stage_id, session_id, id, user_id, attributes, connected, published, first_join, client)
		SELECT id, $2, $3, $4, $5, CAST($6 AS BOOLEAN), CAST($7 AS BOOLEAN), CAST($8 AS BIGINT), $9 FROM stages WHERE id = $1
		ON CONFLICT (stage_id, session_id, id) DO UPDATE SET connected = excluded.connected,
			published = stage_participants.published OR excluded.published, client = excluded.client`

	insertEvent = `INSERT INTO stage_events (stage_id, seq, session_id, participant_id, remote_id, name, error_code, at)
		SELECT id, CAST($2 AS BIGINT), $3, $4, $5, $6, $7, CAST($8 AS BIGINT) FROM stages WHERE id = $1
		ON CONFLICT (stage_id, seq) DO NOTHING`
)

// WriteHistory stores records in their order, all or none. Records of stages that are gone are left out, and writing the same
// ones again changes nothing.
func (db *DB) WriteHistory(ctx context.Context, records []stage.Record) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		w := historyWriter{tx: tx, prepared: make(map[string]*sql.Stmt)}
		defer w.close()
		for _, record := range records {
			if err := w.write(ctx, record); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write %d records of history: %w", len(records), err)
	}
	return nil
}

// historyWriter writes many records in one transaction; each statement is parsed once.
type historyWriter struct {
	tx       *sql.Tx
	prepared map[string]*sql.Stmt
}

func (w *historyWriter) write(ctx context.Context, record stage.Record) error {
	switch {
	case record.Session != nil:
		s := record.Session
		return w.exec(ctx, upsertSession, string(s.Stage), string(s.ID), millis(s.Start), millis(s.End))
	case record.Participant != nil:
		p := record.Participant
		attributes, err := json.Marshal(p.Attributes)
		if err != nil {
			return err
		}
		client, err := json.Marshal(p.Client)
		if err != nil {
			return err
		}
		return w.exec(ctx, upsertParticipant, string(p.Stage), string(p.Session), string(p.ID), p.UserID, string(attributes),
			p.Connected, p.Published, millis(p.FirstJoin), string(client))
	case record.Event != nil:
		e := record.Event
		return w.exec(ctx, insertEvent, string(e.Stage), e.Seq, string(e.Session), string(e.Participant), string(e.Remote),
			e.Name, string(e.ErrorCode), millis(e.Time))
	}
	return nil
}

func (w *historyWriter) exec(ctx context.Context, statement string, args ...any) error {
	prepared := w.prepared[statement]
	if prepared == nil {
		var err error
		if prepared, err = w.tx.PrepareContext(ctx, statement); err != nil {
			return err
		}
		w.prepared[statement] = prepared
	}
	_, err := prepared.ExecContext(ctx, args...)
	return err
}

func (w *historyWriter) close() {
	for _, prepared := range w.prepared {
		prepared.Close() // the end of the transaction would do it too
	}
}

// EndSessions ends what a program that died has left open on a stage, at the time of the last thing that is known.
func (db *DB) EndSessions(ctx context.Context, id stage.ID) error {
	var open int
	if err := db.read().QueryRowContext(ctx, `SELECT COUNT(*) FROM stage_sessions WHERE stage_id = $1 AND ended = 0`, string(id)).Scan(&open); err != nil {
		return fmt.Errorf("end sessions of stage %s: %w", id, err)
	}
	if open == 0 {
		return nil // the usual case takes no turn of the writer
	}
	err := db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE stage_participants SET connected = FALSE WHERE stage_id = $1 AND connected
			AND session_id IN (SELECT id FROM stage_sessions WHERE stage_id = $1 AND ended = 0)`, string(id)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE stage_sessions SET ended = COALESCE(
				(SELECT MAX(at) FROM stage_events WHERE stage_events.stage_id = stage_sessions.stage_id AND session_id = stage_sessions.id), started)
			WHERE stage_id = $1 AND ended = 0`, string(id))
		return err
	})
	if err != nil {
		return fmt.Errorf("end sessions of stage %s: %w", id, err)
	}
	return nil
}

// forgetBatch is how many rows go at a time: others want to write meanwhile.
const forgetBatch = 2000

// ForgetHistory drops what happened before a time. What goes on, and who is connected, stays.
func (db *DB) ForgetHistory(ctx context.Context, before time.Time) error {
	for _, statement := range []string{
		`DELETE FROM stage_events WHERE (stage_id, seq) IN (SELECT stage_id, seq FROM stage_events WHERE at < $1 LIMIT $2)`,
		`DELETE FROM stage_participants WHERE (stage_id, session_id, id) IN
			(SELECT stage_id, session_id, id FROM stage_participants WHERE first_join < $1 AND NOT connected LIMIT $2)`,
		`DELETE FROM stage_sessions WHERE (stage_id, id) IN (SELECT stage_id, id FROM stage_sessions WHERE started < $1 AND ended > 0 LIMIT $2)`,
	} {
		for {
			forgotten, err := db.exec(ctx, statement, millis(before), forgetBatch)
			if err != nil {
				return fmt.Errorf("forget history: %w", err)
			}
			if forgotten < forgetBatch {
				break
			}
		}
	}
	return nil
}

// Sessions returns the newest sessions of a stage, newest first.
func (db *DB) Sessions(ctx context.Context, id stage.ID, limit int) ([]stage.Session, error) {
	rows, err := db.read().QueryContext(ctx, `SELECT id, started, ended FROM stage_sessions WHERE stage_id = $1
		ORDER BY started DESC, id LIMIT $2`, string(id), limit)
	if err != nil {
		return nil, fmt.Errorf("read sessions of stage %s: %w", id, err)
	}
	sessions, err := collect(rows, func(row scanner) (stage.Session, error) {
		s := stage.Session{Stage: id}
		var started, ended int64
		err := row.Scan(&s.ID, &started, &ended)
		s.Start, s.End = fromMillis(started), fromMillis(ended)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("read sessions of stage %s: %w", id, err)
	}
	return sessions, nil
}

// Participants returns the first participants of a session, in the order they joined.
func (db *DB) Participants(ctx context.Context, id stage.ID, session stage.SessionID, limit int) ([]stage.Participant, error) {
	rows, err := db.read().QueryContext(ctx, `SELECT id, user_id, attributes, connected, published, first_join, client
		FROM stage_participants WHERE stage_id = $1 AND session_id = $2 ORDER BY first_join, id LIMIT $3`, string(id), string(session), limit)
	if err != nil {
		return nil, fmt.Errorf("read participants of session %s: %w", session, err)
	}
	participants, err := collect(rows, func(row scanner) (stage.Participant, error) {
		p := stage.Participant{Stage: id, Session: session}
		var attributes, client string
		var joined int64
		if err := row.Scan(&p.ID, &p.UserID, &attributes, &p.Connected, &p.Published, &joined, &client); err != nil {
			return p, err
		}
		p.FirstJoin = fromMillis(joined)
		if err := json.Unmarshal([]byte(attributes), &p.Attributes); err != nil {
			return p, err
		}
		return p, json.Unmarshal([]byte(client), &p.Client)
	})
	if err != nil {
		return nil, fmt.Errorf("read participants of session %s: %w", session, err)
	}
	return participants, nil
}

// Events returns the first events of a participant in a session, oldest first.
func (db *DB) Events(ctx context.Context, id stage.ID, session stage.SessionID, participant stage.ParticipantID, limit int) ([]stage.Event, error) {
	rows, err := db.read().QueryContext(ctx, `SELECT seq, remote_id, name, error_code, at FROM stage_events
		WHERE stage_id = $1 AND session_id = $2 AND participant_id = $3 ORDER BY seq LIMIT $4`, string(id), string(session), string(participant), limit)
	if err != nil {
		return nil, fmt.Errorf("read events of participant %s: %w", participant, err)
	}
	events, err := collect(rows, func(row scanner) (stage.Event, error) {
		e := stage.Event{Stage: id, Session: session, Participant: participant}
		var at int64
		err := row.Scan(&e.Seq, &e.Remote, &e.Name, &e.ErrorCode, &at)
		e.Time = fromMillis(at)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read events of participant %s: %w", participant, err)
	}
	return events, nil
}
