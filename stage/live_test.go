package stage_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"streamcat/stage"
)

// announcements lists what LiveChanged was told.
func announcements(entries []entry) (all []bool) {
	for _, e := range entries {
		if e.live != nil {
			all = append(all, e.live.live)
		}
	}
	return all
}

func TestSetLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.stage(true)
		w.connect(w.viewer(id), tabA)
		since := w.journal.mark()
		w.must(w.SetLive(t.Context(), id, false))
		w.must(w.SetLive(t.Context(), id, true))
		begun := time.Now().UTC()
		time.Sleep(time.Second)
		w.must(w.SetLive(t.Context(), id, true))
		if got := w.snapshot(id); !got.Live() || !got.LiveSince.Equal(begun) {
			t.Errorf("live %v since %v", got.Live(), got.LiveSince)
		}
		stored, err := w.Stage(t.Context(), id)
		if err != nil || !stored.LiveSince.Equal(begun) {
			t.Errorf("stored %v, %v", stored.LiveSince, err)
		}
		w.must(w.SetLive(t.Context(), id, false))
		w.must(w.SetLive(t.Context(), id, false))
		// LiveChanged was told by the time SetLive returned, and only of changes.
		if diff := cmp.Diff([]bool{true, false}, announcements(since())); diff != "" {
			t.Errorf("announcements (-want +got):\n%s", diff)
		}
		if got := w.snapshot(id); got.Live() || !got.LiveSince.IsZero() {
			t.Errorf("live since %v", got.LiveSince)
		}
		refused(t, w.SetLive(t.Context(), "nowhere", true), stage.StageDeleted)
	})
}

func TestLiveChangedMayAskBack(t *testing.T) {
	var w *world
	w = newWorld(t, func(c *stage.Config) {
		c.LiveChanged = func(ctx context.Context, id stage.ID, live bool, _ time.Time) {
			snapshot, err := w.Snapshot(ctx, id)
			if err != nil || snapshot.Live() != live {
				t.Errorf("told live %v, and the snapshot says %+v, %v", live, snapshot, err)
			}
		}
	})
	id := w.stage(true)
	w.must(w.SetLive(t.Context(), id, true))
	w.must(w.SetLive(t.Context(), id, false))
}

func TestEmptyBroadcastEnds(t *testing.T) {
	const timeout = time.Minute
	almost, over := timeout-time.Millisecond, 2*time.Millisecond
	tests := []struct {
		name string
		// act leaves the stage live and its clock running, unless stays.
		act   func(w *world, g stage.Grant)
		stays bool
	}{
		{"nobody ever published", func(w *world, g stage.Grant) { w.must(w.SetLive(w.t.Context(), g.Stage, true)) }, false},
		{"a publisher left", func(w *world, g stage.Grant) {
			w.must(w.SetLive(w.t.Context(), g.Stage, true))
			w.connect(g, tabA)
			w.publish(g, tabA)
			time.Sleep(time.Hour)
			w.Disconnect(g, tabA, true)
		}, false},
		{"a publisher's connection failed, its socket stays", func(w *world, g stage.Grant) {
			w.must(w.SetLive(w.t.Context(), g.Stage, true))
			w.connect(g, tabA)
			_, session := w.publish(g, tabA)
			time.Sleep(time.Hour)
			session.fail()
		}, false},
		{"a publisher was removed", func(w *world, g stage.Grant) {
			w.must(w.SetLive(w.t.Context(), g.Stage, true))
			w.publish(g, tabA)
			time.Sleep(time.Hour)
			w.must(w.DisconnectParticipant(w.t.Context(), g.Stage, g.Participant, ""))
		}, false},
		{"a host is connected and does not publish", func(w *world, g stage.Grant) {
			w.must(w.SetLive(w.t.Context(), g.Stage, true))
			w.connect(g, tabA)
		}, false},
		{"a connection without media", func(w *world, g stage.Grant) {
			w.must(w.SetLive(w.t.Context(), g.Stage, true))
			_, err := w.Publish(w.t.Context(), g, tabA, "offer")
			w.must(err)
		}, false},
		{"somebody publishes", func(w *world, g stage.Grant) {
			w.publish(g, tabA)
			w.must(w.SetLive(w.t.Context(), g.Stage, true))
		}, true},
		{"somebody publishes backstage", func(w *world, g stage.Grant) {
			w.must(w.SetOnAir(w.t.Context(), g.Stage, g.Participant, false))
			w.publish(g, tabA)
			w.must(w.SetLive(w.t.Context(), g.Stage, true))
		}, true},
		{"the publisher came back in time", func(w *world, g stage.Grant) {
			w.must(w.SetLive(w.t.Context(), g.Stage, true))
			_, session := w.publish(g, tabA)
			session.fail()
			w.snapshot(g.Stage)
			time.Sleep(almost)
			w.publish(g, tabA)
		}, true},
		{"restarted, nobody came back", func(w *world, g stage.Grant) {
			w.publish(g, tabA)
			w.must(w.SetLive(w.t.Context(), g.Stage, true))
			w.restart()
		}, false},
		{"restarted, the publisher came back", func(w *world, g stage.Grant) {
			w.publish(g, tabA)
			w.must(w.SetLive(w.t.Context(), g.Stage, true))
			w.restart()
			time.Sleep(almost)
			w.publish(g, tabA)
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				id := w.stage(true)
				g, v := w.host(id), w.viewer(id)
				tt.act(w, g)
				synctest.Wait()
				w.connect(v, tabA)
				_, watching := w.subscribe(v, tabA, "")
				since := w.journal.mark()
				time.Sleep(almost)
				synctest.Wait()
				if !w.snapshot(id).Live() {
					t.Fatal("ended too early")
				}
				time.Sleep(over)
				synctest.Wait()
				if got := w.snapshot(id).Live(); got != tt.stays {
					t.Fatalf("live %v", got)
				}
				if tt.stays {
					return
				}
				if diff := cmp.Diff([]bool{false}, announcements(since())); diff != "" {
					t.Errorf("announcements (-want +got):\n%s", diff)
				}
				if !watching.closed() || w.engine.applied(id).Live {
					t.Error("the audience still receives")
				}
				if stored, err := w.Stage(t.Context(), id); err != nil || stored.Live() {
					t.Errorf("stored as live %v, %v", stored.Live(), err)
				}
			})
		})
	}
}

// Nobody touches the stage after the restart: the clock must start by itself.
func TestForgottenBroadcastEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.stage(true)
		w.must(w.SetLive(t.Context(), id, true))
		w.restart()
		if stored, err := w.Stage(t.Context(), id); err != nil || !stored.Live() {
			t.Errorf("live after the restart: %v, %v", stored.Live(), err)
		}
		since := w.journal.mark()
		time.Sleep(time.Minute + time.Millisecond)
		synctest.Wait()
		if stored, err := w.Stage(t.Context(), id); err != nil || stored.Live() {
			t.Errorf("live a minute after the restart: %v, %v", stored.Live(), err)
		}
		if diff := cmp.Diff([]bool{false}, announcements(since())); diff != "" {
			t.Errorf("announcements (-want +got):\n%s", diff)
		}
	})
}

func TestEmptyTimeoutIsConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *stage.Config) { c.EmptyTimeout = 5 * time.Second })
		id := w.stage(true)
		w.must(w.SetLive(t.Context(), id, true))
		time.Sleep(5*time.Second + time.Millisecond)
		synctest.Wait()
		if w.snapshot(id).Live() {
			t.Error("still live")
		}
	})
}

// stubborn is a store that refuses to change what is live.
type stubborn struct {
	stage.Store
	refuse atomic.Bool
}

func (s *stubborn) SetLiveSince(ctx context.Context, id stage.ID, since time.Time) error {
	if s.refuse.Load() {
		return errors.New("disk full")
	}
	return s.Store.SetLiveSince(ctx, id, since)
}

func TestStoreRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &stubborn{}
		w := newWorld(t, func(c *stage.Config) { db.Store, c.Store = c.Store, db })
		id := w.stage(true)
		db.refuse.Store(true)
		refused(t, w.SetLive(t.Context(), id, true), stage.Internal)
		if w.snapshot(id).Live() || w.engine.applied(id).Live {
			t.Error("live without being stored")
		}
		db.refuse.Store(false)
		w.must(w.SetLive(t.Context(), id, true))
		db.refuse.Store(true)
		time.Sleep(2 * time.Minute)
		if !w.snapshot(id).Live() {
			t.Error("ended without being stored")
		}
		db.refuse.Store(false)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if w.snapshot(id).Live() {
			t.Error("not tried again")
		}
	})
}

func TestAudienceView(t *testing.T) {
	publishers := []stage.Publisher{
		{ID: "on", Publishing: true, OnAir: true},
		{ID: "back", Publishing: true},
		{ID: "waiting", OnAir: true},
	}
	layout := stage.Compose(publishers[:1])
	tests := []struct {
		name     string
		snapshot stage.Snapshot
		want     []stage.ParticipantID
		tiles    int
	}{
		{"not gated", stage.Snapshot{}, []stage.ParticipantID{"on", "back", "waiting"}, 1},
		{"not live", stage.Snapshot{Gated: true}, []stage.ParticipantID{}, 0},
		{"live", stage.Snapshot{Gated: true, LiveSince: time.Unix(1, 0)}, []stage.ParticipantID{"on"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.snapshot.Publishers, tt.snapshot.Layout = publishers, layout
			view := tt.snapshot.ForAudience()
			got := []stage.ParticipantID{}
			for _, p := range view.Publishers {
				got = append(got, p.ID)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("publishers (-want +got):\n%s", diff)
			}
			if len(view.Layout.Tiles) != tt.tiles || view.Layout.Tiles == nil || view.Publishers == nil || view.Layout.Columns != 24 {
				t.Errorf("layout %+v", view.Layout)
			}
			if len(tt.snapshot.Publishers) != 3 {
				t.Error("the shared snapshot was changed")
			}
		})
	}
}
