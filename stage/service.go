package stage

import (
	"context"
	"log/slog"
	"time"
)

// Config is what a Service is made of.
type Config struct {
	Store  Store
	Engine Engine
	Bus    Bus
	Log    *slog.Logger

	// PublicURL is where clients reach this service, e.g. "https://example.org". Tokens carry URLs below it.
	PublicURL string
	// MaxPublishers a stage; 0 means 12.
	MaxPublishers int
	// EmptyTimeout ends a broadcast whose last publisher has been gone for this long; 0 means a minute.
	EmptyTimeout time.Duration
	// LiveChanged is told after a stage went live or ended, whatever caused it. May be nil. Called without locks held.
	LiveChanged func(ctx context.Context, id ID, live bool, at time.Time)
}

// Bus carries notices to every node's sockets. bus implements it.
type Bus interface {
	PublishNotice(id ID, notice Notice) error
}

// Service is the stage service: the one door to stages, for the control plane, for the site and for participants.
type Service struct{}

// Open makes a Service: it loads the signing key, or makes one at the first start.
func Open(ctx context.Context, config Config) (*Service, error) { panic("being written") }

// Close tells connected clients to come back later and ends all media.
func (s *Service) Close() error { panic("being written") }

// --- stages and tokens: what the control plane and the site call

// CreateStage makes a stage and stores it.
func (s *Service) CreateStage(ctx context.Context, name string, gated bool, tags map[string]string) (Stage, error) {
	panic("being written")
}

// Stage returns one stage; StageDeleted when there is none.
func (s *Service) Stage(ctx context.Context, id ID) (Stage, error) { panic("being written") }

// DeleteStage ends everyone on it and removes it.
func (s *Service) DeleteStage(ctx context.Context, id ID) error { panic("being written") }

// TokenRequest asks for a participant token.
type TokenRequest struct {
	UserID       string
	Attributes   map[string]string // at most 1 KB of keys and values
	Capabilities Capabilities
	Duration     time.Duration // 1 minute to 14 days; 0 means 12 hours
}

// Token is a participant token and what it says.
type Token struct {
	Raw          Secret
	Participant  ParticipantID
	Stage        ID
	UserID       string
	Attributes   map[string]string
	Capabilities Capabilities
	Expires      time.Time
}

// Secret is a string that does not show itself in logs.
type Secret string

// String hides the secret; convert to string where it is really needed.
func (Secret) String() string { return "***" }

// LogValue hides the secret in logs.
func (Secret) LogValue() slog.Value { return slog.StringValue("***") }

// CreateParticipantToken signs a token for a new participant.
func (s *Service) CreateParticipantToken(ctx context.Context, id ID, req TokenRequest) (Token, error) {
	panic("being written")
}

// DisconnectParticipant ends a participant's connections and its token for good. reason is a sentence the person reads, at most 128 characters.
func (s *Service) DisconnectParticipant(ctx context.Context, id ID, participant ParticipantID, reason string) error {
	panic("being written")
}

// SetLive opens or closes a gated stage for its audience. Setting what is already so changes nothing.
func (s *Service) SetLive(ctx context.Context, id ID, live bool) error { panic("being written") }

// SetOnAir puts a participant before the audience or backstage. Everybody begins on air.
func (s *Service) SetOnAir(ctx context.Context, id ID, participant ParticipantID, onAir bool) error {
	panic("being written")
}

// Snapshot returns the present state of a stage.
func (s *Service) Snapshot(ctx context.Context, id ID) (*Snapshot, error) { panic("being written") }

// Connected says whether a client is connected with this participant's token now.
func (s *Service) Connected(ctx context.Context, id ID, participant ParticipantID) (bool, error) {
	panic("being written")
}

// Revoked says whether this participant was disconnected for good.
func (s *Service) Revoked(ctx context.Context, id ID, participant ParticipantID) (bool, error) {
	panic("being written")
}

// --- participants: what rtcapi calls

// Grant is a verified token: who asks, and what it may do.
type Grant struct {
	Stage        ID
	Participant  ParticipantID
	UserID       string
	Attributes   map[string]string
	Capabilities Capabilities
	Expires      time.Time
}

// Host says whether the participant may publish; others are audience.
func (g Grant) Host() bool { return g.Capabilities.Publish }

// Authenticate verifies a raw token: signature, expiry, version, stage, revocation. id is the stage the request names, or "" when
// it names none.
func (s *Service) Authenticate(ctx context.Context, raw string, id ID) (Grant, error) {
	panic("being written")
}

// Welcome is what a client learns when its events socket opens.
type Welcome struct {
	Session   SessionID
	Snapshot  *Snapshot
	Resources []string // this client's media resources that are alive
}

// Connect registers the events socket of a client. Another client of the same participant is sent away with LeftTokenReused; the same
// client resumes.
func (s *Service) Connect(ctx context.Context, g Grant, client string, info ClientInfo) (Welcome, error) {
	panic("being written")
}

// Disconnect says that a client's events socket is gone. Clean ends its media now; otherwise it has three seconds to resume.
func (s *Service) Disconnect(g Grant, client string, clean bool) { panic("being written") }

// Resource is one media connection as signalling sees it.
type Resource struct {
	ID     string // 16 to 32 characters of [A-Za-z0-9]
	Answer string
	ETag   string
}

// Publish answers an offer to publish.
func (s *Service) Publish(ctx context.Context, g Grant, client, offer string) (Resource, error) {
	panic("being written")
}

// Subscribe answers an offer to receive one publisher, or the whole stage when publisher is "".
func (s *Service) Subscribe(ctx context.Context, g Grant, client string, publisher ParticipantID, offer string) (Resource, error) {
	panic("being written")
}

// PatchResource applies a trickle-ice-sdpfrag. ifMatch is the ETag without quotes, or "*" to restart ICE; the answer is empty unless restarted.
func (s *Service) PatchResource(ctx context.Context, g Grant, resource, ifMatch, fragment string) (answer, etag string, err error) {
	panic("being written")
}

// DeleteResource ends a media connection of this participant; NotFound when it has none of that id.
func (s *Service) DeleteResource(ctx context.Context, g Grant, resource string) error {
	panic("being written")
}

// SetMute tells the others what this publisher has muted.
func (s *Service) SetMute(ctx context.Context, g Grant, audioMuted, videoStopped bool) error {
	panic("being written")
}

// Select sets what a client's whole-stage connections receive, now and later.
func (s *Service) Select(ctx context.Context, g Grant, client string, selection Selection) error {
	panic("being written")
}

// Store keeps stages, sessions, participants and events. store implements it; its methods are listed by who writes this package.
type Store interface{}
