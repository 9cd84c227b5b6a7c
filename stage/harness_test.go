package stage_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"streamcat/stage"
	"streamcat/store"
	"streamcat/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal is what happened in the media plane and on the bus, in one order.
type journal struct {
	mu      sync.Mutex
	entries []entry
}

// entry is one happening; one of its fields is set.
type entry struct {
	program *stage.Program
	forget  bool
	close   *fakeSession
	notice  *stage.Notice
	live    *announcement
}

type announcement struct {
	id   stage.ID
	live bool
	at   time.Time
}

func (j *journal) add(e entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
}

func (j *journal) all() []entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}

// mark returns a function that lists what has happened since.
func (j *journal) mark() func() []entry {
	start := len(j.all())
	return func() []entry { return j.all()[start:] }
}

// first returns the index of the first entry that is meant, -1 without one.
func first(entries []entry, meant func(entry) bool) int { return slices.IndexFunc(entries, meant) }

// snapshots returns the snapshots among entries.
func snapshots(entries []entry) []*stage.Snapshot {
	var all []*stage.Snapshot
	for _, e := range entries {
		if e.notice != nil && e.notice.Snapshot != nil {
			all = append(all, e.notice.Snapshot)
		}
	}
	return all
}

// lefts returns the Left notices among entries.
func lefts(entries []entry) []stage.Left {
	var all []stage.Left
	for _, e := range entries {
		if e.notice != nil && e.notice.Left != nil {
			all = append(all, *e.notice.Left)
		}
	}
	return all
}

// fakeEngine is a media plane without media. Like the real one it holds a lock while it calls back, and takes the same lock when
// it is called.
type fakeEngine struct {
	journal *journal
	mu      sync.Mutex
	// refuse, when set, is asked before a connection is made.
	refuse   func() error
	sessions []*fakeSession
	program  map[stage.ID]stage.Program
}

func (e *fakeEngine) make(s *fakeSession) (*fakeSession, error) {
	e.mu.Lock()
	refuse := e.refuse
	e.mu.Unlock()
	if refuse != nil {
		if err := refuse(); err != nil {
			return nil, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s.engine, s.etag = e, fmt.Sprint("etag", len(e.sessions))
	e.sessions = append(e.sessions, s)
	return s, nil
}

func (e *fakeEngine) Publish(_ context.Context, spec stage.PublishSpec) (stage.MediaSession, error) {
	s, err := e.make(&fakeSession{publish: &spec})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (e *fakeEngine) Subscribe(_ context.Context, spec stage.SubscribeSpec) (stage.Subscription, error) {
	s, err := e.make(&fakeSession{subscribe: &spec, selection: spec.Selection})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (e *fakeEngine) Apply(id stage.ID, program stage.Program) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.program == nil {
		e.program = make(map[stage.ID]stage.Program)
	}
	e.program[id] = program
	e.journal.add(entry{program: &program})
}

func (e *fakeEngine) Forget(id stage.ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.program, id)
	e.journal.add(entry{forget: true})
}

// applied is the program of a stage, the zero one when there is none.
func (e *fakeEngine) applied(id stage.ID) stage.Program {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.program[id]
}

func (e *fakeEngine) setRefuse(refuse func() error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refuse = refuse
}

// last returns the newest session of a participant.
func (e *fakeEngine) last(id stage.ParticipantID) *fakeSession {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range slices.Backward(e.sessions) {
		if s.participant() == id {
			return s
		}
	}
	return nil
}

// open counts the sessions that were neither closed nor have ended.
func (e *fakeEngine) open() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	count := 0
	for _, s := range e.sessions {
		if !s.ended {
			count++
		}
	}
	return count
}

type fakeSession struct {
	engine    *fakeEngine
	publish   *stage.PublishSpec
	subscribe *stage.SubscribeSpec
	etag      string
	selection stage.Selection
	ended     bool
}

func (s *fakeSession) participant() stage.ParticipantID {
	if s.publish != nil {
		return s.publish.Participant
	}
	return s.subscribe.Participant
}

func (s *fakeSession) Answer() string { return "v=0 answer" }

func (s *fakeSession) ETag() string {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return s.etag
}

func (s *fakeSession) Patch(_ context.Context, fragment string, restart bool) (string, error) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if strings.Contains(fragment, "bad") {
		return "", stage.Errorf(stage.InvalidInput, "A bad fragment.")
	}
	if !restart {
		return "", nil
	}
	s.etag += "+"
	return "a=ice-ufrag:new", nil
}

func (s *fakeSession) Close() error {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if !s.ended {
		s.ended = true
		s.engine.journal.add(entry{close: s})
	}
	return nil
}

func (s *fakeSession) Select(selection stage.Selection) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.selection = selection
}

func (s *fakeSession) selected() stage.Selection {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return s.selection
}

func (s *fakeSession) closed() bool {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return s.ended
}

// start lets the first packets arrive.
func (s *fakeSession) start(kinds ...stage.Kind) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	for _, kind := range kinds {
		s.publish.Started(kind)
	}
}

// fail ends the connection from the other side.
func (s *fakeSession) fail() {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.ended = true
	if s.publish != nil {
		s.publish.Closed(errors.New("ICE failed"))
	} else {
		s.subscribe.Closed(errors.New("ICE failed"))
	}
}

type fakeBus struct{ journal *journal }

func (b fakeBus) PublishNotice(_ stage.ID, notice stage.Notice) error {
	b.journal.add(entry{notice: &notice})
	return nil
}

// world is a service with everything around it.
type world struct {
	t       testing.TB
	store   stage.Store
	engine  *fakeEngine
	journal *journal
	config  stage.Config
	*stage.Service
}

// newWorld opens a service on a fresh database. change may set limits.
func newWorld(t testing.TB, change func(*stage.Config)) *world {
	t.Helper()
	db, err := store.Open(t.Context(), storetest.SQLiteURL(t))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: db, journal: &journal{}}
	w.engine = &fakeEngine{journal: w.journal}
	w.config = stage.Config{
		Store:     db,
		Engine:    w.engine,
		Bus:       fakeBus{w.journal},
		Log:       slog.New(slog.NewTextHandler(t.Output(), nil)),
		PublicURL: "https://example.org",
		LiveChanged: func(_ context.Context, id stage.ID, live bool, at time.Time) {
			w.journal.add(entry{live: &announcement{id, live, at}})
		},
	}
	if change != nil {
		change(&w.config)
	}
	w.open()
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) open() {
	w.t.Helper()
	s, err := stage.Open(w.t.Context(), w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Service = s
}

// restart ends the service and starts another on the same store.
func (w *world) restart() {
	w.t.Helper()
	w.must(w.Close())
	w.engine = &fakeEngine{journal: w.journal}
	w.config.Engine = w.engine
	w.open()
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// refused checks the code of a refusal.
func refused(t testing.TB, err error, want stage.Code) {
	t.Helper()
	if got := stage.CodeOf(err); got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

func (w *world) stage(gated bool) stage.ID {
	w.t.Helper()
	st, err := w.CreateStage(w.t.Context(), "test", gated, nil)
	w.must(err)
	return st.ID
}

var (
	both          = stage.Capabilities{Publish: true, Subscribe: true}
	subscribeOnly = stage.Capabilities{Subscribe: true}
)

// token makes a token and verifies it.
func (w *world) token(id stage.ID, capabilities stage.Capabilities) (stage.Token, stage.Grant) {
	w.t.Helper()
	token, err := w.CreateParticipantToken(w.t.Context(), id, stage.TokenRequest{Capabilities: capabilities})
	w.must(err)
	grant, err := w.Authenticate(w.t.Context(), string(token.Raw), id)
	w.must(err)
	return token, grant
}

func (w *world) host(id stage.ID) stage.Grant {
	w.t.Helper()
	_, grant := w.token(id, both)
	return grant
}

func (w *world) viewer(id stage.ID) stage.Grant {
	w.t.Helper()
	_, grant := w.token(id, subscribeOnly)
	return grant
}

func (w *world) connect(g stage.Grant, client string) stage.Welcome {
	w.t.Helper()
	welcome, err := w.Connect(w.t.Context(), g, client, stage.ClientInfo{})
	w.must(err)
	return welcome
}

// publish publishes and lets media arrive.
func (w *world) publish(g stage.Grant, client string) (stage.Resource, *fakeSession) {
	w.t.Helper()
	res, err := w.Publish(w.t.Context(), g, client, "offer")
	w.must(err)
	session := w.engine.last(g.Participant)
	session.start(stage.Audio, stage.Video)
	return res, session
}

func (w *world) subscribe(g stage.Grant, client string, publisher stage.ParticipantID) (stage.Resource, *fakeSession) {
	w.t.Helper()
	res, err := w.Subscribe(w.t.Context(), g, client, publisher, "offer")
	w.must(err)
	return res, w.engine.last(g.Participant)
}

func (w *world) snapshot(id stage.ID) *stage.Snapshot {
	w.t.Helper()
	snapshot, err := w.Snapshot(w.t.Context(), id)
	w.must(err)
	return snapshot
}

// publisher returns what a snapshot says of a participant.
func (w *world) publisher(g stage.Grant) (stage.Publisher, bool) {
	w.t.Helper()
	for _, p := range w.snapshot(g.Stage).Publishers {
		if p.ID == g.Participant {
			return p, true
		}
	}
	return stage.Publisher{}, false
}

// events lists the names of a participant's events in the newest session, with the error after a colon.
func (w *world) events(g stage.Grant) []string {
	w.t.Helper()
	sessions, err := w.Sessions(w.t.Context(), g.Stage)
	w.must(err)
	if len(sessions) == 0 {
		return nil
	}
	events, err := w.Events(w.t.Context(), g.Stage, sessions[0].ID, g.Participant)
	w.must(err)
	var names []string
	for _, e := range events {
		name := e.Name
		if e.ErrorCode != "" {
			name += ":" + string(e.ErrorCode)
		}
		names = append(names, name)
	}
	return names
}
