package stage_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"streamcat/stage"
)

func (w *world) sessions(id stage.ID) []stage.Session {
	w.t.Helper()
	sessions, err := w.Sessions(w.t.Context(), id)
	w.must(err)
	return sessions
}

func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.stage(false)
		if got := w.sessions(id); len(got) != 0 {
			t.Errorf("sessions of an idle stage: %+v", got)
		}
		token, err := w.CreateParticipantToken(t.Context(), id, stage.TokenRequest{
			UserID: "Zoë", Attributes: map[string]string{"k": "v"}, Capabilities: both,
		})
		w.must(err)
		g, err := w.Authenticate(t.Context(), string(token.Raw), id)
		w.must(err)
		v := w.viewer(id)
		begun := time.Now().UTC()
		info := stage.ClientInfo{Browser: "Firefox", OS: "Linux\x00", SDKVersion: strings.Repeat("ü", 100), Protocol: "UNKNOWN"}
		welcome, err := w.Connect(t.Context(), g, tabA, info)
		w.must(err)
		if !regexp.MustCompile(`^st-[A-Za-z0-9]{13}$`).MatchString(string(welcome.Session)) || welcome.Snapshot.Session != welcome.Session {
			t.Errorf("session %q, in the snapshot %q", welcome.Session, welcome.Snapshot.Session)
		}
		time.Sleep(time.Second)
		if again := w.connect(v, tabA); again.Session != welcome.Session {
			t.Errorf("sessions %q and %q", welcome.Session, again.Session)
		}
		w.publish(g, tabA)
		w.subscribe(v, tabA, g.Participant)
		_, whole := w.subscribe(v, tabA, "")
		whole.fail()
		w.snapshot(id)
		w.Disconnect(g, tabA, true)
		w.Disconnect(v, tabA, true)

		if diff := cmp.Diff([]string{"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"}, w.events(g)); diff != "" {
			t.Errorf("the host's events (-want +got):\n%s", diff)
		}
		want := []string{"JOINED", "SUBSCRIBE_STARTED", "SUBSCRIBE_STARTED", "SUBSCRIBE_STOPPED", "SUBSCRIBE_STOPPED", "LEFT"}
		if diff := cmp.Diff(want, w.events(v)); diff != "" {
			t.Errorf("the viewer's events (-want +got):\n%s", diff)
		}
		events, err := w.Events(t.Context(), id, welcome.Session, v.Participant)
		w.must(err)
		if events[1].Remote != g.Participant || events[2].Remote != "" {
			t.Errorf("publishers of the subscriptions: %q and %q", events[1].Remote, events[2].Remote)
		}
		participants, err := w.Participants(t.Context(), id, welcome.Session)
		w.must(err)
		wantParticipants := []stage.Participant{
			{ID: g.Participant, Stage: id, Session: welcome.Session, UserID: "Zoë", Attributes: map[string]string{"k": "v"}, Published: true, FirstJoin: begun,
				Client: stage.ClientInfo{Browser: "Firefox", OS: "Linux", SDKVersion: strings.Repeat("ü", 64), Protocol: "UNKNOWN"}},
			{ID: v.Participant, Stage: id, Session: welcome.Session, FirstJoin: begun.Add(time.Second)},
		}
		if diff := cmp.Diff(wantParticipants, participants, cmpopts.EquateApproxTime(time.Millisecond), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("participants (-want +got):\n%s", diff)
		}
	})
}

func TestOldHistoryIsForgotten(t *testing.T) {
	const day = 24 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.stage(false)
		visit := func() stage.Grant {
			g := w.viewer(id)
			w.connect(g, tabA)
			w.must(w.DisconnectParticipant(t.Context(), id, g.Participant, ""))
			time.Sleep(time.Hour) // the session ends
			return g
		}
		first := visit()
		time.Sleep(80 * day)
		second := visit()
		if got := len(w.sessions(id)); got != 2 {
			t.Errorf("after 80 days %d sessions are known", got)
		}
		time.Sleep(12 * day)
		sessions := w.sessions(id)
		if len(sessions) != 1 || len(w.events(second)) == 0 || len(w.events(first)) != 0 {
			t.Errorf("after 92 days: %+v", sessions)
		}
		revoked := func(g stage.Grant) bool {
			is, err := w.Revoked(t.Context(), id, g.Participant)
			w.must(err)
			return is
		}
		if revoked(first) || !revoked(second) {
			t.Errorf("removed after 92 and 12 days: %v, %v; a token lives for 14", revoked(first), revoked(second))
		}
	})
}

func TestSessionsBeginAndEnd(t *testing.T) {
	const linger = 3 * time.Minute
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.stage(false)
		g, v := w.host(id), w.viewer(id)
		open := func() int {
			synctest.Wait()
			count := 0
			for _, s := range w.sessions(id) {
				if s.End.IsZero() {
					count++
				}
			}
			return count
		}
		expect := func(when string, want int) {
			t.Helper()
			if got := open(); got != want {
				t.Errorf("%s: %d sessions go on, want %d", when, got, want)
			}
		}
		first := w.connect(v, tabA).Session
		time.Sleep(time.Hour)
		expect("only a viewer", 1)
		w.publish(g, tabA)
		time.Sleep(time.Hour)
		expect("somebody publishes", 1)
		w.engine.last(g.Participant).fail()
		w.snapshot(id)
		time.Sleep(linger - time.Second)
		w.publish(g, tabA)
		time.Sleep(linger)
		expect("the publisher came back", 1)
		w.engine.last(g.Participant).fail()
		w.snapshot(id)
		time.Sleep(linger - time.Second)
		expect("just before", 1)
		time.Sleep(2 * time.Second)
		expect("the last publisher is gone, a viewer stays", 0)
		if got := w.snapshot(id).Viewers; got != 1 {
			t.Errorf("%d viewers", got)
		}
		// The next publisher begins a session, and who is there has joined it.
		w.publish(g, tabA)
		expect("a publisher came", 1)
		if second := w.sessions(id)[0].ID; second == first {
			t.Error("an ended session goes on")
		}
		if diff := cmp.Diff([]string{"JOINED"}, w.events(v)); diff != "" {
			t.Errorf("the viewer's events in the new session (-want +got):\n%s", diff)
		}
		w.Disconnect(v, tabA, true)
		w.engine.last(g.Participant).fail()
		w.snapshot(id)
		time.Sleep(linger + time.Second)
		expect("all are gone", 0)

		w.connect(v, tabA)
		w.Disconnect(v, tabA, true)
		time.Sleep(linger - time.Second)
		expect("a viewer has just gone", 1)
		time.Sleep(2 * time.Second)
		expect("a viewer has gone", 0)
		if got := len(w.sessions(id)); got != 3 {
			t.Errorf("%d sessions", got)
		}
	})
}

func TestShutdownEndsSessions(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(true)
	g := w.host(id)
	w.connect(g, tabA)
	w.publish(g, tabA)
	w.restart()
	sessions := w.sessions(id)
	if len(sessions) != 1 || sessions[0].End.IsZero() {
		t.Errorf("sessions %+v", sessions)
	}
	if diff := cmp.Diff([]string{"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"}, w.events(g)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// A program that was killed has left a session open; the next ends it when the stage is looked at.
func TestCrashEndsSessions(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(true)
	begun := time.Now().UTC().Truncate(time.Millisecond).Add(-time.Hour)
	w.must(w.store.WriteHistory(t.Context(), []stage.Record{
		{Session: &stage.Session{ID: "st-crash", Stage: id, Start: begun}},
		{Event: &stage.Event{Name: "JOINED", Stage: id, Session: "st-crash", Participant: "p", Time: begun.Add(time.Minute), Seq: 1}},
	}))
	want := []stage.Session{{ID: "st-crash", Stage: id, Start: begun, End: begun.Add(time.Minute)}}
	if diff := cmp.Diff(want, w.sessions(id)); diff != "" {
		t.Errorf("sessions (-want +got):\n%s", diff)
	}
}

func TestRefusalsDoNotFillTheDisk(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(true)
	v := w.viewer(id)
	w.connect(v, tabA)
	for range 1100 {
		_, err := w.Publish(t.Context(), v, tabA, "offer")
		refused(t, err, stage.InsufficientCapabilities)
	}
	w.Disconnect(v, tabA, true)
	w.sessions(id) // waits until the history is written
	events, err := w.store.Events(t.Context(), id, w.sessions(id)[0].ID, v.Participant, 2000)
	w.must(err)
	if len(events) != 1002 { // JOINED, a thousand refusals, LEFT
		t.Errorf("%d events", len(events))
	}
}

// flaky is a store that loses its connection now and then.
type flaky struct {
	stage.Store
	mu       sync.Mutex
	failures int
}

func (f *flaky) WriteHistory(ctx context.Context, records []stage.Record) error {
	f.mu.Lock()
	fail := f.failures > 0
	f.failures--
	f.mu.Unlock()
	if fail {
		return errors.New("connection reset")
	}
	return f.Store.WriteHistory(ctx, records)
}

func TestHistoryIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &flaky{failures: 3}
		w := newWorld(t, func(c *stage.Config) { db.Store, c.Store = c.Store, db })
		id := w.stage(true)
		g := w.host(id)
		w.connect(g, tabA)
		w.publish(g, tabA) // nobody waits for the store
		if diff := cmp.Diff([]string{"JOINED", "PUBLISH_STARTED"}, w.events(g)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestCreateStage(t *testing.T) {
	w := newWorld(t, nil)
	tooMany := map[string]string{}
	for i := range 51 {
		tooMany[strings.Repeat("k", i+1)] = ""
	}
	for _, tt := range []struct {
		name, stage string
		tags        map[string]string
		want        stage.Code
	}{
		{"plain", "a", nil, ""},
		{"tags", "", map[string]string{"Größe": "XL"}, ""},
		{"bad name", "a b", nil, stage.InvalidInput},
		{"empty key", "a", map[string]string{"": "v"}, stage.InvalidInput},
		{"long key", "a", map[string]string{strings.Repeat("k", 129): "v"}, stage.InvalidInput},
		{"long value", "a", map[string]string{"k": strings.Repeat("v", 257)}, stage.InvalidInput},
		{"too many", "a", tooMany, stage.InvalidInput},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made, err := w.CreateStage(t.Context(), tt.stage, true, tt.tags)
			refused(t, err, tt.want)
			if err != nil {
				return
			}
			kept, err := w.Stage(t.Context(), made.ID)
			w.must(err)
			if diff := cmp.Diff(made, kept, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("kept (-made +kept):\n%s", diff)
			}
		})
	}
}
