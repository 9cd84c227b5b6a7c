package web

import (
	"context"
	"time"

	"streamcat/site"
	"streamcat/stage"
)

// Site is what the pages need; site.Service satisfies it.
type Site interface {
	Accounts
	Channels
	Studios
	Invitations
}

// Accounts knows who somebody is.
type Accounts interface {
	Register(ctx context.Context, name, password string) (site.Account, error)
	Login(ctx context.Context, name, password string) (site.Account, error)
	OpenSession(ctx context.Context, account site.AccountID, userAgent string) (stage.Secret, error)
	SessionAccount(ctx context.Context, session stage.Secret) (site.Account, error)
	CloseSession(ctx context.Context, session stage.Secret) error
	CloseSessions(ctx context.Context, account site.AccountID) error
}

// Channels knows the channels and what they show.
type Channels interface {
	Channel(ctx context.Context, name string) (site.Channel, error)
	LiveChannels(ctx context.Context) ([]site.LiveChannel, error)
	UpdateChannel(ctx context.Context, account site.AccountID, title, description string) error
	SetPicture(ctx context.Context, account site.AccountID, image []byte) error
	Picture(ctx context.Context, name string) ([]byte, error)
	Broadcasts(ctx context.Context, channel string) ([]site.Broadcast, error)
}

// Studios lets people onto a stage and lets its host direct it.
type Studios interface {
	Studio(ctx context.Context, account site.AccountID, name string) (site.Entry, error)
	ScreenToken(ctx context.Context, account site.AccountID, name string) (stage.Token, error)
	ViewerToken(ctx context.Context, account site.AccountID, name string) (stage.Token, error)
	SetLive(ctx context.Context, account site.AccountID, live bool) error
	SetOnAir(ctx context.Context, account site.AccountID, participant stage.ParticipantID, onAir bool) error
	RemoveParticipant(ctx context.Context, account site.AccountID, participant stage.ParticipantID, reason string) error
}

// Invitations lets a host bring guests.
type Invitations interface {
	Invite(ctx context.Context, account site.AccountID, forName string, lifetime time.Duration) (site.Invitation, error)
	Invitations(ctx context.Context, account site.AccountID) ([]site.Invitation, error)
	RevokeInvitation(ctx context.Context, account site.AccountID, id string) error
	Invitation(ctx context.Context, code stage.Secret) (site.Invitation, site.Channel, error)
	AcceptInvitation(ctx context.Context, account site.AccountID, code stage.Secret) (site.Channel, error)
}
