package stage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"streamcat/stage"
)

const (
	tabA = "client-aaaa"
	tabB = "client-bbbb"
)

func TestTakeOver(t *testing.T) {
	tests := []struct {
		name string
		// again is what the second client does.
		again func(w *world, g stage.Grant)
	}{
		{"by a socket", func(w *world, g stage.Grant) { w.connect(g, tabB) }},
		{"by publishing", func(w *world, g stage.Grant) { w.publish(g, tabB) }},
		{"by subscribing", func(w *world, g stage.Grant) { w.subscribe(g, tabB, "") }},
		{"by an encoder without client id", func(w *world, g stage.Grant) { w.publish(g, "") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				id := w.stage(true)
				g := w.host(id)
				w.connect(g, tabA)
				_, published := w.publish(g, tabA)
				_, subscribed := w.subscribe(g, tabA, "")
				if welcome := w.connect(g, tabA); len(welcome.Resources) != 2 {
					t.Errorf("resources before %v", welcome.Resources)
				}
				since := w.journal.mark()
				tt.again(w, g)
				synctest.Wait()
				if !published.closed() || !subscribed.closed() {
					t.Error("the first client kept its media")
				}
				got := lefts(since())
				if len(got) != 1 || got[0].Participant != g.Participant || got[0].Reason != stage.LeftTokenReused || got[0].Keep == tabA {
					t.Fatalf("notices %+v", got)
				}
				// The first client's sockets end late; that must not touch the second.
				w.Disconnect(g, tabA, false)
				w.Disconnect(g, tabA, true)
				time.Sleep(10 * time.Second)
				if connected, err := w.Connected(t.Context(), id, g.Participant); err != nil || tt.name != "by subscribing" && !connected {
					t.Errorf("the second client is not connected: %v", err)
				}
				if w.engine.open() == 0 && tt.name != "by a socket" {
					t.Error("the second client lost its media")
				}
			})
		})
	}
}

func TestTakeOverAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		g := w.host(w.stage(true))
		w.connect(g, tabA)
		w.connect(g, tabB)
		w.connect(g, tabA)
		_, published := w.publish(g, tabA)
		w.Disconnect(g, tabA, false) // the first socket of A, reported late
		w.Disconnect(g, tabB, false)
		time.Sleep(10 * time.Second)
		if published.closed() {
			t.Error("the end of a socket that was replaced ended the media of the one that lives")
		}
	})
}

func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		g := w.host(w.stage(true))
		w.connect(g, tabA)
		published, session := w.publish(g, tabA)
		subscribed, _ := w.subscribe(g, tabA, "")
		since := w.journal.mark()

		w.Disconnect(g, tabA, false)
		time.Sleep(3*time.Second - time.Millisecond)
		if connected, _ := w.Connected(t.Context(), g.Stage, g.Participant); connected {
			t.Error("a client without a socket counts as connected")
		}
		welcome := w.connect(g, tabA)
		want := []string{published.ID, subscribed.ID}
		slices.Sort(want)
		slices.Sort(welcome.Resources)
		if diff := cmp.Diff(want, welcome.Resources); diff != "" {
			t.Errorf("resources (-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute)
		if session.closed() {
			t.Error("media ended in spite of the resume")
		}
		if got := since(); len(lefts(got)) != 0 || len(snapshots(got)) != 0 {
			t.Errorf("others were told: %+v", got)
		}

		w.Disconnect(g, tabA, false)
		time.Sleep(3*time.Second + time.Millisecond)
		synctest.Wait()
		if !session.closed() {
			t.Error("media goes on without a resume")
		}
		if _, listed := w.publisher(g); listed {
			t.Error("the participant is listed still")
		}
		if welcome := w.connect(g, tabA); len(welcome.Resources) != 0 {
			t.Errorf("resources %v", welcome.Resources)
		}
	})
}

func TestLeaveEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		g := w.host(w.stage(true))
		w.connect(g, tabA)
		_, session := w.publish(g, tabA)
		w.Disconnect(g, tabA, true)
		synctest.Wait()
		if !session.closed() {
			t.Error("media goes on")
		}
		if _, listed := w.publisher(g); listed {
			t.Error("the participant is listed still")
		}
	})
}

// A socket that broke unnoticed must not hold back a goodbye, nor its late end disturb the next visit.
func TestLeaveWithAForgottenSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		g := w.host(w.stage(true))
		w.connect(g, tabA)
		w.connect(g, tabA)
		_, session := w.publish(g, tabA)
		w.Disconnect(g, tabA, true)
		synctest.Wait()
		if !session.closed() {
			t.Error("media goes on after the goodbye")
		}
		w.connect(g, tabA)
		_, session = w.publish(g, tabA)
		w.Disconnect(g, tabA, false)
		time.Sleep(time.Minute)
		if session.closed() {
			t.Error("the end of a forgotten socket ended new media")
		}
		w.Disconnect(g, tabA, false)
		time.Sleep(4 * time.Second)
		if !session.closed() {
			t.Error("media goes on without any socket")
		}
	})
}

func TestEncoderWithoutSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		g := w.host(w.stage(true))
		res, session := w.publish(g, "")
		if p, listed := w.publisher(g); !listed || !p.Publishing {
			t.Error("an encoder is not listed")
		}
		if connected, _ := w.Connected(t.Context(), g.Stage, g.Participant); !connected {
			t.Error("an encoder is not connected")
		}
		w.must(w.DeleteResource(t.Context(), g, res.ID))
		if !session.closed() {
			t.Error("DELETE left the connection open")
		}
		if _, listed := w.publisher(g); listed {
			t.Error("an encoder that has gone is listed")
		}

		_, session = w.publish(g, "")
		session.fail()
		if _, listed := w.publisher(g); listed {
			t.Error("an encoder whose connection failed is listed")
		}
	})
}

func TestDisconnectParticipant(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(true)
	token, g := w.token(id, both)
	w.connect(g, tabA)
	_, session := w.publish(g, tabA)
	since := w.journal.mark()
	w.must(w.DisconnectParticipant(t.Context(), id, g.Participant, "Thank you, that was it."))
	if !session.closed() {
		t.Error("media goes on after DisconnectParticipant returned")
	}
	want := []stage.Left{{Participant: g.Participant, Reason: stage.LeftDisconnected, Message: "Thank you, that was it."}}
	if diff := cmp.Diff(want, lefts(since())); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	w.Disconnect(g, tabA, false)

	// The grant was verified before; the room must refuse it all the same.
	_, err := w.Connect(t.Context(), g, tabA, stage.ClientInfo{})
	refused(t, err, stage.ParticipantDisconnected)
	_, err = w.Publish(t.Context(), g, tabA, "offer")
	refused(t, err, stage.ParticipantDisconnected)
	_, err = w.Subscribe(t.Context(), g, tabA, "", "offer")
	refused(t, err, stage.ParticipantDisconnected)
	_, err = w.Authenticate(t.Context(), string(token.Raw), id)
	refused(t, err, stage.ParticipantDisconnected)
	if revoked, err := w.Revoked(t.Context(), id, g.Participant); err != nil || !revoked {
		t.Errorf("revoked %v, %v", revoked, err)
	}

	t.Run("who never came", func(t *testing.T) {
		token, g := w.token(id, both)
		w.must(w.DisconnectParticipant(t.Context(), id, g.Participant, ""))
		w.must(w.DisconnectParticipant(t.Context(), id, g.Participant, "Again."))
		_, err := w.Authenticate(t.Context(), string(token.Raw), id)
		refused(t, err, stage.ParticipantDisconnected)
	})
	t.Run("bad input", func(t *testing.T) {
		refused(t, w.DisconnectParticipant(t.Context(), id, "a/b", ""), stage.InvalidInput)
		refused(t, w.DisconnectParticipant(t.Context(), id, "a", strings.Repeat("x", 129)), stage.InvalidInput)
		refused(t, w.DisconnectParticipant(t.Context(), id, "a", "\xff"), stage.InvalidInput)
		refused(t, w.DisconnectParticipant(t.Context(), "nowhere", "a", ""), stage.StageDeleted)
	})
	t.Run("others stay", func(t *testing.T) {
		_, err := w.Connect(t.Context(), w.host(id), tabA, stage.ClientInfo{})
		w.must(err)
	})
}

func TestDeleteStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.stage(true)
		g, v := w.host(id), w.viewer(id)
		w.connect(g, tabA)
		_, published := w.publish(g, tabA)
		w.must(w.SetLive(t.Context(), id, true))
		w.connect(v, tabA)
		_, watched := w.subscribe(v, tabA, "")
		since := w.journal.mark()
		w.must(w.DeleteStage(t.Context(), id))
		if !published.closed() || !watched.closed() {
			t.Error("media goes on after DeleteStage returned")
		}
		got := since()
		if diff := cmp.Diff([]stage.Left{{Reason: stage.LeftStageDeleted}}, lefts(got)); diff != "" {
			t.Errorf("notices (-want +got):\n%s", diff)
		}
		if first(got, func(e entry) bool { return e.live != nil && !e.live.live }) < 0 {
			t.Error("the end of the broadcast was not announced")
		}
		if first(got, func(e entry) bool { return e.forget }) < 0 {
			t.Error("the media plane was not told to forget the stage")
		}
		w.Disconnect(g, tabA, false)
		_, err := w.Connect(t.Context(), g, tabA, stage.ClientInfo{})
		refused(t, err, stage.StageDeleted)
		_, err = w.Snapshot(t.Context(), id)
		refused(t, err, stage.StageDeleted)
		refused(t, w.DeleteStage(t.Context(), id), stage.StageDeleted)
		refused(t, w.SetLive(t.Context(), id, true), stage.StageDeleted)
	})
}

func TestCloseSendsEverybodyAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		busy, idle := w.stage(true), w.stage(true)
		w.snapshot(idle)
		g := w.host(busy)
		w.connect(g, tabA)
		_, session := w.publish(g, tabA)
		since := w.journal.mark()
		w.must(w.Close())
		w.must(w.Close())
		if !session.closed() {
			t.Error("media goes on")
		}
		if diff := cmp.Diff([]stage.Left{{Reason: stage.LeftShutdown}}, lefts(since())); diff != "" {
			t.Errorf("notices (-want +got):\n%s", diff)
		}
		if _, err := w.Connect(t.Context(), g, tabA, stage.ClientInfo{}); err == nil {
			t.Error("connected to a closed service")
		}
		w.Disconnect(g, tabA, false)
	})
}

func TestClientIDs(t *testing.T) {
	w := newWorld(t, nil)
	g := w.host(w.stage(true))
	for _, client := range []string{"short", strings.Repeat("c", 65), "client id", "client/id", "cliënt-id", "client-id\n"} {
		_, err := w.Connect(t.Context(), g, client, stage.ClientInfo{})
		refused(t, err, stage.InvalidInput)
		_, err = w.Publish(t.Context(), g, client, "offer")
		refused(t, err, stage.InvalidInput)
		_, err = w.Subscribe(t.Context(), g, client, "", "offer")
		refused(t, err, stage.InvalidInput)
	}
}

func TestViewersAreCountedNotListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.stage(true)
		host := w.host(id)
		w.connect(host, tabA)
		var viewers []stage.Grant
		for range 50 {
			viewers = append(viewers, w.viewer(id))
		}
		time.Sleep(time.Minute)
		since := w.journal.mark()
		for _, v := range viewers {
			w.connect(v, tabA)
		}
		// The first change at once, the others a second later in one.
		counts := func() (got []int) {
			for _, s := range snapshots(since()) {
				got = append(got, s.Viewers)
				if len(s.Publishers) != 1 || s.Publishers[0].ID != host.Participant {
					t.Errorf("publishers %+v", s.Publishers)
				}
			}
			return got
		}
		synctest.Wait()
		if diff := cmp.Diff([]int{1}, counts()); diff != "" {
			t.Errorf("at once (-want +got):\n%s", diff)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]int{1, 50}, counts()); diff != "" {
			t.Errorf("after a second (-want +got):\n%s", diff)
		}
		// A host who joins in between is told at once, and does not carry a count out of turn.
		w.Disconnect(viewers[0], tabA, true)
		w.Disconnect(viewers[1], tabA, true)
		w.connect(w.host(id), tabA)
		synctest.Wait()
		all := snapshots(since())
		last := all[len(all)-1]
		if len(last.Publishers) != 2 || last.Viewers != 50 {
			t.Errorf("%d publishers and %d viewers", len(last.Publishers), last.Viewers)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := w.snapshot(id).Viewers; got != 48 {
			t.Errorf("%d viewers at last", got)
		}
		for i := 1; i < len(all); i++ {
			if all[i].Version <= all[i-1].Version {
				t.Errorf("version %d follows %d", all[i].Version, all[i-1].Version)
			}
		}
	})
}

func TestManyHostsDoNotFloodSnapshots(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(false)
	for range 70 {
		w.connect(w.host(id), tabA)
	}
	late := w.host(id)
	since := w.journal.mark()
	w.connect(late, tabA)
	if got := len(w.snapshot(id).Publishers); got != 64 {
		t.Errorf("%d hosts are listed", got)
	}
	if got := snapshots(since()); len(got) != 0 {
		t.Errorf("%d snapshots for a host that is not listed", len(got))
	}
	w.publish(late, tabA)
	if p, listed := w.publisher(late); !listed || !p.Publishing {
		t.Error("a host who publishes is not listed")
	}
	if got := len(w.snapshot(id).Publishers); got != 65 {
		t.Errorf("%d hosts are listed with one that publishes", got)
	}
}

func TestMuteAndSelect(t *testing.T) {
	w := newWorld(t, nil)
	id := w.stage(true)
	g, v := w.host(id), w.viewer(id)
	refused(t, w.SetMute(t.Context(), g, true, false), stage.NotFound)
	w.connect(g, tabA)
	since := w.journal.mark()
	w.must(w.SetMute(t.Context(), g, true, false))
	w.must(w.SetMute(t.Context(), g, true, false))
	if p, _ := w.publisher(g); !p.AudioMuted || p.VideoStopped {
		t.Errorf("got %+v", p)
	}
	if got := len(snapshots(since())); got != 1 {
		t.Errorf("%d snapshots for one change", got)
	}
	refused(t, w.SetMute(t.Context(), v, true, true), stage.InsufficientCapabilities)

	w.must(w.SetLive(t.Context(), id, true))
	refused(t, w.Select(t.Context(), v, tabA, stage.Selection{}), stage.NotFound)
	w.connect(v, tabA)
	_, running := w.subscribe(v, tabA, "")
	audio := stage.Selection{Default: stage.SubscribeNone, Participants: map[stage.ParticipantID]stage.SubscribeType{g.Participant: stage.SubscribeAudioOnly}}
	w.must(w.Select(t.Context(), v, tabA, audio))
	if diff := cmp.Diff(audio, running.selected()); diff != "" {
		t.Errorf("running (-want +got):\n%s", diff)
	}
	_, later := w.subscribe(v, tabA, "")
	if diff := cmp.Diff(audio, later.selected()); diff != "" {
		t.Errorf("later (-want +got):\n%s", diff)
	}
	refused(t, w.Select(t.Context(), v, tabB, audio), stage.Conflict)
	w.connect(v, tabB)
	if _, fresh := w.subscribe(v, tabB, ""); fresh.selected().Default != "" {
		t.Errorf("another client begins with %+v", fresh.selected())
	}
	w.connect(v, tabA)

	tooMany := stage.Selection{Participants: map[stage.ParticipantID]stage.SubscribeType{}}
	for i := range 65 {
		tooMany.Participants[stage.ParticipantID(fmt.Sprint("p", i))] = stage.SubscribeNone
	}
	for name, bad := range map[string]stage.Selection{
		"unknown default": {Default: "VIDEO_ONLY"},
		"unknown type":    {Participants: map[stage.ParticipantID]stage.SubscribeType{"p": ""}},
		"not an id":       {Participants: map[stage.ParticipantID]stage.SubscribeType{"p/q": stage.SubscribeNone}},
		"too many":        tooMany,
	} {
		t.Run(name, func(t *testing.T) { refused(t, w.Select(t.Context(), v, tabA, bad), stage.InvalidInput) })
	}
}
