package site

import (
	"context"
	"log/slog"
	"time"

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
type Service struct{}

// New makes a Service.
func New(store Store, stages Stages, log *slog.Logger) *Service { panic("being written") }

// Store keeps what the site knows; store implements it.
type Store interface{}

// --- accounts

// Register makes an account, its channel and its stage in one transaction. Refusals are Invalid or Conflict with a sentence saying which rule.
func (s *Service) Register(ctx context.Context, name, password string) (Account, error) {
	panic("being written")
}

// Login checks a password. The refusal is the same, and takes as long, whether the account exists or not.
func (s *Service) Login(ctx context.Context, name, password string) (Account, error) {
	panic("being written")
}

// OpenSession makes a session cookie's value for an account. The store keeps only its hash.
func (s *Service) OpenSession(ctx context.Context, account AccountID, userAgent string) (stage.Secret, error) {
	panic("being written")
}

// SessionAccount returns whose session this is; NotFound when it is unknown, expired or revoked.
func (s *Service) SessionAccount(ctx context.Context, session stage.Secret) (Account, error) {
	panic("being written")
}

// CloseSession logs out one session; CloseSessions all of an account.
func (s *Service) CloseSession(ctx context.Context, session stage.Secret) error {
	panic("being written")
}

// CloseSessions logs an account out everywhere.
func (s *Service) CloseSessions(ctx context.Context, account AccountID) error {
	panic("being written")
}

// --- channels

// Channel returns a channel by its owner's name, in any case; NotFound when there is none.
func (s *Service) Channel(ctx context.Context, name string) (Channel, error) {
	panic("being written")
}

// LiveChannel is a channel on the home page.
type LiveChannel struct {
	Channel
	Viewers int
	Hosts   []string // names of those on air, in order
}

// LiveChannels lists who is live, most viewers first, at most 60.
func (s *Service) LiveChannels(ctx context.Context) ([]LiveChannel, error) { panic("being written") }

// UpdateChannel sets title and description of the account's own channel.
func (s *Service) UpdateChannel(ctx context.Context, account AccountID, title, description string) error {
	panic("being written")
}

// SetPicture stores a PNG, JPEG or GIF of at most 2 MB as the channel's picture, cut to a 256 by 256 PNG; nil removes it.
func (s *Service) SetPicture(ctx context.Context, account AccountID, image []byte) error {
	panic("being written")
}

// Picture returns the stored PNG; NotFound when the channel has none.
func (s *Service) Picture(ctx context.Context, name string) ([]byte, error) { panic("being written") }

// Broadcasts lists the last broadcasts of a channel, newest first, at most 20.
func (s *Service) Broadcasts(ctx context.Context, channel string) ([]Broadcast, error) {
	panic("being written")
}

// --- studio

// Studio returns the account's way into NAME's studio: the stored token while it has more than ten seconds to live and was not
// used up, else a new one, stored. Denied for accounts that are neither host nor invited; when their invitation has expired or was
// revoked, the message says so.
func (s *Service) Studio(ctx context.Context, account AccountID, name string) (Entry, error) {
	panic("being written")
}

// ScreenToken returns a second token for sharing a screen in a studio the account may enter; its attributes mark it as featured.
func (s *Service) ScreenToken(ctx context.Context, account AccountID, name string) (stage.Token, error) {
	panic("being written")
}

// ViewerToken returns a token that can only subscribe. account may be "" for a visitor without one.
func (s *Service) ViewerToken(ctx context.Context, account AccountID, name string) (stage.Token, error) {
	panic("being written")
}

// SetLive begins or ends the broadcast of the account's own channel. Going live needs at least one publisher on the stage (Conflict otherwise).
func (s *Service) SetLive(ctx context.Context, account AccountID, live bool) error {
	panic("being written")
}

// SetOnAir puts a participant of the account's own stage on air or backstage.
func (s *Service) SetOnAir(ctx context.Context, account AccountID, participant stage.ParticipantID, onAir bool) error {
	panic("being written")
}

// RemoveParticipant sends a participant off the account's own stage, ends its token (and its screen share) and the
// invitation's use for that guest: a new invitation is needed to return. The host itself cannot be removed.
func (s *Service) RemoveParticipant(ctx context.Context, account AccountID, participant stage.ParticipantID, reason string) error {
	panic("being written")
}

// StageLiveChanged is told by the stage service; it opens and closes broadcasts.
func (s *Service) StageLiveChanged(ctx context.Context, id stage.ID, live bool, at time.Time) {
	panic("being written")
}

// --- invitations

// Invite makes an invitation to the account's own stage. forName may be ""; lifetime is 5 minutes to 30 days.
func (s *Service) Invite(ctx context.Context, account AccountID, forName string, lifetime time.Duration) (Invitation, error) {
	panic("being written")
}

// Invitations lists those of the account's own channel that are neither expired nor revoked, newest first.
func (s *Service) Invitations(ctx context.Context, account AccountID) ([]Invitation, error) {
	panic("being written")
}

// RevokeInvitation ends an invitation of the account's own channel; guests who came by it lose the right to enter again.
func (s *Service) RevokeInvitation(ctx context.Context, account AccountID, id string) error {
	panic("being written")
}

// Invitation looks a link's code up for showing it: whose stage, for whom. The channel is returned also when the error says Expired or Revoked.
func (s *Service) Invitation(ctx context.Context, code stage.Secret) (Invitation, Channel, error) {
	panic("being written")
}

// AcceptInvitation lets an account in as a guest. Denied when it is for somebody else.
func (s *Service) AcceptInvitation(ctx context.Context, account AccountID, code stage.Secret) (Channel, error) {
	panic("being written")
}
