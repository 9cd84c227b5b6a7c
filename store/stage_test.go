package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"streamcat/stage"
	"streamcat/store"
	"streamcat/store/storetest"
)

// The interface is declared by the domain; this is where it is kept.
var _ stage.Store = (*store.DB)(nil)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newStage(t *testing.T, db *store.DB, gated bool) stage.Stage {
	t.Helper()
	s, err := stage.New("name", gated)
	if err != nil {
		t.Fatal(err)
	}
	s.Tags = map[string]string{"owner": "Zoë"}
	if err := db.InsertStage(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func deleted(t *testing.T, err error) {
	t.Helper()
	if got := stage.CodeOf(err); got != stage.StageDeleted {
		t.Errorf("got %v, want %s", err, stage.StageDeleted)
	}
}

func TestStages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		s, open := newStage(t, db, true), newStage(t, db, false)
		got, err := db.Stage(ctx, s.ID)
		check(t, err)
		if diff := cmp.Diff(s, got); diff != "" {
			t.Errorf("stage (-inserted +read):\n%s", diff)
		}
		if err := db.InsertStage(ctx, s); err == nil {
			t.Error("the same stage was inserted twice")
		}
		live := func() []stage.ID {
			stages, err := db.LiveStages(ctx)
			check(t, err)
			var ids []stage.ID
			for _, s := range stages {
				ids = append(ids, s.ID)
			}
			return ids
		}
		if got := live(); len(got) != 0 {
			t.Errorf("live %v", got)
		}
		check(t, db.SetLiveSince(ctx, s.ID, noon))
		check(t, db.SetLiveSince(ctx, open.ID, noon)) // without a gate it means nothing
		if diff := cmp.Diff([]stage.ID{s.ID}, live()); diff != "" {
			t.Errorf("live (-want +got):\n%s", diff)
		}
		if got, err := db.Stage(ctx, s.ID); err != nil || !got.LiveSince.Equal(noon) {
			t.Errorf("live since %v, %v", got.LiveSince, err)
		}
		check(t, db.SetLiveSince(ctx, s.ID, time.Time{}))
		if got := live(); len(got) != 0 {
			t.Errorf("live %v", got)
		}

		_, err = db.Stage(ctx, "nowhere")
		deleted(t, err)
		deleted(t, db.SetLiveSince(ctx, "nowhere", noon))
		deleted(t, db.DeleteStage(ctx, "nowhere"))
		deleted(t, db.Revoke(ctx, "nowhere", "p", "", noon))
		_, err = db.IsRevoked(ctx, "nowhere", "p")
		deleted(t, err)
	})
}

func TestRevocations(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		s, other := newStage(t, db, true), newStage(t, db, true)
		check(t, db.Revoke(ctx, s.ID, "old", "reason", noon.Add(-time.Hour)))
		check(t, db.Revoke(ctx, s.ID, "new", "", noon))
		check(t, db.Revoke(ctx, s.ID, "new", "again", noon))
		check(t, db.SetBackstage(ctx, s.ID, "old", true, noon.Add(-time.Hour)))
		check(t, db.SetBackstage(ctx, s.ID, "new", true, noon))
		check(t, db.SetBackstage(ctx, s.ID, "new", true, noon))
		check(t, db.SetBackstage(ctx, s.ID, "back", true, noon))
		check(t, db.SetBackstage(ctx, s.ID, "back", false, noon))
		check(t, db.SetBackstage(ctx, s.ID, "never", false, noon))

		expect := func(want ...stage.ParticipantID) {
			t.Helper()
			sorted := cmpopts.SortSlices(func(a, b stage.ParticipantID) bool { return a < b })
			revoked, err := db.Revocations(ctx, s.ID)
			check(t, err)
			if diff := cmp.Diff(want, revoked, sorted); diff != "" {
				t.Errorf("revoked (-want +got):\n%s", diff)
			}
			backstage, err := db.Backstage(ctx, s.ID)
			check(t, err)
			if diff := cmp.Diff(want, backstage, sorted); diff != "" {
				t.Errorf("backstage (-want +got):\n%s", diff)
			}
		}
		expect("new", "old")
		for id, want := range map[stage.ParticipantID]bool{"old": true, "new": true, "never": false} {
			if got, err := db.IsRevoked(ctx, s.ID, id); err != nil || got != want {
				t.Errorf("%s is revoked: %v, %v", id, got, err)
			}
		}
		if got, err := db.IsRevoked(ctx, other.ID, "new"); err != nil || got {
			t.Errorf("revoked on another stage: %v, %v", got, err)
		}
		check(t, db.ForgetTokens(ctx, noon.Add(-time.Minute)))
		expect("new")
	})
}

func TestHistory(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		s := newStage(t, db, true)
		first := stage.Session{ID: "st-1", Stage: s.ID, Start: noon}
		second := stage.Session{ID: "st-2", Stage: s.ID, Start: noon.Add(time.Hour)}
		host := stage.Participant{
			ID: "host", Stage: s.ID, Session: "st-1", UserID: "Zoë", Attributes: map[string]string{"k": "a\x00'\"ü"}, Connected: true, FirstJoin: noon,
			Client: stage.ClientInfo{Browser: "Firefox", OSVersion: "12"},
		}
		viewer := stage.Participant{ID: "viewer", Stage: s.ID, Session: "st-1", Connected: true, FirstJoin: noon.Add(time.Second)}
		event := func(seq int64, name string, at time.Duration) stage.Event {
			return stage.Event{Name: name, Stage: s.ID, Session: "st-1", Participant: "host", Remote: "r", Time: noon.Add(at), ErrorCode: "E", Seq: seq}
		}
		left := stage.Participant{ID: "ghost", Stage: "nowhere", Session: "st-9"}
		joined, started := event(1, "JOINED", 0), event(2, "PUBLISH_STARTED", time.Second)
		published := host
		published.Published = true
		published.FirstJoin = noon.Add(time.Minute) // not the first any more
		gone := host
		gone.Connected = false
		records := []stage.Record{
			{Session: &first}, {Participant: &host}, {Event: &joined}, {Participant: &viewer}, {Event: &started}, {Participant: &published},
			{Participant: &gone}, {Session: &second},
			// A stage that is gone takes nothing else with it.
			{Participant: &left}, {Session: &stage.Session{ID: "st-9", Stage: "nowhere"}}, {Event: &stage.Event{Stage: "nowhere", Seq: 1}}, {},
		}
		for range 2 { // the second time is what a retry does
			check(t, db.WriteHistory(ctx, records))
		}

		sessions, err := db.Sessions(ctx, s.ID, 10)
		check(t, err)
		if diff := cmp.Diff([]stage.Session{second, first}, sessions); diff != "" {
			t.Errorf("sessions (-want +got):\n%s", diff)
		}
		if sessions, err := db.Sessions(ctx, s.ID, 1); err != nil || len(sessions) != 1 {
			t.Errorf("%d sessions, %v", len(sessions), err)
		}
		wantHost := host
		wantHost.Connected, wantHost.Published = false, true
		participants, err := db.Participants(ctx, s.ID, "st-1", 10)
		check(t, err)
		if diff := cmp.Diff([]stage.Participant{wantHost, viewer}, participants); diff != "" {
			t.Errorf("participants (-want +got):\n%s", diff)
		}
		events, err := db.Events(ctx, s.ID, "st-1", "host", 10)
		check(t, err)
		if diff := cmp.Diff([]stage.Event{joined, started}, events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}

		// What a crash left behind.
		check(t, db.EndSessions(ctx, s.ID))
		first.End, second.End = started.Time, second.Start
		sessions, err = db.Sessions(ctx, s.ID, 10)
		check(t, err)
		if diff := cmp.Diff([]stage.Session{second, first}, sessions); diff != "" {
			t.Errorf("ended sessions (-want +got):\n%s", diff)
		}
		participants, err = db.Participants(ctx, s.ID, "st-1", 10)
		check(t, err)
		for _, p := range participants {
			if p.Connected {
				t.Errorf("%s is connected still", p.ID)
			}
		}

		check(t, db.Revoke(ctx, s.ID, "host", "", noon))
		check(t, db.DeleteStage(ctx, s.ID))
		for name, count := range map[string]func() (int, error){
			"sessions":     func() (int, error) { all, err := db.Sessions(ctx, s.ID, 10); return len(all), err },
			"participants": func() (int, error) { all, err := db.Participants(ctx, s.ID, "st-1", 10); return len(all), err },
			"events":       func() (int, error) { all, err := db.Events(ctx, s.ID, "st-1", "host", 10); return len(all), err },
			"revocations":  func() (int, error) { all, err := db.Revocations(ctx, s.ID); return len(all), err },
		} {
			if left, err := count(); err != nil || left != 0 {
				t.Errorf("%d %s outlived the stage, %v", left, name, err)
			}
		}
	})
}

func TestForgetHistory(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		s := newStage(t, db, true)
		const day = 24 * time.Hour
		var records []stage.Record
		session := func(id stage.SessionID, start, end time.Time) {
			records = append(records, stage.Record{Session: &stage.Session{ID: id, Stage: s.ID, Start: start, End: end}})
		}
		session("old", noon.Add(-2*day), noon.Add(-day))
		session("new", noon.Add(day), noon.Add(2*day))
		session("goes on", noon.Add(-2*day), time.Time{})
		participant := func(id stage.ParticipantID, session stage.SessionID, joined time.Time, connected bool) {
			records = append(records, stage.Record{Participant: &stage.Participant{ID: id, Stage: s.ID, Session: session, FirstJoin: joined, Connected: connected}})
		}
		participant("gone", "old", noon.Add(-day), false)
		participant("gone", "goes on", noon.Add(-day), false)
		participant("there", "goes on", noon.Add(-day), true)
		participant("late", "goes on", noon, false)
		for i := range 5000 { // more than go at a time
			records = append(records, stage.Record{Event: &stage.Event{Name: "JOINED", Stage: s.ID, Session: "old", Participant: "gone", Time: noon.Add(-day), Seq: int64(i + 1)}})
		}
		records = append(records, stage.Record{Event: &stage.Event{Name: "LEFT", Stage: s.ID, Session: "old", Participant: "gone", Time: noon, Seq: 10_000}})
		check(t, db.WriteHistory(ctx, records))

		for range 2 {
			check(t, db.ForgetHistory(ctx, noon))
			sessions, err := db.Sessions(ctx, s.ID, 10)
			check(t, err)
			if len(sessions) != 2 || sessions[0].ID != "new" || sessions[1].ID != "goes on" {
				t.Errorf("sessions %+v", sessions)
			}
			participants, err := db.Participants(ctx, s.ID, "goes on", 10)
			check(t, err)
			if len(participants) != 2 || participants[0].ID != "there" || participants[1].ID != "late" {
				t.Errorf("participants %+v", participants)
			}
			events, err := db.Events(ctx, s.ID, "old", "gone", 10_000)
			check(t, err)
			if len(events) != 1 || events[0].Name != "LEFT" {
				t.Errorf("%d events", len(events))
			}
		}
	})
}

// BenchmarkWriteHistory says what an audience that comes at once costs: a participant and an event each.
func BenchmarkWriteHistory(b *testing.B) {
	db := storetest.SQLite(b)
	s, err := stage.New("name", true)
	if err != nil {
		b.Fatal(err)
	}
	if err := db.InsertStage(b.Context(), s); err != nil {
		b.Fatal(err)
	}
	seq := int64(0)
	for b.Loop() {
		var records []stage.Record
		for range 250 {
			seq++
			id := stage.ParticipantID(time.UnixMicro(seq).Format("150405.000000"))
			records = append(records,
				stage.Record{Participant: &stage.Participant{ID: id, Stage: s.ID, Session: "st-1", FirstJoin: noon}},
				stage.Record{Event: &stage.Event{Name: "JOINED", Stage: s.ID, Session: "st-1", Participant: id, Time: noon, Seq: seq}})
		}
		if err := db.WriteHistory(b.Context(), records); err != nil {
			b.Fatal(err)
		}
	}
}
