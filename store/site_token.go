package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"streamcat/site"
	"streamcat/stage"
)

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// StudioToken returns the token of an account on a stage.
func (db *DB) StudioToken(ctx context.Context, account site.AccountID, id stage.ID) (stage.Token, error) {
	return studioToken(ctx, db.read(), account, id)
}

func studioToken(ctx context.Context, q querier, account site.AccountID, id stage.ID) (stage.Token, error) {
	token := stage.Token{
		Stage:        id,
		UserID:       string(account),
		Capabilities: stage.Capabilities{Publish: true, Subscribe: true}, // what every studio token has
	}
	var attributes string
	var expires int64
	err := q.QueryRowContext(ctx, `SELECT participant_id, token, attributes, expires FROM studio_tokens WHERE account_id = $1 AND stage_id = $2`,
		string(account), string(id)).Scan(&token.Participant, &token.Raw, &attributes, &expires)
	if err != nil {
		return stage.Token{}, missing(err, "token")
	}
	if err := json.Unmarshal([]byte(attributes), &token.Attributes); err != nil {
		return stage.Token{}, fmt.Errorf("read token: %w", err)
	}
	token.Expires = fromMillis(expires)
	return token, nil
}

// ReplaceStudioToken keeps a token in place of the one of the participant that replaced names, "" for none, and returns the one that is
// kept from now on: another's when it was faster.
func (db *DB) ReplaceStudioToken(ctx context.Context, account site.AccountID, replaced stage.ParticipantID, token stage.Token) (stage.Token, error) {
	attributes, err := json.Marshal(token.Attributes)
	if err != nil {
		return stage.Token{}, fmt.Errorf("replace studio token: %w", err)
	}
	var kept stage.Token
	err = db.write(ctx, func(tx *sql.Tx) error {
		// The row stays locked to the end of the transaction also where it is not changed.
		_, err := tx.ExecContext(ctx, `INSERT INTO studio_tokens (account_id, stage_id, participant_id, token, attributes, expires)
			VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (account_id, stage_id) DO UPDATE
			SET participant_id = excluded.participant_id, token = excluded.token, attributes = excluded.attributes, expires = excluded.expires
			WHERE studio_tokens.participant_id = $7`,
			string(account), string(token.Stage), string(token.Participant), string(token.Raw), string(attributes), millis(token.Expires), string(replaced))
		if err != nil {
			return err
		}
		kept, err = studioToken(ctx, tx, account, token.Stage)
		return err
	})
	if err != nil {
		return stage.Token{}, fmt.Errorf("replace studio token: %w", err)
	}
	return kept, nil
}

// PutScreen remembers a screen share and returns the others of the account on that stage. Of several that are kept at once, each but the
// first is told of those before it.
func (db *DB) PutScreen(ctx context.Context, s site.Screen) ([]stage.ParticipantID, error) {
	var others []stage.ParticipantID
	err := db.write(ctx, func(tx *sql.Tx) error {
		// Changes nothing, but makes others of this account wait for the end of the transaction.
		if _, err := tx.ExecContext(ctx, `UPDATE studio_tokens SET expires = expires WHERE account_id = $1 AND stage_id = $2`,
			string(s.Account), string(s.Stage)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM screens WHERE expires <= $1`, millis(s.Created)); err != nil {
			return err
		}
		var err error
		if others, err = participants(tx.QueryContext(ctx, `SELECT participant_id FROM screens WHERE account_id = $1 AND stage_id = $2`,
			string(s.Account), string(s.Stage))); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO screens (stage_id, participant_id, account_id, created, expires) VALUES ($1, $2, $3, $4, $5)`,
			string(s.Stage), string(s.Participant), string(s.Account), millis(s.Created), millis(s.Expires))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("put screen: %w", err)
	}
	return others, nil
}

// Holder returns whose token a participant of a stage has.
func (db *DB) Holder(ctx context.Context, id stage.ID, participant stage.ParticipantID) (site.Holder, error) {
	var h site.Holder
	err := db.read().QueryRowContext(ctx, `SELECT account_id FROM studio_tokens WHERE stage_id = $1 AND participant_id = $2`,
		string(id), string(participant)).Scan(&h.Account)
	if errors.Is(err, sql.ErrNoRows) {
		h.Screen = true
		err = db.read().QueryRowContext(ctx, `SELECT account_id FROM screens WHERE stage_id = $1 AND participant_id = $2`,
			string(id), string(participant)).Scan(&h.Account)
	}
	if err != nil {
		return site.Holder{}, missing(err, "token")
	}
	return h, nil
}

// TokensOf returns the participants of all tokens of an account on a stage.
func (db *DB) TokensOf(ctx context.Context, account site.AccountID, id stage.ID) ([]stage.ParticipantID, error) {
	return participants(db.read().QueryContext(ctx, `SELECT participant_id FROM studio_tokens WHERE account_id = $1 AND stage_id = $2
		UNION ALL SELECT participant_id FROM screens WHERE account_id = $1 AND stage_id = $2`, string(account), string(id)))
}

// ForgetToken forgets the token of one participant of a stage; none is fine.
func (db *DB) ForgetToken(ctx context.Context, id stage.ID, participant stage.ParticipantID) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			`DELETE FROM studio_tokens WHERE stage_id = $1 AND participant_id = $2`,
			`DELETE FROM screens WHERE stage_id = $1 AND participant_id = $2`,
		} {
			if _, err := tx.ExecContext(ctx, statement, string(id), string(participant)); err != nil {
				return err
			}
		}
		return nil
	})
}

// participants reads rows of one participant id.
func participants(rows *sql.Rows, err error) ([]stage.ParticipantID, error) {
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (id stage.ParticipantID, err error) { return id, row.Scan(&id) })
}
