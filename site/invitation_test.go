package site_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"streamcat/site"
	"streamcat/stage"
)

func TestInvite(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty := h.register("kitty")
		h.register("Tom")
		for name, test := range map[string]struct {
			forName  string
			lifetime time.Duration
			code     site.Code
			isFor    string
		}{
			"whoever":            {"", time.Hour, "", ""},
			"somebody":           {"tom", time.Hour, "", "Tom"},
			"as names are shown": {" @TOM ", time.Hour, "", "Tom"},
			"shortest":           {"", 5 * time.Minute, "", ""},
			"longest":            {"", 30 * 24 * time.Hour, "", ""},
			"too short":          {"", 5*time.Minute - 1, site.Invalid, ""},
			"too long":           {"", 30*24*time.Hour + 1, site.Invalid, ""},
			"backwards":          {"", -time.Hour, site.Invalid, ""},
			"nobody":             {"nobody-here", time.Hour, site.Invalid, ""},
			"not a name":         {"a\x00b", time.Hour, site.Invalid, ""},
			"the host":           {"Kitty", time.Hour, site.Invalid, ""},
		} {
			invitation, err := h.service.Invite(h.ctx(), kitty.ID, test.forName, test.lifetime)
			if site.CodeOf(err) != test.code {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if err == nil && (invitation.For != test.isFor || len(invitation.Code) < 24 || !invitation.Expires.Equal(h.clock.Now().Add(test.lifetime))) {
				t.Errorf("%s: %+v", name, invitation)
			}
		}
	})
}

func TestInvitationsShowWhatHolds(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty, tom, mia := h.register("kitty"), h.register("tom"), h.register("mia")
		first := h.invite(kitty, "")
		h.clock.advance(time.Minute)
		second := h.invite(kitty, "mia")
		gone := h.invite(kitty, "")
		if err := h.service.RevokeInvitation(h.ctx(), kitty.ID, gone.ID); err != nil {
			t.Fatal(err)
		}
		h.accept(tom, first)
		h.clock.advance(time.Second)
		h.accept(mia, first)
		h.accept(mia, first) // twice is once
		first.Accepted = []string{"tom", "mia"}
		check := func(step string, want ...site.Invitation) {
			t.Helper()
			got, err := h.service.Invitations(h.ctx(), kitty.ID)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", step, err, diff)
			}
		}
		check("both", second, first)
		h.clock.advance(59 * time.Minute)
		check("the first has expired", second)
		h.clock.advance(time.Minute)
		check("both have expired")
	})
}

func TestInvitationLink(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty, tom, eve := h.register("kitty"), h.register("tom"), h.register("eve")
		look := func(step string, code stage.Secret, want site.Code, channel string) {
			t.Helper()
			invitation, found, err := h.service.Invitation(h.ctx(), code)
			if site.CodeOf(err) != want || found.Name != channel {
				t.Errorf("%s: %q, %v", step, found.Name, err)
			}
			if invitation.Accepted != nil {
				t.Errorf("%s: it tells who came: %v", step, invitation.Accepted)
			}
		}
		accept := func(step string, account site.Account, code stage.Secret, want site.Code, channel string) {
			t.Helper()
			found, err := h.service.AcceptInvitation(h.ctx(), account.ID, code)
			if site.CodeOf(err) != want || found.Name != channel {
				t.Errorf("%s: %q, %v", step, found.Name, err)
			}
		}
		toms := h.invite(kitty, "tom")
		look("open", toms.Code, "", "kitty")
		accept("for somebody else", eve, toms.Code, site.Denied, "kitty")
		accept("for oneself", tom, toms.Code, "", "kitty")
		look("used", toms.Code, "", "kitty")
		accept("by the host", kitty, toms.Code, "", "kitty")
		for name, code := range map[string]stage.Secret{"unknown": "AAAAAAAAAAAAAAAAAAAAAAAAAA", "empty": "", "garbage": "\x00'--", "another case": "a" + toms.Code[1:]} {
			look(name, code, site.NotFound, "")
			accept(name, tom, code, site.NotFound, "")
		}
		if err := h.service.RevokeInvitation(h.ctx(), kitty.ID, toms.ID); err != nil {
			t.Fatal(err)
		}
		look("revoked", toms.Code, site.Revoked, "kitty")
		accept("revoked", tom, toms.Code, site.Revoked, "kitty")
		if err := h.service.RevokeInvitation(h.ctx(), kitty.ID, toms.ID); err != nil {
			t.Errorf("revoking twice: %v", err)
		}
		anybodys := h.invite(kitty, "")
		h.clock.advance(time.Hour - 1)
		look("about to expire", anybodys.Code, "", "kitty")
		h.clock.advance(1)
		look("expired", anybodys.Code, site.Expired, "kitty")
		accept("expired", eve, anybodys.Code, site.Expired, "kitty")
		list, err := h.db.Acceptances(h.ctx(), h.channel("kitty").ID, eve.ID)
		if err != nil || len(list) != 0 {
			t.Errorf("refused and yet remembered: %+v, %v", list, err)
		}
	})
}

func TestRevokeLocksOutOnlyWhoIsAwayAndHasNoOtherRight(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty := h.register("kitty")
		away, there, twice := h.register("away"), h.register("there"), h.register("twice")
		invitation := h.invite(kitty, "")
		tokens := map[string]stage.Token{}
		for _, guest := range []site.Account{away, there, twice} {
			h.accept(guest, invitation)
			tokens[guest.Name] = h.studio(guest, "kitty").Token
		}
		h.publish(tokens["there"])
		h.accept(twice, h.invite(kitty, "twice"))
		if err := h.service.RevokeInvitation(h.ctx(), kitty.ID, invitation.ID); err != nil {
			t.Fatal(err)
		}
		for name, ended := range map[string]bool{"away": true, "there": false, "twice": false} {
			if reason := h.stages.reasonFor(tokens[name].Participant); (reason != "") != ended {
				t.Errorf("%s was told %q", name, reason)
			}
		}
		if entry := h.studio(twice, "kitty"); entry.Token.Participant != tokens["twice"].Participant {
			t.Error("who was invited twice lost the token")
		}
		_, err := h.service.Studio(h.ctx(), there.ID, "kitty")
		refused(t, err, site.Denied, "has revoked")
	})
}

func TestInvitationLimits(t *testing.T) {
	h := newSQLiteHouse(t)
	kitty := h.register("kitty")
	var last site.Invitation
	for range 100 {
		last = h.invite(kitty, "")
	}
	_, err := h.service.Invite(h.ctx(), kitty.ID, "", time.Hour)
	refused(t, err, site.Limited, "100 open invitations")
	if err := h.service.RevokeInvitation(h.ctx(), kitty.ID, last.ID); err != nil {
		t.Fatal(err)
	}
	link := h.invite(kitty, "")
	for i := range 50 {
		h.accept(h.register("guest"+string(rune('a'+i/26))+string(rune('a'+i%26))), link)
	}
	late := h.register("late")
	_, err = h.service.AcceptInvitation(h.ctx(), late.ID, link.Code)
	refused(t, err, site.Limited, "used by 50 people")
	again, err := h.service.Login(h.ctx(), "guestaa", password)
	if err != nil {
		t.Fatal(err)
	}
	h.accept(again, link) // who is in stays in
}
