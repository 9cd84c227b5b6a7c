package site

import (
	"context"
	"time"

	"streamcat/stage"
)

// Store keeps what the site knows; store implements it. What is not there is an Error with the code NotFound.
type Store interface {
	Accounts
	Sessions
	Channels
	Broadcasts
	Tokens
	Invitations
	Guests
}

// Accounts keeps who registered.
type Accounts interface {
	// CreateAccount keeps an account with its channel and its stage, all or nothing. Conflict when the name is taken.
	CreateAccount(ctx context.Context, r Registration) error
	Account(ctx context.Context, id AccountID) (Account, error)
	// AccountByName finds an account by its name in any case, with the hash of its password.
	AccountByName(ctx context.Context, name string) (Account, string, error)
}

// Registration is everything that comes into being when somebody registers.
type Registration struct {
	Account      Account
	PasswordHash string
	ChannelID    string
	Stage        stage.Stage
}

// Sessions keeps who is logged in.
type Sessions interface {
	// PutSession keeps a session and sweeps those that have expired before it was made.
	PutSession(ctx context.Context, s Session) error
	// Session returns the session with this hash, whether or not it has expired.
	Session(ctx context.Context, hash string) (Session, error)
	ExtendSession(ctx context.Context, hash string, expires time.Time) error
	DeleteSession(ctx context.Context, hash string) error
	DeleteSessions(ctx context.Context, account AccountID) error
}

// Session is one browser that is logged in.
type Session struct {
	Hash      string // SHA-256 of the cookie's value, in hexadecimal
	Account   AccountID
	UserAgent string
	Created   time.Time
	Expires   time.Time
}

// Channels keeps the channels and their pictures.
type Channels interface {
	// Channel finds a channel by its owner's name, in any case.
	Channel(ctx context.Context, name string) (Channel, error)
	ChannelByID(ctx context.Context, id string) (Channel, error)
	ChannelOf(ctx context.Context, owner AccountID) (Channel, error)
	ChannelOfStage(ctx context.Context, id stage.ID) (Channel, error)
	// LiveChannels returns channels whose stage is live, those that went live last first.
	LiveChannels(ctx context.Context, limit int) ([]Channel, error)
	SetChannelText(ctx context.Context, channel, title, description string) error
	Picture(ctx context.Context, channel string) ([]byte, error)
	// SetPicture keeps a picture; nil removes it.
	SetPicture(ctx context.Context, channel string, png []byte) error
}

// Broadcasts keeps the times on air. A channel has at most one that is open.
type Broadcasts interface {
	// OpenBroadcast keeps a broadcast that has begun. One that is open and began before is ended at that moment; one that
	// began at the same moment or later is left, and nothing is kept.
	OpenBroadcast(ctx context.Context, b Broadcast) error
	// CloseBroadcast ends the open broadcast of a channel if it began before at.
	CloseBroadcast(ctx context.Context, channel string, at time.Time) error
	// OpenBroadcasts returns all that are open, of all channels.
	OpenBroadcasts(ctx context.Context) ([]Broadcast, error)
	// Broadcasts returns the newest of a channel, newest first.
	Broadcasts(ctx context.Context, channel string, limit int) ([]Broadcast, error)
}

// Tokens keeps the participant tokens that the site handed to hosts and guests.
type Tokens interface {
	// StudioToken returns the token of an account on a stage.
	StudioToken(ctx context.Context, account AccountID, id stage.ID) (stage.Token, error)
	// ReplaceStudioToken keeps a token in place of the one of the participant that replaced names, "" for none, and returns the one
	// that is kept from now on: another's when it was faster.
	ReplaceStudioToken(ctx context.Context, account AccountID, replaced stage.ParticipantID, token stage.Token) (stage.Token, error)
	// PutScreen remembers a screen share and returns the others of the account on that stage. Of several that are kept at once, each
	// but the first is told of those before it.
	PutScreen(ctx context.Context, s Screen) ([]stage.ParticipantID, error)
	// Holder returns whose token a participant of a stage has.
	Holder(ctx context.Context, id stage.ID, participant stage.ParticipantID) (Holder, error)
	// TokensOf returns the participants of all tokens of an account on a stage.
	TokensOf(ctx context.Context, account AccountID, id stage.ID) ([]stage.ParticipantID, error)
	// ForgetToken forgets the token of one participant of a stage; none is fine.
	ForgetToken(ctx context.Context, id stage.ID, participant stage.ParticipantID) error
}

// Screen is the token of a screen share.
type Screen struct {
	Participant stage.ParticipantID
	Account     AccountID
	Stage       stage.ID
	Created     time.Time
	Expires     time.Time
}

// Holder says whose token a participant has.
type Holder struct {
	Account AccountID
	Screen  bool
}

// Invitations keeps what a host has handed out.
type Invitations interface {
	// CreateInvitation keeps an invitation unless the channel has limit open ones already, which is Limited.
	CreateInvitation(ctx context.Context, i Invitation, limit int) error
	// OpenInvitations returns those of a channel that are neither expired nor revoked, newest first.
	OpenInvitations(ctx context.Context, channel string, now time.Time) ([]Invitation, error)
	InvitationByCode(ctx context.Context, code stage.Secret) (Invitation, error)
	// RevokeInvitation revokes an invitation of a channel; revoking twice is fine.
	RevokeInvitation(ctx context.Context, channel, id string, now time.Time) error
}

// Guests keeps who came by which invitation.
type Guests interface {
	// Accept remembers that an account uses an invitation; twice is fine. Limited when limit accounts have used it, Denied when
	// the account was removed since it was made, Expired or Revoked when it does not hold any more.
	Accept(ctx context.Context, invitation string, account AccountID, now time.Time, limit int) error
	// Acceptances returns what an account has accepted of a channel, the last one first.
	Acceptances(ctx context.Context, channel string, account AccountID) ([]Acceptance, error)
	// GuestsOf returns the accounts that have accepted an invitation.
	GuestsOf(ctx context.Context, invitation string) ([]AccountID, error)
	// BarGuest ends the use of every present invitation of a channel for one account.
	BarGuest(ctx context.Context, channel string, account AccountID, now time.Time) error
}

// Acceptance is one account's use of one invitation.
type Acceptance struct {
	Expires time.Time
	Revoked bool
	Removed bool // the host has removed the account from the stage since
}
