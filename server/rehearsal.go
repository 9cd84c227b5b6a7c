package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"streamcat/stage"
	"streamcat/store"
)

// Rehearsal is a stage that was made beside a running server, for a load test, with tokens for those who take part.
type Rehearsal struct {
	Stage         stage.ID
	Hosts, Guests []string // raw tokens: Hosts may publish, Guests only receive

	db *store.DB
}

// Rehearse makes a stage and tokens in the database that config names. Tokens lead to publicURL, where the server of that database is reached. A
// gated stage is live at once; its server ends it like any other when nobody publishes on it.
func Rehearse(ctx context.Context, config Config, publicURL string, gated bool, hosts, guests int) (_ *Rehearsal, err error) {
	db, err := openStore(ctx, config)
	if err != nil {
		return nil, err
	}
	r := &Rehearsal{db: db}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	issuer, err := stage.NewIssuer(ctx, db, publicURL)
	if err != nil {
		return nil, err
	}
	s, err := stage.New("rehearsal", gated)
	if err != nil {
		return nil, err
	}
	if gated {
		s.LiveSince = time.Now().UTC().Truncate(time.Millisecond)
	}
	if err := db.InsertStage(ctx, s); err != nil {
		return nil, err
	}
	r.Stage = s.ID
	for n := range hosts + guests {
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(err, r.remove())
		}
		publish := n < hosts
		token, err := issuer.Issue(s.ID, stage.TokenRequest{Capabilities: stage.Capabilities{Publish: publish, Subscribe: true}})
		if err != nil {
			return nil, errors.Join(err, r.remove())
		}
		if publish {
			r.Hosts = append(r.Hosts, string(token.Raw))
		} else {
			r.Guests = append(r.Guests, string(token.Raw))
		}
	}
	return r, nil
}

// Close takes the stage out of the database again. Everybody should have left it.
func (r *Rehearsal) Close() error { return errors.Join(r.remove(), r.db.Close()) }

func (r *Rehearsal) remove() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.db.DeleteStage(ctx, r.Stage); err != nil && stage.CodeOf(err) != stage.StageDeleted {
		return fmt.Errorf("remove the rehearsal's stage: %w", err)
	}
	return nil
}
