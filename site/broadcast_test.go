package site_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"streamcat/stage"
)

func TestBroadcastsFollowTheStage(t *testing.T) {
	type told struct {
		live bool
		at   int // seconds
	}
	cases := map[string]struct {
		told []told
		want string // "started-ended", newest first
	}{
		"once":                            {[]told{{true, 1}, {false, 5}}, "1-5"},
		"going on":                        {[]told{{true, 1}}, "1-"},
		"twice":                           {[]told{{true, 1}, {false, 5}, {true, 7}, {false, 9}}, "7-9 1-5"},
		"told twice":                      {[]told{{true, 1}, {true, 1}, {false, 5}, {false, 5}}, "1-5"},
		"the end was missed":              {[]told{{true, 1}, {true, 6}, {false, 8}}, "6-8 1-6"},
		"the beginning was missed":        {[]told{{false, 5}}, ""},
		"the beginning comes again, late": {[]told{{true, 1}, {false, 5}, {true, 1}}, "1-5"},
		"an old beginning":                {[]told{{true, 4}, {true, 1}, {false, 8}}, "4-8"},
		"an old end":                      {[]told{{true, 1}, {false, 5}, {true, 7}, {false, 5}}, "7- 1-5"},
		"over at once":                    {[]told{{true, 1}, {false, 1}}, "1-1"},
	}
	each(t, func(t *testing.T, h *house) {
		epoch, number := h.clock.Now(), 0
		for name, test := range cases {
			number++
			host := fmt.Sprintf("host-%d", number)
			h.register(host)
			channel := h.channel(host)
			for _, told := range test.told {
				h.service.StageLiveChanged(h.ctx(), channel.Stage, told.live, epoch.Add(time.Duration(told.at)*time.Second))
			}
			if got := h.broadcasts(channel.ID, epoch); got != test.want {
				t.Errorf("%s: got %q, want %q", name, got, test.want)
			}
		}
	})
}

// broadcasts writes the broadcasts of a channel as "started-ended" in seconds since epoch, newest first.
func (h *house) broadcasts(channel string, epoch time.Time) string {
	h.t.Helper()
	list, err := h.service.Broadcasts(h.ctx(), channel)
	if err != nil {
		h.t.Fatal(err)
	}
	var got []string
	for _, b := range list {
		span := strings.TrimSuffix(b.Started.Sub(epoch).String(), "s") + "-"
		if !b.Ended.IsZero() {
			span += strings.TrimSuffix(b.Ended.Sub(epoch).String(), "s")
		}
		got = append(got, span)
	}
	return strings.Join(got, " ")
}

func TestBroadcastKeepsTheTitleItBeganWith(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty := h.register("kitty")
		for _, title := range []string{"first", "second"} {
			if err := h.service.UpdateChannel(h.ctx(), kitty.ID, title, ""); err != nil {
				t.Fatal(err)
			}
			h.service.StageLiveChanged(h.ctx(), h.channel("kitty").Stage, true, h.clock.Now())
			h.clock.advance(time.Minute)
		}
		list, err := h.service.Broadcasts(h.ctx(), h.channel("kitty").ID)
		if err != nil || len(list) != 2 || list[0].Title != "second" || list[1].Title != "first" {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

func TestOneOpenBroadcastHoweverManySayIt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.register("kitty")
		channel, epoch := h.channel("kitty"), h.clock.Now()
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() { h.service.StageLiveChanged(h.ctx(), channel.Stage, true, epoch) })
		}
		group.Wait()
		if got := h.broadcasts(channel.ID, epoch); got != "0-" {
			t.Errorf("got %q", got)
		}
	})
}

func TestStagesThatAreNotTheSitesAreIgnored(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		other, err := stage.New("of-the-control-plane", true)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.db.InsertStage(h.ctx(), other); err != nil {
			t.Fatal(err)
		}
		h.service.StageLiveChanged(h.ctx(), other.ID, true, h.clock.Now())
		open, err := h.db.OpenBroadcasts(h.ctx())
		if err != nil || len(open) != 0 {
			t.Errorf("%+v, %v", open, err)
		}
	})
}

func TestRecover(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		epoch := h.clock.Now()
		at := func(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }
		want := map[string]string{}
		for name, arrange := range map[string]struct {
			do   func(id stage.ID) error
			want string
		}{
			"over-and-listed-open": {func(id stage.ID) error {
				h.service.StageLiveChanged(h.ctx(), id, true, at(1))
				return nil
			}, "1-60"},
			"live-and-not-listed": {func(id stage.ID) error { return h.db.SetLiveSince(h.ctx(), id, at(2)) }, "2-"},
			"live-again-and-old-one-open": {func(id stage.ID) error {
				h.service.StageLiveChanged(h.ctx(), id, true, at(1))
				return h.db.SetLiveSince(h.ctx(), id, at(3))
			}, "3- 1-3"},
			"in-order": {func(id stage.ID) error {
				h.service.StageLiveChanged(h.ctx(), id, true, at(4))
				return h.db.SetLiveSince(h.ctx(), id, at(4))
			}, "4-"},
			"never-live": {func(stage.ID) error { return nil }, ""},
		} {
			h.register(name)
			if err := arrange.do(h.channel(name).Stage); err != nil {
				t.Fatal(err)
			}
			want[name] = arrange.want
		}
		h.clock.advance(time.Minute)
		got := map[string]string{}
		for range 2 { // a second time changes nothing
			if err := h.service.Recover(h.ctx()); err != nil {
				t.Fatal(err)
			}
			for name := range want {
				got[name] = strings.ReplaceAll(h.broadcasts(h.channel(name).ID, epoch), "1m0", "60")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			h.clock.advance(time.Minute)
		}
	})
}

func TestBroadcastsAreAtMostTwenty(t *testing.T) {
	h := newSQLiteHouse(t)
	h.register("kitty")
	channel := h.channel("kitty")
	for range 25 {
		h.clock.advance(time.Minute)
		h.service.StageLiveChanged(h.ctx(), channel.Stage, true, h.clock.Now())
	}
	list, err := h.service.Broadcasts(h.ctx(), channel.ID)
	if err != nil || len(list) != 20 || !list[0].Started.Equal(h.clock.Now()) {
		t.Errorf("%d broadcasts, %v", len(list), err)
	}
}
