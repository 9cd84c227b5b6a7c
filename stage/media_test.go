package stage_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"streamcat/stage"
)

func TestPublishIsAnnouncedWithItsFirstPacket(t *testing.T) {
	w := newWorld(t, nil)
	g := w.host(w.stage(true))
	w.connect(g, tabA)
	res, err := w.Publish(t.Context(), g, tabA, "offer")
	w.must(err)
	if res.Answer != "v=0 answer" || res.ETag != "etag0" || len(res.ID) != 22 {
		t.Errorf("got %+v", res)
	}
	if p, _ := w.publisher(g); p.Publishing || p.Slot != -1 {
		t.Errorf("before the first packet: %+v", p)
	}
	session := w.engine.last(g.Participant)
	session.start(stage.Audio)
	if p, _ := w.publisher(g); !p.Publishing || !p.HasAudio || p.HasVideo || p.Slot != 0 || !p.OnAir {
		t.Errorf("with audio: %+v", p)
	}
	session.start(stage.Video)
	if p, _ := w.publisher(g); !p.HasVideo {
		t.Errorf("with video: %+v", p)
	}
	if got := w.snapshot(g.Stage).Layout.Tiles; len(got) != 1 || got[0].Participant != g.Participant {
		t.Errorf("layout %+v", got)
	}
	w.must(w.DeleteResource(t.Context(), g, res.ID))
	if p, listed := w.publisher(g); !listed || p.Publishing || p.Slot != -1 {
		t.Errorf("after the end: %+v", p)
	}
}

func TestProgramComesBeforeItsPromises(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(true)
	g := w.host(id)
	w.connect(g, tabA)
	since := w.journal.mark()
	w.publish(g, tabA)
	w.snapshot(id)
	program := first(since(), func(e entry) bool {
		return e.program != nil && e.program.Publishers[g.Participant] == stage.ProgramEntry{Slot: 0, OnAir: true}
	})
	promise := first(since(), func(e entry) bool {
		return e.notice != nil && e.notice.Snapshot != nil && len(e.notice.Snapshot.Publishers) == 1 && e.notice.Snapshot.Publishers[0].Publishing
	})
	if program < 0 || promise < program {
		t.Errorf("program at %d, snapshot at %d", program, promise)
	}

	since = w.journal.mark()
	w.must(w.SetLive(t.Context(), id, true))
	live := first(since(), func(e entry) bool { return e.program != nil && e.program.Live })
	promise = first(since(), func(e entry) bool { return e.notice != nil && e.notice.Snapshot != nil && e.notice.Snapshot.Live() })
	announced := first(since(), func(e entry) bool { return e.live != nil && e.live.live })
	if live < 0 || promise < live || announced < 0 {
		t.Errorf("program at %d, snapshot at %d, announced at %d", live, promise, announced)
	}

	v := w.viewer(id)
	w.connect(v, tabA)
	_, watching := w.subscribe(v, tabA, "")
	since = w.journal.mark()
	w.must(w.SetLive(t.Context(), id, false))
	// What happened until SetLive returned is in the journal now.
	got := since()
	dark := first(got, func(e entry) bool { return e.program != nil && !e.program.Live })
	closed := first(got, func(e entry) bool { return e.close == watching })
	if dark < 0 || closed >= 0 && closed < dark {
		t.Errorf("program at %d, connection closed at %d", dark, closed)
	}
}

func TestAudienceWaitsForTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.stage(true)
		g, guest, v := w.host(id), w.host(id), w.viewer(id)
		w.publish(g, tabA)
		w.connect(guest, tabA)
		w.connect(v, tabA)
		_, err := w.Subscribe(t.Context(), v, tabA, "", "offer")
		refused(t, err, stage.NotLive)
		_, err = w.Subscribe(t.Context(), v, tabA, g.Participant, "offer")
		refused(t, err, stage.NotLive)
		_, hostsSeeHosts := w.subscribe(guest, tabA, g.Participant)

		w.must(w.SetLive(t.Context(), id, true))
		_, whole := w.subscribe(v, tabA, "")
		_, one := w.subscribe(v, tabA, g.Participant)
		if !whole.subscribe.Audience || hostsSeeHosts.subscribe.Audience {
			t.Error("the media plane takes hosts and audience for one another")
		}

		w.must(w.SetLive(t.Context(), id, false))
		synctest.Wait()
		if !whole.closed() || !one.closed() {
			t.Error("the audience kept a connection")
		}
		if hostsSeeHosts.closed() {
			t.Error("a host lost its connection")
		}
		if got := w.snapshot(id).Viewers; got != 1 {
			t.Errorf("%d viewers wait", got)
		}
	})
}

func TestUngatedStage(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(false)
	g, v := w.host(id), w.viewer(id)
	w.publish(g, tabA)
	w.subscribe(v, tabA, g.Participant)
	if program := w.engine.applied(id); !program.Live || !program.Publishers[g.Participant].OnAir {
		t.Errorf("program %+v", program)
	}
	w.must(w.SetLive(t.Context(), id, true))
	refused(t, w.SetLive(t.Context(), id, false), stage.Conflict)
	w.must(w.SetOnAir(t.Context(), id, g.Participant, true))
	refused(t, w.SetOnAir(t.Context(), id, g.Participant, false), stage.Conflict)
}

func TestBackstage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.stage(true)
		g, other, v := w.host(id), w.host(id), w.viewer(id)
		w.publish(g, tabA)
		w.publish(other, tabA)
		w.must(w.SetLive(t.Context(), id, true))
		_, watching := w.subscribe(v, tabA, g.Participant)
		_, whole := w.subscribe(v, tabA, "")
		_, colleague := w.subscribe(other, tabA, g.Participant)

		w.must(w.SetOnAir(t.Context(), id, g.Participant, false))
		if program := w.engine.applied(id); program.Publishers[g.Participant].OnAir || !program.Publishers[other.Participant].OnAir {
			t.Errorf("program %+v", program)
		}
		synctest.Wait()
		if !watching.closed() || whole.closed() || colleague.closed() {
			t.Errorf("closed: the audience's %v, the whole stage's %v, the colleague's %v", watching.closed(), whole.closed(), colleague.closed())
		}
		_, err := w.Subscribe(t.Context(), v, tabA, g.Participant, "offer")
		refused(t, err, stage.PublisherNotFound)
		if p, _ := w.publisher(g); !p.Publishing || p.OnAir {
			t.Errorf("got %+v", p)
		}
		snapshot := w.snapshot(id)
		if len(snapshot.Layout.Tiles) != 1 || len(snapshot.Publishers) != 2 {
			t.Errorf("hosts see %d tiles and %d publishers", len(snapshot.Layout.Tiles), len(snapshot.Publishers))
		}
		if view := snapshot.ForAudience(); len(view.Publishers) != 1 || view.Publishers[0].ID != other.Participant {
			t.Errorf("the audience sees %+v", view.Publishers)
		}

		// It survives publishing anew, leaving, and the end of the program.
		w.publish(g, tabA)
		if w.engine.applied(id).Publishers[g.Participant].OnAir {
			t.Error("publishing anew put a participant on air")
		}
		w.restart()
		w.publish(g, tabA)
		if w.engine.applied(id).Publishers[g.Participant].OnAir {
			t.Error("a restart put a participant on air")
		}
		w.must(w.SetOnAir(t.Context(), id, g.Participant, true))
		if !w.engine.applied(id).Publishers[g.Participant].OnAir {
			t.Error("the participant did not come back on air")
		}
		refused(t, w.SetOnAir(t.Context(), id, "a b", true), stage.InvalidInput)
	})
}

func TestCapacity(t *testing.T) {
	w := newWorld(t, func(c *stage.Config) { c.MaxPublishers = 3 })
	id := w.stage(true)
	var hosts []stage.Grant
	for range 3 {
		g := w.host(id)
		hosts = append(hosts, g)
		w.connect(g, tabA)
		// No packet yet: those who are still connecting count.
		_, err := w.Publish(t.Context(), g, tabA, "offer")
		w.must(err)
	}
	late := w.host(id)
	w.connect(late, tabA)
	_, err := w.Publish(t.Context(), late, tabA, "offer")
	refused(t, err, stage.AtCapacity)
	if diff := cmp.Diff([]string{"JOINED", "PUBLISH_ERROR:QUOTA_EXCEEDED"}, w.events(late)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if _, err := w.Subscribe(t.Context(), late, tabA, "", "offer"); err != nil {
		t.Errorf("the thirteenth cannot watch: %v", err)
	}
	// Who publishes already may do so again.
	w.publish(hosts[1], tabA)
	// From another client too.
	w.publish(hosts[1], tabB)
	w.engine.last(hosts[0].Participant).fail()
	w.publish(late, tabA)
	if snapshot := w.snapshot(id); snapshot.Slots != 3 {
		t.Errorf("%d slots", snapshot.Slots)
	}
}

func TestCapacityWhenAllComeTogether(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(true)
	var group sync.WaitGroup
	var mu sync.Mutex
	outcome := map[stage.Code]int{}
	for range 30 {
		g := w.host(id)
		group.Go(func() {
			_, err := w.Publish(t.Context(), g, tabA, "offer")
			mu.Lock()
			outcome[stage.CodeOf(err)]++
			mu.Unlock()
		})
	}
	group.Wait()
	if diff := cmp.Diff(map[stage.Code]int{"": 12, stage.AtCapacity: 18}, outcome); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	slots := map[int]bool{}
	for _, entry := range w.engine.applied(id).Publishers {
		slots[entry.Slot] = true
	}
	if len(slots) != 12 {
		t.Errorf("slots %v", slots)
	}
}

func TestSlots(t *testing.T) {
	w := newWorld(t, func(c *stage.Config) { c.MaxPublishers = 3 })
	id := w.stage(true)
	a, b, c, d := w.host(id), w.host(id), w.host(id), w.host(id)
	slot := func(g stage.Grant) int {
		t.Helper()
		p, _ := w.publisher(g)
		return p.Slot
	}
	for _, g := range []stage.Grant{a, b} {
		w.connect(g, tabA)
		w.publish(g, tabA)
	}
	if slot(a) != 0 || slot(b) != 1 {
		t.Errorf("slots %d %d", slot(a), slot(b))
	}
	// a goes; its slot is warm, so the next takes the one that was never used.
	w.engine.last(a.Participant).fail()
	w.publish(c, tabA)
	if slot(c) != 2 {
		t.Errorf("the newcomer took slot %d", slot(c))
	}
	// Publishing anew keeps the slot.
	old := w.engine.last(b.Participant)
	w.publish(b, tabA)
	if slot(b) != 1 || !old.closed() {
		t.Errorf("slot %d, the old connection closed %v", slot(b), old.closed())
	}
	// b and then nobody: 0 has been free for longest.
	w.engine.last(b.Participant).fail()
	w.publish(d, tabA)
	if slot(d) != 0 {
		t.Errorf("slot %d instead of the one free for longest", slot(d))
	}
}

func TestSecondPublishReplacesTheFirst(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(true)
	g, other := w.host(id), w.host(id)
	w.connect(g, tabA)
	firstRes, firstSession := w.publish(g, tabA)
	_, watching := w.subscribe(other, tabA, g.Participant)
	since := w.journal.mark()
	secondRes, secondSession := w.publish(g, tabA)
	if !firstSession.closed() || secondSession.closed() || !watching.closed() {
		t.Error("not the right connections ended")
	}
	if got := lefts(since()); len(got) != 0 {
		t.Errorf("the client was sent away: %+v", got)
	}
	// The old connection's end may still be reported by the media plane; and its name is dead.
	firstSession.fail()
	if p, _ := w.publisher(g); !p.Publishing {
		t.Error("the end of the old connection ended the new one")
	}
	refused(t, w.DeleteResource(t.Context(), g, firstRes.ID), stage.NotFound)
	w.must(w.DeleteResource(t.Context(), g, secondRes.ID))
}

func TestRefusedOffers(t *testing.T) {
	tests := []struct {
		name  string
		err   error
		want  stage.Code
		event string
	}{
		{"malformed", stage.Errorf(stage.InvalidInput, "No SDP."), stage.InvalidInput, "INVALID_INPUT"},
		{"no audio codec", stage.Errorf(stage.InvalidAudioCodec, "No Opus."), stage.InvalidAudioCodec, "INVALID_AUDIO_CODEC"},
		{"no video codec", stage.Errorf(stage.InvalidVideoCodec, "No H.264."), stage.InvalidVideoCodec, "INVALID_VIDEO_CODEC"},
		{"broken", errors.New("out of ports"), stage.Internal, "INTERNAL_SERVER_EXCEPTION"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, func(c *stage.Config) { c.MaxPublishers = 1 })
			id := w.stage(true)
			g := w.host(id)
			w.connect(g, tabA)
			w.engine.setRefuse(func() error { return tt.err })
			_, err := w.Publish(t.Context(), g, tabA, "offer")
			refused(t, err, tt.want)
			_, err = w.Subscribe(t.Context(), g, tabA, "", "offer")
			refused(t, err, tt.want)
			want := []string{"JOINED", "PUBLISH_ERROR:" + tt.event, "SUBSCRIBE_ERROR:" + tt.event}
			if diff := cmp.Diff(want, w.events(g)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			// The only slot is free again.
			w.engine.setRefuse(nil)
			w.publish(g, tabA)
		})
	}
}

func TestCapabilities(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(false)
	g, v := w.host(id), w.viewer(id)
	_, sender := w.token(id, stage.Capabilities{Publish: true})
	w.connect(v, tabA)
	w.publish(g, tabA)
	_, err := w.Publish(t.Context(), v, tabA, "offer")
	refused(t, err, stage.InsufficientCapabilities)
	_, err = w.Subscribe(t.Context(), sender, tabA, "", "offer")
	refused(t, err, stage.InsufficientCapabilities)
	if diff := cmp.Diff([]string{"JOINED", "PUBLISH_ERROR:INSUFFICIENT_CAPABILITIES"}, w.events(v)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	// A refused request makes nobody present.
	if got := len(w.snapshot(id).Publishers); got != 1 {
		t.Errorf("%d hosts", got)
	}
}

func TestSubscribeToAPublisher(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(false)
	g, v := w.host(id), w.viewer(id)
	subscribe := func(publisher stage.ParticipantID) error {
		_, err := w.Subscribe(t.Context(), v, tabA, publisher, "offer")
		return err
	}
	w.connect(v, tabA)
	refused(t, subscribe(g.Participant), stage.PublisherNotFound)
	refused(t, subscribe("../x"), stage.PublisherNotFound)
	w.connect(g, tabA)
	refused(t, subscribe(g.Participant), stage.PublisherNotFound)
	_, err := w.Publish(t.Context(), g, tabA, "offer")
	w.must(err)
	refused(t, subscribe(g.Participant), stage.PublisherNotFound) // no packet yet
	w.engine.last(g.Participant).start(stage.Video)
	w.must(subscribe(g.Participant))
	watching := w.engine.last(v.Participant)
	if watching.subscribe.Publisher != g.Participant {
		t.Errorf("spec %+v", watching.subscribe)
	}
	_, err = w.Subscribe(t.Context(), g, tabA, g.Participant, "offer")
	refused(t, err, stage.PublisherNotFound) // oneself

	w.Disconnect(g, tabA, true)
	w.snapshot(id)
	refused(t, subscribe(g.Participant), stage.PublisherNotFound)
	w.must(w.Close()) // waits for connections that are being closed
	if !watching.closed() {
		t.Error("the subscription outlived the publisher")
	}
}

func TestSubscribingAgainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		v := w.viewer(w.stage(false))
		w.connect(v, tabA)
		var sessions []*fakeSession
		for range 5 {
			_, session := w.subscribe(v, tabA, "")
			sessions = append(sessions, session)
		}
		synctest.Wait()
		for i, session := range sessions {
			if want := i < 3; session.closed() != want {
				t.Errorf("connection %d closed: %v", i, session.closed())
			}
		}
	})
}

// TestEndsWhileConnecting lets everything happen that can end a connection while the media plane is still working on it.
func TestEndsWhileConnecting(t *testing.T) {
	tests := []struct {
		name   string
		happen func(w *world, g stage.Grant)
		want   stage.Code
	}{
		{"taken over", func(w *world, g stage.Grant) { w.connect(g, tabB) }, stage.Conflict},
		{"left", func(w *world, g stage.Grant) { w.Disconnect(g, tabA, true) }, stage.NotFound},
		{"removed", func(w *world, g stage.Grant) {
			w.must(w.DisconnectParticipant(w.t.Context(), g.Stage, g.Participant, ""))
		}, stage.ParticipantDisconnected},
		{"stage deleted", func(w *world, g stage.Grant) { w.must(w.DeleteStage(w.t.Context(), g.Stage)) }, stage.StageDeleted},
		{"service closed", func(w *world, _ stage.Grant) { w.must(w.Close()) }, stage.Internal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				g := w.host(w.stage(true))
				w.connect(g, tabA)
				release := make(chan struct{})
				w.engine.setRefuse(func() error { <-release; return nil })
				errs := make(chan error, 2)
				go func() {
					_, err := w.Publish(t.Context(), g, tabA, "offer")
					errs <- err
				}()
				go func() {
					_, err := w.Subscribe(t.Context(), g, tabA, "", "offer")
					errs <- err
				}()
				synctest.Wait()
				tt.happen(w, g)
				close(release)
				for range 2 {
					refused(t, <-errs, tt.want)
				}
				synctest.Wait()
				if got := w.engine.open(); got != 0 {
					t.Errorf("%d connections were left behind", got)
				}
			})
		})
	}
}

func TestConnectionThatFailsBeforeItsAnswer(t *testing.T) {
	w := newWorld(t, nil)
	g := w.host(w.stage(true))
	w.connect(g, tabA)
	early := &earlyEnd{fakeEngine: w.engine}
	w.must(w.Close())
	w.config.Engine = early
	w.open()
	w.connect(g, tabA)
	_, err := w.Publish(t.Context(), g, tabA, "offer")
	refused(t, err, stage.Internal)
	if p, listed := w.publisher(g); !listed || p.Publishing {
		t.Errorf("got %+v", p)
	}
}

// earlyEnd is an engine whose connections have ended before it returns them.
type earlyEnd struct{ *fakeEngine }

func (e *earlyEnd) Publish(ctx context.Context, spec stage.PublishSpec) (stage.MediaSession, error) {
	session, err := e.fakeEngine.Publish(ctx, spec)
	spec.Started(stage.Audio)
	spec.Closed(errors.New("ICE failed"))
	return session, err
}

func TestResources(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(true)
	g, other := w.host(id), w.host(id)
	w.connect(other, tabA)
	res, _ := w.publish(g, tabA)

	patch := func(g stage.Grant, resource, match, fragment string) (string, string, error) {
		return w.PatchResource(t.Context(), g, resource, match, fragment)
	}
	answer, etag, err := patch(g, res.ID, res.ETag, "candidate")
	if err != nil || answer != "" || etag != res.ETag {
		t.Errorf("trickle: %q %q %v", answer, etag, err)
	}
	_, _, err = patch(g, res.ID, "", "candidate")
	refused(t, err, stage.PreconditionFailed)
	_, _, err = patch(g, res.ID, "other", "candidate")
	refused(t, err, stage.PreconditionFailed)
	_, _, err = patch(g, res.ID, res.ETag, "bad")
	refused(t, err, stage.InvalidInput)
	answer, etag, err = patch(g, res.ID, "*", "ufrag")
	if err != nil || answer == "" || etag == res.ETag {
		t.Errorf("restart: %q %q %v", answer, etag, err)
	}
	_, _, err = patch(g, res.ID, res.ETag, "candidate")
	refused(t, err, stage.PreconditionFailed)

	_, _, err = patch(other, res.ID, etag, "candidate")
	refused(t, err, stage.NotFound)
	refused(t, w.DeleteResource(t.Context(), other, res.ID), stage.NotFound)
	refused(t, w.DeleteResource(t.Context(), g, "nothing"), stage.NotFound)
	w.must(w.DeleteResource(t.Context(), g, res.ID))
	refused(t, w.DeleteResource(t.Context(), g, res.ID), stage.NotFound)
	_, _, err = patch(g, res.ID, etag, "candidate")
	refused(t, err, stage.NotFound)

	elsewhere := w.host(w.stage(true))
	refused(t, w.DeleteResource(t.Context(), elsewhere, res.ID), stage.NotFound)
	_, _, err = patch(elsewhere, res.ID, "*", "")
	refused(t, err, stage.NotFound)
}

func TestIdleRoomsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.stage(true)
		g := w.host(id)
		w.connect(g, tabA)
		w.publish(g, tabA)
		w.Disconnect(g, tabA, true)
		synctest.Wait()
		forgotten := func() bool { return w.engine.applied(id).Publishers == nil }
		if forgotten() {
			t.Error("forgotten while its session goes on")
		}
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		if !forgotten() {
			t.Error("an idle stage stays in the media plane")
		}
		before := w.journal.all()
		w.connect(g, tabA)
		w.publish(g, tabA)
		w.snapshot(id)
		after := snapshots(w.journal.all()[len(before):])
		old := snapshots(before)
		if after[0].Version <= old[len(old)-1].Version {
			t.Error("versions do not go on when a stage comes back")
		}
		if got := w.engine.applied(id).Publishers[g.Participant]; !got.OnAir {
			t.Errorf("program %+v", got)
		}
	})
}

// TestEverythingAtOnce is for the race detector: many clients on few stages, with the media plane calling back all the while.
func TestEverythingAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	stages := []stage.ID{w.stage(true), w.stage(false)}
	var group sync.WaitGroup
	for i := range 24 {
		id := stages[i%2]
		g := w.host(id)
		if i%3 == 0 {
			g = w.viewer(id)
		}
		group.Go(func() {
			ctx := t.Context()
			for round := range 10 {
				client := []string{tabA, tabB}[round%2]
				if _, err := w.Connect(ctx, g, client, stage.ClientInfo{}); err != nil {
					t.Error(err)
				}
				if _, err := w.Publish(ctx, g, client, "offer"); err == nil {
					w.engine.last(g.Participant).start(stage.Audio, stage.Video)
				}
				w.Subscribe(ctx, g, client, "", "offer")
				w.SetMute(ctx, g, round%2 == 0, false)
				w.SetLive(ctx, id, round%4 < 2)
				w.SetOnAir(ctx, id, g.Participant, round%2 == 0)
				if s := w.engine.last(g.Participant); s != nil && round%3 == 0 {
					s.fail()
				}
				w.Snapshot(ctx, id)
				w.Disconnect(g, client, round%2 == 0)
			}
		})
	}
	group.Wait()
	w.must(w.Close())
	if got := w.engine.open(); got != 0 {
		t.Errorf("%d connections were left behind", got)
	}
}
