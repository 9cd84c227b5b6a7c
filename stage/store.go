package stage

import (
	"context"
	"time"
)

// Store keeps stages and what happened on them. The database of the program implements it. Methods that name one stage answer
// StageDeleted when there is none.
type Store interface {
	InsertStage(ctx context.Context, s Stage) error
	Stage(ctx context.Context, id ID) (Stage, error)
	// LiveStages returns the gated stages that are live.
	LiveStages(ctx context.Context) ([]Stage, error)
	// SetLiveSince stores since when a stage is live; the zero time says that it is not.
	SetLiveSince(ctx context.Context, id ID, since time.Time) error
	// DeleteStage removes a stage with all that belongs to it.
	DeleteStage(ctx context.Context, id ID) error

	// Revoke makes a participant's token useless for good. Revoking twice is fine.
	Revoke(ctx context.Context, id ID, participant ParticipantID, reason string, at time.Time) error
	// IsRevoked says whether that was done.
	IsRevoked(ctx context.Context, id ID, participant ParticipantID) (bool, error)
	// Revocations lists all of a stage.
	Revocations(ctx context.Context, id ID) ([]ParticipantID, error)
	// SetBackstage takes a participant off the air or puts it back.
	SetBackstage(ctx context.Context, id ID, participant ParticipantID, backstage bool, at time.Time) error
	// Backstage lists who is off the air.
	Backstage(ctx context.Context, id ID) ([]ParticipantID, error)
	// ForgetTokens drops what is known of participants since before a time at which no token was alive that still is.
	ForgetTokens(ctx context.Context, before time.Time) error

	historyStore

	// Secret returns what is kept under a name, nil when there is nothing.
	Secret(ctx context.Context, name string) ([]byte, error)
	// PutSecretIfAbsent keeps value unless there is one already, and returns the one that is kept.
	PutSecretIfAbsent(ctx context.Context, name string, value []byte) ([]byte, error)
}

// historyStore keeps the past.
type historyStore interface {
	// WriteHistory stores records in their order, all or none. Records of stages that are gone are left out, and writing the
	// same ones again changes nothing.
	WriteHistory(ctx context.Context, records []Record) error
	// EndSessions ends what a program that died has left open on a stage, at the time of the last thing that is known.
	EndSessions(ctx context.Context, id ID) error
	// ForgetHistory drops what happened before a time. What goes on, and who is connected, stays.
	ForgetHistory(ctx context.Context, before time.Time) error
	// Sessions returns the newest sessions of a stage, newest first.
	Sessions(ctx context.Context, id ID, limit int) ([]Session, error)
	// Participants returns the first participants of a session, in the order they joined.
	Participants(ctx context.Context, id ID, session SessionID, limit int) ([]Participant, error)
	// Events returns the first events of a participant in a session, oldest first.
	Events(ctx context.Context, id ID, session SessionID, participant ParticipantID, limit int) ([]Event, error)
}
