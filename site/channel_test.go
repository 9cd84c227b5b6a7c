package site_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"streamcat/site"
	"streamcat/stage"
	"streamcat/store/storetest"
)

func newSQLiteHouse(t *testing.T) *house {
	db := storetest.SQLite(t)
	return newHouse(t, db, db)
}

func TestChannelIsFoundOrNot(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.register("Kitty")
		for _, name := range []string{"nobody", "", "..", "Kitty ", "kitty\x00", "' OR '1'='1", "\xff\xfe\xfd", "admin", strings.Repeat("k", 1<<16)} {
			_, err := h.service.Channel(h.ctx(), name)
			refused(t, err, site.NotFound, "no channel of this name")
		}
	})
}

func TestUpdateChannel(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty, tom := h.register("kitty"), h.register("tom")
		if err := h.service.UpdateChannel(h.ctx(), kitty.ID, "  Cats 🐈 & dogs ", "One\r\nTwo\n\n<b>three</b>\t"); err != nil {
			t.Fatal(err)
		}
		if c := h.channel("kitty"); c.Title != "Cats 🐈 & dogs" || c.Description != "One\nTwo\n\n<b>three</b>" {
			t.Errorf("channel %+v", c)
		}
		if c := h.channel("tom"); c.Title != "" {
			t.Errorf("another's channel %+v", c)
		}
		for name, test := range map[string]struct {
			title, description string
			says               string
		}{
			"longest":            {strings.Repeat("ü", 140), strings.Repeat("ü", 1000), ""},
			"empty":              {"", "", ""},
			"title too long":     {strings.Repeat("x", 141), "", "title has at most 140"},
			"text too long":      {"", strings.Repeat("x\n", 501), "description has at most 1000"},
			"title of two lines": {"a\nb", "", "title holds characters"},
			"NUL":                {"", "a\x00b", "description holds characters"},
			"not text":           {"a\xffb", "", "title holds characters"},
			"turned around":      {"evil\u202Egpj", "", "title holds characters"},
		} {
			err := h.service.UpdateChannel(h.ctx(), tom.ID, test.title, test.description)
			if test.says == "" {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			t.Run(name, func(t *testing.T) { refused(t, err, site.Invalid, test.says) })
		}
	})
}

func TestLiveChannels(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		live := func() (list []string) {
			t.Helper()
			channels, err := h.service.LiveChannels(h.ctx())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range channels {
				list = append(list, fmt.Sprintf("%s %d %v %v", c.Name, c.Viewers, c.Hosts, c.Live))
			}
			return list
		}
		check := func(step string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, live()); diff != "" {
				t.Errorf("%s:\n%s", step, diff)
			}
		}
		kitty, tom, mia := h.register("kitty"), h.register("tom"), h.register("mia")
		check("nobody")
		for _, host := range []site.Account{kitty, tom, mia} {
			h.publish(h.studio(host, host.Name).Token)
		}
		check("on stage, not live")
		for _, host := range []site.Account{kitty, tom} {
			if err := h.service.SetLive(h.ctx(), host.ID, true); err != nil {
				t.Fatal(err)
			}
			h.clock.advance(time.Second)
		}
		check("the newer first", "tom 0 [tom] true", "kitty 0 [kitty] true")

		h.accept(mia, h.invite(kitty, ""))
		guest := h.studio(mia, "kitty").Token
		h.publish(guest)
		screen, err := h.service.ScreenToken(h.ctx(), mia.ID, "kitty")
		if err != nil {
			t.Fatal(err)
		}
		h.publish(screen)
		h.stages.viewers[guest.Stage] = 7
		check("most viewers first", "kitty 7 [kitty mia] true", "tom 0 [tom] true")

		h.stages.publishers[guest.Stage][0].OnAir = false
		check("the host backstage", "kitty 7 [mia] true", "tom 0 [tom] true")

		if err := h.db.DeleteStage(h.ctx(), h.channel("tom").Stage); err != nil {
			t.Fatal(err)
		}
		if err := h.service.SetLive(h.ctx(), kitty.ID, false); err != nil {
			t.Fatal(err)
		}
		check("ended and deleted")
	})
}

func TestLiveChannelsAreAtMostSixty(t *testing.T) {
	h := newSQLiteHouse(t)
	var most stage.ID
	for i := range 62 {
		h.register(fmt.Sprintf("host-%d", i))
		id := h.channel(fmt.Sprintf("host-%d", i)).Stage
		h.clock.advance(time.Second)
		if err := h.stages.SetLive(h.ctx(), id, true); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			most = id
		}
	}
	h.stages.viewers[most] = 1 // the oldest, and yet the first
	channels, err := h.service.LiveChannels(h.ctx())
	if err != nil || len(channels) != 60 || channels[0].Name != "host-0" {
		t.Errorf("%d channels, %v", len(channels), err)
	}
}
