package rtcapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"streamcat/ratelimit"
	"streamcat/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testStage stage.ID = "stage1"

// fakeStages answers as it is told to and remembers what it was asked. Tokens are "host-NAME" and "audience-NAME".
type fakeStages struct {
	bus *fakeBus

	mu        sync.Mutex
	refuse    map[string]error // by method
	connected map[string]int   // sockets by participant and client
	clean     map[string]bool  // how the last one went
	snapshot  *stage.Snapshot
	offers    []string
	patches   []string
	deleted   []string
	mutes     int
	selected  stage.Selection
	info      stage.ClientInfo
	onConnect func()
	panics    bool
}

func newFakeStages(bus *fakeBus) *fakeStages {
	return &fakeStages{
		bus:       bus,
		refuse:    map[string]error{},
		connected: map[string]int{},
		clean:     map[string]bool{},
		snapshot:  &stage.Snapshot{Stage: testStage, Session: "st-1", Version: 1, Gated: true, Slots: 12},
	}
}

func (f *fakeStages) refused(method string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refuse[method]
}

func (f *fakeStages) setRefusal(method string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse[method] = err
}

func (f *fakeStages) Authenticate(_ context.Context, raw string, id stage.ID) (stage.Grant, error) {
	if err := f.refused("Authenticate"); err != nil {
		return stage.Grant{}, err
	}
	role, name, _ := strings.Cut(raw, "-")
	switch {
	case raw == "panic-now":
		panic("the fake was told to")
	case role != "host" && role != "audience":
		return stage.Grant{}, stage.Errorf(stage.TokenMalformed, "This token was not made here.")
	case id != "" && id != testStage:
		return stage.Grant{}, stage.Errorf(stage.TokenMalformed, "This token is for another stage.")
	}
	return stage.Grant{
		Stage: testStage, Participant: stage.ParticipantID(name),
		Capabilities: stage.Capabilities{Publish: role == "host", Subscribe: true},
	}, nil
}

func (f *fakeStages) Connect(_ context.Context, g stage.Grant, client string, info stage.ClientInfo) (stage.Welcome, error) {
	if err := f.refused("Connect"); err != nil {
		return stage.Welcome{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.connected[string(g.Participant)+"/"+client]++
	f.info = info
	if f.onConnect != nil {
		f.onConnect()
	}
	return stage.Welcome{Session: f.snapshot.Session, Snapshot: f.snapshot, Resources: []string{"res1"}}, nil
}

func (f *fakeStages) Disconnect(g stage.Grant, client string, clean bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.connected[string(g.Participant)+"/"+client]--
	f.clean[string(g.Participant)+"/"+client] = clean
}

func (f *fakeStages) sockets(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.connected[key]
}

// said returns whether the last socket of a client went with a goodbye.
func (f *fakeStages) said(key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.clean[key]
}

func (f *fakeStages) Publish(_ context.Context, g stage.Grant, client, offer string) (stage.Resource, error) {
	if !g.Capabilities.Publish {
		return stage.Resource{}, stage.Errorf(stage.InsufficientCapabilities, "This token does not allow publishing.")
	}
	return f.answer("Publish", offer)
}

func (f *fakeStages) Subscribe(_ context.Context, g stage.Grant, client string, publisher stage.ParticipantID, offer string) (stage.Resource, error) {
	return f.answer("Subscribe", offer)
}

func (f *fakeStages) answer(method, offer string) (stage.Resource, error) {
	if err := f.refused(method); err != nil {
		return stage.Resource{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offers = append(f.offers, offer)
	return stage.Resource{ID: "res1234567890abc", Answer: "v=0 answer", ETag: "ice1"}, nil
}

func (f *fakeStages) PatchResource(_ context.Context, g stage.Grant, resource, ifMatch, fragment string) (string, string, error) {
	if err := f.refused("PatchResource"); err != nil {
		return "", "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.patches = append(f.patches, resource+" "+ifMatch+" "+fragment)
	if ifMatch == "*" {
		return "a=ice-ufrag:new", "ice2", nil
	}
	if ifMatch != "ice1" {
		return "", "", stage.Errorf(stage.PreconditionFailed, "That is another ICE session.")
	}
	return "", "ice1", nil
}

func (f *fakeStages) DeleteResource(_ context.Context, g stage.Grant, resource string) error {
	if resource != "res1234567890abc" {
		return stage.Errorf(stage.NotFound, "There is no such session.")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deleted = append(f.deleted, resource)
	return nil
}

func (f *fakeStages) SetMute(_ context.Context, g stage.Grant, audioMuted, videoStopped bool) error {
	if !g.Host() {
		return stage.Errorf(stage.InsufficientCapabilities, "This token does not allow publishing.")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics {
		panic("the fake was told to")
	}
	f.mutes++
	return nil
}

func (f *fakeStages) Select(_ context.Context, g stage.Grant, client string, selection stage.Selection) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.selected = selection
	return f.refuse["Select"]
}

// fakeBus hands notices to its subscribers at once.
type fakeBus struct {
	mu   sync.Mutex
	next int
	fns  map[int]func(stage.Notice)
	err  error
}

func newFakeBus() *fakeBus { return &fakeBus{fns: map[int]func(stage.Notice){}} }

func (b *fakeBus) SubscribeNotices(id stage.ID, fn func(stage.Notice)) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return nil, b.err
	}
	b.next++
	key := b.next
	b.fns[key] = fn
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.fns, key)
	}, nil
}

func (b *fakeBus) publish(n stage.Notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fn := range b.fns {
		fn(n)
	}
}

func (b *fakeBus) subscribers() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.fns)
}

// bench is a server with fakes around it.
type bench struct {
	*testing.T
	stages *fakeStages
	bus    *fakeBus
	server *Server
	http   *httptest.Server
	log    *strings.Builder
}

// newBench starts a server; config may change what it is made of.
func newBench(t *testing.T, config ...func(*Config)) *bench {
	b := &bench{T: t, bus: newFakeBus(), log: &strings.Builder{}}
	b.stages = newFakeStages(b.bus)
	log := &lockedWriter{w: b.log}
	c := Config{
		Stages: b.stages, Notices: b.bus, Rate: ratelimit.Rate{PerSecond: 1e6, Burst: 1e6},
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, change := range config {
		change(&c)
	}
	b.server = New(c)
	b.http = httptest.NewServer(b.server.Handler())
	t.Cleanup(func() {
		b.server.Close()
		b.http.Close()
		log.mu.Lock()
		defer log.mu.Unlock()
		for _, secret := range []string{"host-", "audience-", "Bearer", "client="} {
			if strings.Contains(b.log.String(), secret) {
				t.Errorf("the log holds %q:\n%s", secret, b.log)
			}
		}
	})
	return b
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// do sends a request and returns the answer with its body read.
func (b *bench) do(method, path, token, contentType, body string, header ...string) (*http.Response, string) {
	b.Helper()
	request, err := http.NewRequest(method, b.http.URL+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	response, err := b.http.Client().Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.Fatal(err)
	}
	return response, string(text)
}
