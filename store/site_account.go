package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"streamcat/site"
)

var _ site.Store = (*DB)(nil)

// missing is what the site is told when a row is not there; any other error keeps its cause.
func missing(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return site.Errorf(site.NotFound, "There is no such %s.", what)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}

// CreateAccount keeps an account with its channel and its stage, all or nothing. Conflict when the name is taken.
func (db *DB) CreateAccount(ctx context.Context, r site.Registration) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO accounts (id, name, password, created) VALUES ($1, $2, $3, $4)`,
			string(r.Account.ID), r.Account.Name, r.PasswordHash, millis(r.Account.Created))
		if db.uniqueViolation(err) {
			return site.Errorf(site.Conflict, "The name is taken.")
		}
		if err != nil {
			return err
		}
		if err := insertStage(ctx, tx, r.Stage); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO channels (id, account_id, stage_id, title, description) VALUES ($1, $2, $3, '', '')`,
			r.ChannelID, string(r.Account.ID), string(r.Stage.ID))
		return err
	})
	if err != nil {
		return fmt.Errorf("create account: %w", err)
	}
	return nil
}

const accountColumns = `id, name, created, password`

func scanAccount(row scanner) (a site.Account, hash string, err error) {
	var created int64
	err = row.Scan(&a.ID, &a.Name, &created, &hash)
	a.Created = fromMillis(created)
	return a, hash, missing(err, "account")
}

// Account returns the account with this id.
func (db *DB) Account(ctx context.Context, id site.AccountID) (site.Account, error) {
	account, _, err := scanAccount(db.read().QueryRowContext(ctx, `SELECT `+accountColumns+` FROM accounts WHERE id = $1`, string(id)))
	return account, err
}

// AccountByName finds an account by its name in any case, with the hash of its password.
func (db *DB) AccountByName(ctx context.Context, name string) (site.Account, string, error) {
	return scanAccount(db.read().QueryRowContext(ctx, `SELECT `+accountColumns+` FROM accounts WHERE lower(name) = lower($1)`, name))
}
