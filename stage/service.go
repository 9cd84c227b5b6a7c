package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"
)

// Defaults of Config.
const (
	defaultMaxPublishers = 12
	defaultEmptyTimeout  = time.Minute
)

// maxReason bounds the sentence that a removed person reads, in characters.
const maxReason = 128

// maxTags bounds what the control plane hangs on a stage.
const maxTags = 50

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
	// LiveChanged is told after a stage went live or ended, whatever caused it, in the order in which it happened. May be nil.
	// Called without locks held; it must not call SetLive or DeleteStage, which wait for it.
	LiveChanged func(ctx context.Context, id ID, live bool, at time.Time)
}

// Bus carries notices to every node's sockets. bus implements it.
type Bus interface {
	PublishNotice(id ID, notice Notice) error
}

// Service is the stage service: the one door to stages, for the control plane, for the site and for participants.
type Service struct {
	config    Config
	signer    *signer
	history   *history
	announcer *announcer

	// ctx is what rooms work under when nobody is waiting for them; it ends when Close is done with them.
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup // the goroutines of rooms, those that close media sessions, and the one that sweeps

	stopSweep context.CancelFunc

	mu     sync.Mutex // guards what follows
	rooms  map[ID]*room
	closed bool
}

// errClosed is the answer after Close.
var errClosed = errors.New("the stage service is closed")

// Open makes a Service: it loads the signing key, or makes one at the first start, and takes up the broadcasts that were live
// when the program ended: their publishers have EmptyTimeout to return.
func Open(ctx context.Context, config Config) (*Service, error) {
	if config.MaxPublishers == 0 {
		config.MaxPublishers = defaultMaxPublishers
	}
	if config.EmptyTimeout == 0 {
		config.EmptyTimeout = defaultEmptyTimeout
	}
	if config.MaxPublishers < 0 || config.EmptyTimeout < 0 {
		return nil, errors.New("open stage service: limits must be positive")
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	signer, err := newSigner(ctx, config.Store, config.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("open stage service: %w", err)
	}
	live, err := config.Store.LiveStages(ctx)
	if err != nil {
		return nil, fmt.Errorf("open stage service: %w", err)
	}
	s := &Service{
		config:    config,
		signer:    signer,
		history:   newHistory(config.Store, config.Log),
		announcer: newAnnouncer(config.LiveChanged),
		rooms:     make(map[ID]*room),
	}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	sweeping, stopSweep := context.WithCancel(s.ctx)
	s.stopSweep = stopSweep
	s.work.Go(func() { s.sweep(sweeping) })
	for _, stage := range live {
		// Loading is all: a live stage without publishers starts its own clock.
		if _, err := s.turn(ctx, stage.ID, func(*room) error { return nil }); err != nil && CodeOf(err) != StageDeleted {
			return nil, errors.Join(fmt.Errorf("open stage service: resume %s: %w", stage.ID, err), s.Close())
		}
	}
	return s, nil
}

// Close tells connected clients to come back later, ends all media and writes the rest of the history. Live stages stay live in the
// store. Closing twice is fine.
func (s *Service) Close() error {
	s.mu.Lock()
	rooms := s.rooms
	s.rooms = nil
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	s.stopSweep()
	for _, r := range rooms {
		r.inbox.put(&turn{do: func(r *room) error { r.shutDown(); return nil }, done: make(chan struct{})})
		r.inbox.close()
	}
	s.work.Wait()
	s.announcer.close()
	s.history.close()
	s.cancel()
	return nil
}

// --- stages and tokens: what the control plane and the site call

// CreateStage makes a stage and stores it.
func (s *Service) CreateStage(ctx context.Context, name string, gated bool, tags map[string]string) (Stage, error) {
	stage, err := New(name, gated)
	if err != nil {
		return Stage{}, err
	}
	if err := checkTags(tags); err != nil {
		return Stage{}, err
	}
	stage.Tags = tags
	if err := s.config.Store.InsertStage(ctx, stage); err != nil {
		return Stage{}, fmt.Errorf("create stage: %w", err)
	}
	return stage, nil
}

// checkTags keeps the limits of AWS: 50 tags, keys of 1 to 128 characters, values of at most 256.
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return Errorf(InvalidInput, "A stage has at most %d tags.", maxTags)
	}
	for key, value := range tags {
		if key == "" || !storable(key) || !storable(value) || utf8.RuneCountInString(key) > 128 || utf8.RuneCountInString(value) > 256 {
			return Errorf(InvalidInput, "A tag's key has 1 to 128 characters, its value at most 256.")
		}
	}
	return nil
}

// Stage returns one stage; StageDeleted when there is none.
func (s *Service) Stage(ctx context.Context, id ID) (Stage, error) {
	return s.config.Store.Stage(ctx, id)
}

// DeleteStage ends everyone on it and removes it.
func (s *Service) DeleteStage(ctx context.Context, id ID) error {
	var announced <-chan struct{}
	t, err := s.turn(ctx, id, func(r *room) (err error) {
		announced, err = r.delete(ctx)
		return err
	})
	if err != nil {
		return err
	}
	t.waitEnded(ctx)
	return wait(ctx, announced)
}

// CreateParticipantToken signs a token for a new participant.
func (s *Service) CreateParticipantToken(ctx context.Context, id ID, req TokenRequest) (Token, error) {
	if _, err := s.config.Store.Stage(ctx, id); err != nil {
		return Token{}, err
	}
	return s.signer.sign(id, req)
}

// DisconnectParticipant ends a participant's connections and its token for good. reason is a sentence the person reads, at most 128 characters.
func (s *Service) DisconnectParticipant(ctx context.Context, id ID, participant ParticipantID, reason string) error {
	if err := checkParticipant(participant); err != nil {
		return err
	}
	if !storable(reason) || utf8.RuneCountInString(reason) > maxReason {
		return Errorf(InvalidInput, "A reason has at most %d characters.", maxReason)
	}
	t, err := s.turn(ctx, id, func(r *room) error { return r.revoke(ctx, participant, reason) })
	if err != nil {
		return err
	}
	t.waitEnded(ctx)
	return nil
}

func checkParticipant(id ParticipantID) error {
	if !participantPattern.MatchString(string(id)) {
		return Errorf(InvalidInput, "A participant id has 1 to 64 letters, digits, hyphens and underscores.")
	}
	return nil
}

// SetLive opens or closes a gated stage for its audience. Setting what is already so changes nothing. When it returns, the media
// plane obeys and LiveChanged has been told.
func (s *Service) SetLive(ctx context.Context, id ID, live bool) error {
	var announced <-chan struct{}
	_, err := s.turn(ctx, id, func(r *room) (err error) {
		announced, err = r.setLive(ctx, live)
		return err
	})
	if err != nil {
		return err
	}
	return wait(ctx, announced)
}

// SetOnAir puts a participant before the audience or backstage. Everybody begins on air. It outlives connections and restarts.
func (s *Service) SetOnAir(ctx context.Context, id ID, participant ParticipantID, onAir bool) error {
	if err := checkParticipant(participant); err != nil {
		return err
	}
	_, err := s.turn(ctx, id, func(r *room) error { return r.setOnAir(ctx, participant, onAir) })
	return err
}

// Snapshot returns the present state of a stage.
func (s *Service) Snapshot(ctx context.Context, id ID) (*Snapshot, error) {
	if !s.loaded(id) {
		// Nobody is there, so nothing needs to be loaded to tell.
		stage, err := s.config.Store.Stage(ctx, id)
		if err != nil {
			return nil, err
		}
		return emptySnapshot(stage, s.config.MaxPublishers), nil
	}
	var snapshot *Snapshot
	_, err := s.turn(ctx, id, func(r *room) error {
		snapshot = r.current()
		return nil
	})
	return snapshot, err
}

// Connected says whether a client is connected with this participant's token now.
func (s *Service) Connected(ctx context.Context, id ID, participant ParticipantID) (bool, error) {
	if !s.loaded(id) {
		_, err := s.config.Store.Stage(ctx, id)
		return false, err
	}
	var connected bool
	_, err := s.turn(ctx, id, func(r *room) error {
		p := r.participants[participant]
		connected = p != nil && p.connected()
		return nil
	})
	return connected, err
}

// isPresent says whether a participant is on its stage now, or has only just lost its connection.
func (s *Service) isPresent(ctx context.Context, g Grant) bool {
	if !s.loaded(g.Stage) {
		return false
	}
	_, err := s.turn(ctx, g.Stage, func(r *room) error {
		_, err := r.present(g)
		return err
	})
	return err == nil
}

// Revoked says whether this participant was disconnected for good.
func (s *Service) Revoked(ctx context.Context, id ID, participant ParticipantID) (bool, error) {
	return s.config.Store.IsRevoked(ctx, id, participant)
}

// Authenticate verifies a raw token: signature, expiry, version, stage, revocation. id is the stage the request names, or "" when
// it names none. Expiry matters for joining: while a participant is present, its token goes on working, so that a long broadcast
// can repair its connections.
func (s *Service) Authenticate(ctx context.Context, raw string, id ID) (Grant, error) {
	grant, err := s.signer.verify(raw)
	if err != nil {
		return Grant{}, err
	}
	if !time.Now().Before(grant.Expires) && !s.isPresent(ctx, grant) {
		return Grant{}, Errorf(TokenExpired, "The token has expired.")
	}
	if id != "" && id != grant.Stage {
		return Grant{}, Errorf(TokenMalformed, "This token is for another stage.")
	}
	revoked, err := s.config.Store.IsRevoked(ctx, grant.Stage, grant.Participant)
	if err != nil {
		return Grant{}, err
	}
	if revoked {
		return Grant{}, errRevoked()
	}
	return grant, nil
}

func errRevoked() error {
	return Errorf(ParticipantDisconnected, "This participant was removed from the stage.")
}
