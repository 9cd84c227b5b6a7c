package site_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"streamcat/argon"
	"streamcat/site"
	"streamcat/stage"
	"streamcat/store"
	"streamcat/store/storetest"
)

// house is a service on a real database, with a clock and a stage service that the test drives.
type house struct {
	t       *testing.T
	db      *store.DB
	service *site.Service
	stages  *fakeStages
	hasher  *countingHasher
	clock   *clock
}

// each runs a test in a fresh house on every database engine there is.
func each(t *testing.T, test func(t *testing.T, h *house)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(t, newHouse(t, db, db)) })
}

func newHouse(t *testing.T, db *store.DB, kept site.Store) *house {
	h := &house{
		t:      t,
		db:     db,
		hasher: &countingHasher{Hasher: argon.New(argon.Cost{Passes: 1, Memory: 8, Threads: 1})},
		clock:  &clock{now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)},
	}
	h.stages = &fakeStages{house: h, revoked: map[stage.ParticipantID]string{}, connected: map[stage.ParticipantID]bool{},
		publishers: map[stage.ID][]stage.Publisher{}, viewers: map[stage.ID]int{}, backstage: map[stage.ParticipantID]bool{}}
	h.service = site.New(kept, h.stages, slog.New(slog.DiscardHandler))
	h.service.SetClock(h.clock.Now)
	h.service.SetPasswords(h.hasher)
	return h
}

func (h *house) ctx() context.Context { return h.t.Context() }

const password = "a good password"

func (h *house) register(name string) site.Account {
	h.t.Helper()
	account, err := h.service.Register(h.ctx(), name, password)
	if err != nil {
		h.t.Fatal(err)
	}
	return account
}

func (h *house) channel(name string) site.Channel {
	h.t.Helper()
	channel, err := h.service.Channel(h.ctx(), name)
	if err != nil {
		h.t.Fatal(err)
	}
	return channel
}

func (h *house) invite(host site.Account, forName string) site.Invitation {
	h.t.Helper()
	invitation, err := h.service.Invite(h.ctx(), host.ID, forName, time.Hour)
	if err != nil {
		h.t.Fatal(err)
	}
	return invitation
}

func (h *house) accept(guest site.Account, invitation site.Invitation) {
	h.t.Helper()
	if _, err := h.service.AcceptInvitation(h.ctx(), guest.ID, invitation.Code); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) studio(account site.Account, name string) site.Entry {
	h.t.Helper()
	entry, err := h.service.Studio(h.ctx(), account.ID, name)
	if err != nil {
		h.t.Fatal(err)
	}
	return entry
}

// publish puts the holder of a token on the stage.
func (h *house) publish(token stage.Token) {
	h.stages.mu.Lock()
	defer h.stages.mu.Unlock()
	h.stages.connected[token.Participant] = true
	h.stages.publishers[token.Stage] = append(h.stages.publishers[token.Stage], stage.Publisher{
		ID: token.Participant, UserID: token.UserID, Attributes: token.Attributes, Publishing: true, OnAir: true,
	})
}

// refused checks a refusal: its code, and words that its sentence holds.
func refused(t *testing.T, err error, code site.Code, words string) {
	t.Helper()
	if site.CodeOf(err) != code {
		t.Errorf("error %v, want code %q", err, code)
	} else if err != nil && !strings.Contains(err.Error(), words) {
		t.Errorf("error %q does not say %q", err, words)
	}
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// countingHasher counts how often a password was checked.
type countingHasher struct {
	*argon.Hasher
	verified int
}

func (c *countingHasher) Verify(ctx context.Context, encoded, password string) (bool, error) {
	ok, err := c.Hasher.Verify(ctx, encoded, password)
	if err == nil {
		c.verified++
	}
	return ok, err
}

// fakeStages is a stage service without media.
type fakeStages struct {
	house *house

	mu         sync.Mutex
	minted     int
	requests   []stage.TokenRequest
	revoked    map[stage.ParticipantID]string // to the reason
	connected  map[stage.ParticipantID]bool
	publishers map[stage.ID][]stage.Publisher
	viewers    map[stage.ID]int
	backstage  map[stage.ParticipantID]bool
	onMint     func() // called once, before the next token is returned
	fault      error  // of DisconnectParticipant
}

func (f *fakeStages) CreateParticipantToken(ctx context.Context, id stage.ID, req stage.TokenRequest) (stage.Token, error) {
	if _, err := f.house.db.Stage(ctx, id); err != nil {
		return stage.Token{}, err
	}
	f.mu.Lock()
	f.minted++
	participant := stage.ParticipantID(fmt.Sprintf("participant%d", f.minted))
	f.requests = append(f.requests, req)
	onMint := f.onMint
	f.onMint = nil
	f.mu.Unlock()
	if onMint != nil {
		onMint()
	}
	return stage.Token{Raw: stage.Secret("token of " + participant), Participant: participant, Stage: id, UserID: req.UserID,
		Attributes: req.Attributes, Capabilities: req.Capabilities, Expires: f.house.clock.Now().Add(req.Duration)}, nil
}

func (f *fakeStages) DisconnectParticipant(_ context.Context, id stage.ID, participant stage.ParticipantID, reason string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault != nil {
		return f.fault
	}
	f.revoked[participant] = reason
	delete(f.connected, participant)
	var rest []stage.Publisher
	for _, p := range f.publishers[id] {
		if p.ID != participant {
			rest = append(rest, p)
		}
	}
	f.publishers[id] = rest
	return nil
}

func (f *fakeStages) SetLive(ctx context.Context, id stage.ID, live bool) error {
	now := f.house.clock.Now()
	since := now
	if !live {
		since = time.Time{}
	}
	if err := f.house.db.SetLiveSince(ctx, id, since); err != nil {
		return err
	}
	f.house.service.StageLiveChanged(ctx, id, live, now)
	return nil
}

func (f *fakeStages) SetOnAir(_ context.Context, _ stage.ID, participant stage.ParticipantID, onAir bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.backstage[participant] = !onAir
	return nil
}

func (f *fakeStages) Snapshot(ctx context.Context, id stage.ID) (*stage.Snapshot, error) {
	kept, err := f.house.db.Stage(ctx, id)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return &stage.Snapshot{Stage: id, Gated: kept.Gated, LiveSince: kept.LiveSince, Viewers: f.viewers[id],
		Publishers: append([]stage.Publisher(nil), f.publishers[id]...)}, nil
}

func (f *fakeStages) Connected(_ context.Context, _ stage.ID, participant stage.ParticipantID) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.connected[participant], nil
}

func (f *fakeStages) Revoked(_ context.Context, _ stage.ID, participant stage.ParticipantID) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, revoked := f.revoked[participant]
	return revoked, nil
}

// reasonFor returns why a participant was sent away, "" when it was not.
func (f *fakeStages) reasonFor(participant stage.ParticipantID) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.revoked[participant]
}
