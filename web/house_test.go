package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"streamcat/site"
	"streamcat/stage"
	"streamcat/store"
	"streamcat/store/storetest"
	"streamcat/web"
)

const password = "a good password"

// house is the site's pages over the real site on a real database; only the stages are a fake.
type house struct {
	t       *testing.T
	service *site.Service
	stages  *fakeStages
	config  web.Config
	server  *web.Server
	log     *strings.Builder
}

func newHouse(t *testing.T, change ...func(*web.Config)) *house {
	t.Helper()
	h := &house{t: t, log: &strings.Builder{}}
	db := storetest.SQLite(t)
	h.stages = &fakeStages{db: db, gone: map[stage.ParticipantID]bool{}, on: map[stage.ID][]stage.Publisher{}}
	h.service = site.New(db, h.stages, slog.New(slog.DiscardHandler))
	h.config = web.Config{
		Site:      h.service,
		SDK:       fstest.MapFS{"dist/streamcat.js": {Data: []byte("export {}")}},
		Log:       slog.New(slog.NewTextHandler(h.log, nil)),
		PublicURL: "https://cats.example",
	}
	for _, c := range change {
		c(&h.config)
	}
	var err error
	if h.server, err = web.New(h.config); err != nil {
		t.Fatal(err)
	}
	return h
}

// browser is one person's browser: it keeps cookies and says where a request comes from.
type browser struct {
	h       *house
	address string
	cookies map[string]string
}

func (h *house) browser() *browser {
	return &browser{h: h, address: "192.0.2.1:4711", cookies: map[string]string{}}
}

// as is the browser of somebody who has just registered.
func (h *house) as(name string) *browser {
	h.t.Helper()
	account, err := h.service.Register(h.t.Context(), name, password)
	if err != nil {
		h.t.Fatal(err)
	}
	session, err := h.service.OpenSession(h.t.Context(), account.ID, "test")
	if err != nil {
		h.t.Fatal(err)
	}
	b := h.browser()
	b.cookies["streamcat"] = string(session)
	return b
}

type answer struct {
	*http.Response
	text string
}

// send makes a request as a page of the site would, unless headers say otherwise.
func (b *browser) send(method, path, contentType, body string, headers ...string) answer {
	b.h.t.Helper()
	r := httptest.NewRequest(method, "https://cats.example"+path, strings.NewReader(body))
	r.RequestURI = path
	r.RemoteAddr = b.address
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if method != http.MethodGet {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.h.server.Handler().ServeHTTP(w, r)
	response := w.Result()
	for _, c := range response.Cookies() {
		b.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	return answer{response, string(text)}
}

func (b *browser) get(path string, headers ...string) answer {
	b.h.t.Helper()
	return b.send(http.MethodGet, path, "", "", headers...)
}

func (b *browser) post(path string, form url.Values, headers ...string) answer {
	b.h.t.Helper()
	return b.send(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode(), headers...)
}

func (b *browser) json(method, path, body string, headers ...string) answer {
	b.h.t.Helper()
	return b.send(method, path, "application/json", body, headers...)
}

func credentials(name, password string, more ...string) url.Values {
	form := url.Values{"name": {name}, "password": {password}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// expect checks the status, and words that the answer holds.
func (a answer) expect(t *testing.T, status int, words ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s: status %d, want %d: %.300s", a.Status, a.StatusCode, status, a.text)
	}
	for _, word := range words {
		if !strings.Contains(a.text, word) {
			t.Errorf("the answer does not say %q: %.600s", word, a.text)
		}
	}
}

// fakeStages is a stage service without media.
type fakeStages struct {
	db *store.DB

	mu      sync.Mutex
	minted  int
	gone    map[stage.ParticipantID]bool
	on      map[stage.ID][]stage.Publisher
	onAir   []stage.ParticipantID
	removed []stage.ParticipantID
}

func (f *fakeStages) CreateParticipantToken(_ context.Context, id stage.ID, req stage.TokenRequest) (stage.Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.minted++
	participant := stage.ParticipantID(fmt.Sprintf("participant%d", f.minted))
	return stage.Token{Raw: stage.Secret("token-of-" + participant), Participant: participant, Stage: id, UserID: req.UserID,
		Attributes: req.Attributes, Capabilities: req.Capabilities, Expires: time.Now().Add(req.Duration)}, nil
}

func (f *fakeStages) DisconnectParticipant(_ context.Context, _ stage.ID, participant stage.ParticipantID, _ string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone[participant] = true
	f.removed = append(f.removed, participant)
	return nil
}

func (f *fakeStages) SetLive(ctx context.Context, id stage.ID, live bool) error {
	since := time.Now()
	if !live {
		since = time.Time{}
	}
	return f.db.SetLiveSince(ctx, id, since)
}

func (f *fakeStages) SetOnAir(_ context.Context, _ stage.ID, participant stage.ParticipantID, _ bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onAir = append(f.onAir, participant)
	return nil
}

func (f *fakeStages) Snapshot(ctx context.Context, id stage.ID) (*stage.Snapshot, error) {
	kept, err := f.db.Stage(ctx, id)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return &stage.Snapshot{Stage: id, Gated: kept.Gated, LiveSince: kept.LiveSince, Viewers: 7, Publishers: f.on[id]}, nil
}

func (f *fakeStages) Connected(context.Context, stage.ID, stage.ParticipantID) (bool, error) {
	return false, nil
}

func (f *fakeStages) Revoked(_ context.Context, _ stage.ID, participant stage.ParticipantID) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gone[participant], nil
}

// publish puts an account's participant on the stage of a channel.
func (h *house) publish(channel string, p stage.Publisher) {
	h.t.Helper()
	c, err := h.service.Channel(h.t.Context(), channel)
	if err != nil {
		h.t.Fatal(err)
	}
	h.stages.mu.Lock()
	defer h.stages.mu.Unlock()
	h.stages.on[c.Stage] = append(h.stages.on[c.Stage], p)
}

// invite makes an invitation to a channel's stage.
func (h *house) invite(host, forName string, lifetime time.Duration) site.Invitation {
	h.t.Helper()
	channel, err := h.service.Channel(h.t.Context(), host)
	if err != nil {
		h.t.Fatal(err)
	}
	invitation, err := h.service.Invite(h.t.Context(), channel.Owner, forName, lifetime)
	if err != nil {
		h.t.Fatal(err)
	}
	return invitation
}
