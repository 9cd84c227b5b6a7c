package site

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"streamcat/argon"
	"streamcat/stage"
)

// Stages is the stage service as the site uses it: the same door that other programs have.
type Stages interface {
	CreateParticipantToken(ctx context.Context, id stage.ID, req stage.TokenRequest) (stage.Token, error)
	DisconnectParticipant(ctx context.Context, id stage.ID, participant stage.ParticipantID, reason string) error
	SetLive(ctx context.Context, id stage.ID, live bool) error
	SetOnAir(ctx context.Context, id stage.ID, participant stage.ParticipantID, onAir bool) error
	Snapshot(ctx context.Context, id stage.ID) (*stage.Snapshot, error)
	Connected(ctx context.Context, id stage.ID, participant stage.ParticipantID) (bool, error)
	Revoked(ctx context.Context, id stage.ID, participant stage.ParticipantID) (bool, error)
}

// Service keeps the rules of the site. Every method that changes something takes the account that asks.
type Service struct {
	store     Store
	stages    Stages
	log       *slog.Logger
	passwords passwords
	cutting   chan struct{}    // one place: pictures are decoded one at a time, for the memory it takes
	now       func() time.Time // in UTC and whole milliseconds, as exact as the store
}

// New makes a Service.
func New(store Store, stages Stages, log *slog.Logger) *Service {
	return &Service{
		store:     store,
		stages:    stages,
		log:       log,
		passwords: argon.New(argon.Recommended()),
		cutting:   make(chan struct{}, 1),
		now:       func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) },
	}
}

// passwords is argon.Hasher.
type passwords interface {
	Hash(ctx context.Context, password string) (string, error)
	Verify(ctx context.Context, encoded, password string) (bool, error)
	Decoy() string
}

// stageRefusal turns the stage service's refusals into the site's, and wraps what is a fault.
func stageRefusal(err error, doing string) error {
	if err == nil {
		return nil
	}
	var refusal *stage.Error
	if !errors.As(err, &refusal) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch refusal.Code {
	case stage.StageDeleted:
		return Errorf(NotFound, "The stage of this channel does not exist any more.")
	case stage.NotFound, stage.PublisherNotFound, stage.ParticipantDisconnected:
		return Errorf(NotFound, "This participant is not on the stage any more.")
	case stage.InvalidInput:
		return Errorf(Invalid, "%s", refusal.Message)
	case stage.Conflict, stage.NotLive, stage.AtCapacity, stage.PreconditionFailed:
		return Errorf(Conflict, "%s", refusal.Message)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
