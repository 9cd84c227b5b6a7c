package site_test

import (
	"errors"
	"strings"
	"testing"

	"streamcat/site"
	"streamcat/stage"
)

func TestGoLiveNeedsAPublisher(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty := h.register("kitty")
		refused(t, h.service.SetLive(h.ctx(), kitty.ID, true), site.Conflict, "Nobody is on the stage")
		entry := h.studio(kitty, "kitty")
		h.publish(entry.Token)
		h.stages.publishers[entry.Token.Stage][0].Publishing = false
		refused(t, h.service.SetLive(h.ctx(), kitty.ID, true), site.Conflict, "Nobody is on the stage")
		h.stages.publishers[entry.Token.Stage][0].Publishing = true
		if err := h.service.SetLive(h.ctx(), kitty.ID, true); err != nil {
			t.Fatal(err)
		}
		if channel := h.channel("kitty"); !channel.Live || !channel.LiveSince.Equal(h.clock.Now()) {
			t.Errorf("channel %+v", channel)
		}
		// Ending needs nobody.
		if err := h.stages.DisconnectParticipant(h.ctx(), entry.Token.Stage, entry.Token.Participant, ""); err != nil {
			t.Fatal(err)
		}
		if err := h.service.SetLive(h.ctx(), kitty.ID, false); err != nil {
			t.Fatal(err)
		}
		if channel := h.channel("kitty"); channel.Live || !channel.LiveSince.IsZero() {
			t.Errorf("channel %+v", channel)
		}
	})
}

func TestSetOnAir(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty, tom := h.register("kitty"), h.register("tom")
		h.accept(tom, h.invite(kitty, ""))
		waiting := h.studio(tom, "kitty").Token
		if err := h.service.SetOnAir(h.ctx(), kitty.ID, waiting.Participant, false); err != nil || !h.stages.backstage[waiting.Participant] {
			t.Errorf("a guest who may come: %v", err)
		}
		own := h.studio(kitty, "kitty").Token
		if err := h.service.SetOnAir(h.ctx(), kitty.ID, own.Participant, false); err != nil || !h.stages.backstage[own.Participant] {
			t.Errorf("the host: %v", err)
		}
		for _, stranger := range []stage.ParticipantID{"nobody", "", "a\x00b", "é", stage.ParticipantID(strings.Repeat("a", 65))} {
			refused(t, h.service.SetOnAir(h.ctx(), kitty.ID, stranger, false), site.NotFound, "not on your stage")
		}
	})
}

func TestRemoveGuestEndsEverythingOfTheGuest(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty, tom, mia := h.register("kitty"), h.register("tom"), h.register("mia")
		invitation := h.invite(kitty, "")
		h.accept(tom, invitation)
		h.accept(mia, invitation)
		host, guest, other := h.studio(kitty, "kitty").Token, h.studio(tom, "kitty").Token, h.studio(mia, "kitty").Token
		screen, err := h.service.ScreenToken(h.ctx(), tom.ID, "kitty")
		if err != nil {
			t.Fatal(err)
		}
		// A client that is still connected with a token from before.
		old := guest
		old.Participant = "participant-old"
		for _, token := range []stage.Token{host, guest, other, screen, old} {
			h.publish(token)
		}
		if err := h.service.RemoveParticipant(h.ctx(), kitty.ID, guest.Participant, " Too loud. "); err != nil {
			t.Fatal(err)
		}
		for _, token := range []stage.Token{guest, screen, old} {
			if reason := h.stages.reasonFor(token.Participant); reason != "Too loud." {
				t.Errorf("%s was told %q", token.Participant, reason)
			}
		}
		for _, token := range []stage.Token{host, other} {
			if reason := h.stages.reasonFor(token.Participant); reason != "" {
				t.Errorf("%s was told %q", token.Participant, reason)
			}
		}
		if entry := h.studio(mia, "kitty"); entry.Token.Participant != other.Participant {
			t.Errorf("the other guest got another token")
		}
		// The other guest by a token that the site has forgotten: the stage still shows whose it is.
		if err := h.db.ForgetToken(h.ctx(), other.Stage, other.Participant); err != nil {
			t.Fatal(err)
		}
		if err := h.service.RemoveParticipant(h.ctx(), kitty.ID, other.Participant, ""); err != nil {
			t.Fatal(err)
		}
		if reason := h.stages.reasonFor(other.Participant); reason != "kitty has removed you from the stage." {
			t.Errorf("the other guest was told %q", reason)
		}
		_, err = h.service.Studio(h.ctx(), mia.ID, "kitty")
		refused(t, err, site.Denied, "has removed you")
	})
}

func TestRemoveGuestAgainAfterAFault(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty, tom := h.register("kitty"), h.register("tom")
		h.accept(tom, h.invite(kitty, ""))
		token := h.studio(tom, "kitty").Token
		h.stages.fault = errors.New("the database is gone")
		if err := h.service.RemoveParticipant(h.ctx(), kitty.ID, token.Participant, ""); !errors.Is(err, h.stages.fault) {
			t.Errorf("error %v", err)
		}
		_, err := h.service.Studio(h.ctx(), tom.ID, "kitty")
		refused(t, err, site.Denied, "has removed you")
		h.stages.fault = nil
		if err := h.service.RemoveParticipant(h.ctx(), kitty.ID, token.Participant, ""); err != nil {
			t.Fatal(err)
		}
		if h.stages.reasonFor(token.Participant) == "" {
			t.Error("the token lives")
		}
	})
}

func TestRemoveScreenLeavesItsGuest(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty, tom := h.register("kitty"), h.register("tom")
		h.accept(tom, h.invite(kitty, ""))
		for _, account := range []site.Account{tom, kitty} {
			entry := h.studio(account, "kitty")
			screen, err := h.service.ScreenToken(h.ctx(), account.ID, "kitty")
			if err != nil {
				t.Fatal(err)
			}
			if err := h.service.RemoveParticipant(h.ctx(), kitty.ID, screen.Participant, ""); err != nil {
				t.Fatal(err)
			}
			if got, want := h.stages.reasonFor(screen.Participant), "kitty has ended your screen share."; got != want {
				t.Errorf("%s reads %q, want %q", account.Name, got, want)
			}
			if again := h.studio(account, "kitty"); again.Token.Participant != entry.Token.Participant {
				t.Errorf("%s lost the token", account.Name)
			}
		}
	})
}

func TestRemoveRefuses(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty, tom := h.register("kitty"), h.register("tom")
		host, toms := h.studio(kitty, "kitty").Token, h.studio(tom, "tom").Token
		h.publish(host)
		h.publish(toms)
		for name, test := range map[string]struct {
			participant stage.ParticipantID
			reason      string
			code        site.Code
		}{
			"the host":                     {host.Participant, "", site.Denied},
			"somebody on another stage":    {toms.Participant, "", site.NotFound},
			"nobody":                       {"nobody", "", site.NotFound},
			"no id":                        {"", "", site.NotFound},
			"not an id":                    {"a\x00' OR 1=1", "", site.NotFound},
			"a reason too long":            {host.Participant, strings.Repeat("x", 129), site.Invalid},
			"a reason that cannot be read": {host.Participant, "a\x00b", site.Invalid},
		} {
			if err := h.service.RemoveParticipant(h.ctx(), kitty.ID, test.participant, test.reason); site.CodeOf(err) != test.code {
				t.Errorf("%s: %v, want %s", name, err, test.code)
			}
		}
		if len(h.stages.revoked) != 0 {
			t.Errorf("removed %v", h.stages.revoked)
		}
	})
}

func TestRemoveParticipantOfTheControlPlane(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty := h.register("kitty")
		h.publish(stage.Token{Participant: "encoder", UserID: "an encoder", Stage: h.channel("kitty").Stage})
		if err := h.service.RemoveParticipant(h.ctx(), kitty.ID, "encoder", ""); err != nil {
			t.Fatal(err)
		}
		if h.stages.reasonFor("encoder") == "" {
			t.Error("the encoder stays")
		}
	})
}
