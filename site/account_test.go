package site_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"streamcat/argon"
	"streamcat/site"
)

func TestRegisterMakesAccountChannelAndGatedStage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		account := h.register("Kitty")
		channel := h.channel("kITTY")
		if channel.Owner != account.ID || channel.Name != "Kitty" || channel.HasPicture || channel.Live || channel.Title != "" {
			t.Errorf("channel %+v", channel)
		}
		kept, err := h.db.Stage(h.ctx(), channel.Stage)
		if err != nil || !kept.Gated || kept.Name != "Kitty" {
			t.Errorf("stage %+v, %v", kept, err)
		}
	})
}

func TestRegisterRefuses(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.register("Kitty")
		for name, test := range map[string]struct {
			name, password string
			code           site.Code
			field          string
		}{
			"taken":                 {"Kitty", password, site.Conflict, "name"},
			"taken in another case": {"kiTTY", password, site.Conflict, "name"},
			"bad name":              {"a b", password, site.Invalid, "name"},
			"bad password":          {"tom", "short", site.Invalid, "password"},
		} {
			_, err := h.service.Register(h.ctx(), test.name, test.password)
			var refusal *site.Error
			if !errors.As(err, &refusal) || refusal.Code != test.code || refusal.Field != test.field {
				t.Errorf("%s: %v", name, err)
			}
			if err != nil && strings.Contains(err.Error(), test.password) {
				t.Errorf("%s: the error repeats the password", name)
			}
		}
	})
}

func TestRegisterRaceForOneName(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		names := []string{"kitty", "Kitty", "KITTY", "kiTTy", "kitTY", "KittY"}
		errs := make([]error, len(names))
		var group sync.WaitGroup
		for i, name := range names {
			group.Go(func() { _, errs[i] = h.service.Register(h.ctx(), name, password) })
		}
		group.Wait()
		winner := ""
		for i, err := range errs {
			switch site.CodeOf(err) {
			case "":
				if winner != "" {
					t.Errorf("%s and %s were both registered", winner, names[i])
				}
				winner = names[i]
			case site.Conflict:
			default:
				t.Errorf("%s: %v", names[i], err)
			}
		}
		if channel := h.channel("kitty"); channel.Name != winner {
			t.Errorf("the channel is %s, registered was %q", channel.Name, winner)
		}
	})
}

func TestLogin(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		account := h.register("Kitty")
		for name, test := range map[string]struct {
			name, password string
			want           site.AccountID
		}{
			"right":            {"Kitty", password, account.ID},
			"in another case":  {"KITTY", password, account.ID},
			"wrong password":   {"Kitty", "a bad password", ""},
			"empty password":   {"Kitty", "", ""},
			"endless password": {"Kitty", strings.Repeat("x", 1<<20), ""},
			"nobody":           {"nobody-here", password, ""},
			"no name at all":   {"", password, ""},
			"impossible name":  {"a\x00b'; DROP TABLE accounts", password, ""},
		} {
			before := h.hasher.verified
			got, err := h.service.Login(h.ctx(), test.name, test.password)
			if h.hasher.verified != before+1 {
				t.Errorf("%s: %d passwords verified, which tells how long it took", name, h.hasher.verified-before)
			}
			if got.ID != test.want {
				t.Errorf("%s: account %q, want %q", name, got.ID, test.want)
			}
			if test.want == "" && (site.CodeOf(err) != site.Denied || err.Error() != "denied: Name and password do not match.") {
				t.Errorf("%s: %v", name, err)
			}
			if test.want != "" && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestTooManyPasswordsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.register("Kitty")
		h.service.SetPasswords(busyHasher{h.hasher.Hasher})
		_, err := h.service.Login(h.ctx(), "Kitty", password)
		refused(t, err, site.Limited, "in a moment")
		_, err = h.service.Register(h.ctx(), "tom", password)
		refused(t, err, site.Limited, "in a moment")
	})
}

// busyHasher has a line that is too long.
type busyHasher struct{ *argon.Hasher }

func (busyHasher) Hash(context.Context, string) (string, error) { return "", argon.ErrBusy }

func (busyHasher) Verify(context.Context, string, string) (bool, error) { return false, argon.ErrBusy }

func TestSessions(t *testing.T) {
	const day = 24 * time.Hour
	each(t, func(t *testing.T, h *house) {
		kitty, tom := h.register("kitty"), h.register("tom")
		first, err := h.service.OpenSession(h.ctx(), kitty.ID, "a \xff browser\x00 "+strings.Repeat("🐈", 1000))
		if err != nil {
			t.Fatal(err)
		}
		second, err := h.service.OpenSession(h.ctx(), kitty.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		toms, err := h.service.OpenSession(h.ctx(), tom.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		whose := func(step string, session string, want site.AccountID) {
			t.Helper()
			account, err := h.service.SessionAccount(h.ctx(), stageSecret(session))
			if account.ID != want || (want == "") != (site.CodeOf(err) == site.NotFound) {
				t.Errorf("%s: account %q, %v, want %q", step, account.ID, err, want)
			}
		}
		whose("open", string(first), kitty.ID)
		whose("open", string(toms), tom.ID)
		for _, garbage := range []string{"", "x", string(first) + "x", string(first[:42]) + "\x00", strings.Repeat("A", 43)} {
			whose("garbage", garbage, "")
		}
		if string(first) == string(second) || len(first) != 43 {
			t.Errorf("sessions %d and %d characters long", len(first), len(second))
		}

		h.clock.advance(29 * day)
		whose("used in time", string(first), kitty.ID)
		h.clock.advance(2 * day)
		whose("used in between", string(first), kitty.ID)
		whose("not used for 31 days", string(toms), "")

		if err := h.service.CloseSession(h.ctx(), first); err != nil {
			t.Fatal(err)
		}
		whose("closed", string(first), "")
		if err := h.service.CloseSession(h.ctx(), first); err != nil {
			t.Errorf("closing twice: %v", err)
		}

		third, _ := h.service.OpenSession(h.ctx(), kitty.ID, "")
		fourth, _ := h.service.OpenSession(h.ctx(), kitty.ID, "")
		other, _ := h.service.OpenSession(h.ctx(), tom.ID, "")
		if err := h.service.CloseSessions(h.ctx(), kitty.ID); err != nil {
			t.Fatal(err)
		}
		whose("closed with all", string(third), "")
		whose("closed with all", string(fourth), "")
		whose("of somebody else", string(other), tom.ID)
	})
}
