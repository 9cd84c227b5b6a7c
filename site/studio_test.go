package site_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"streamcat/site"
	"streamcat/stage"
	"streamcat/store"
	"streamcat/store/storetest"
)

func stageSecret(s string) stage.Secret { return stage.Secret(s) }

func TestStudioOfHost(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty := h.register("Kitty")
		entry := h.studio(kitty, "kitty")
		want := site.Entry{
			Role:    site.Host,
			Channel: h.channel("Kitty"),
			Token: stage.Token{
				Raw:          "token of participant1",
				Participant:  "participant1",
				Stage:        h.channel("Kitty").Stage,
				UserID:       string(kitty.ID),
				Attributes:   map[string]string{"name": "Kitty", "role": "host"},
				Capabilities: stage.Capabilities{Publish: true, Subscribe: true},
				Expires:      h.clock.Now().Add(12 * time.Hour),
			},
		}
		if diff := cmp.Diff(want, entry); diff != "" {
			t.Errorf("first entry:\n%s", diff)
		}
		h.publish(entry.Token)
		want.InUse = true
		if diff := cmp.Diff(want, h.studio(kitty, "kitty")); diff != "" {
			t.Errorf("entry in use:\n%s", diff)
		}
	})
}

func TestStudioTokenIsReusedWhileItIsGood(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty := h.register("kitty")
		first := h.studio(kitty, "kitty").Token
		for _, step := range []struct {
			name  string
			do    func()
			reuse bool
		}{
			{"at once", func() {}, true},
			{"11 seconds before its end", func() { h.clock.advance(12*time.Hour - 11*time.Second) }, true},
			{"10 seconds before its end", func() { h.clock.advance(time.Second) }, false},
			{"the new one", func() {}, true},
			{"used up", func() {
				id := h.studio(kitty, "kitty").Token.Participant
				if err := h.stages.DisconnectParticipant(h.ctx(), first.Stage, id, "by the control plane"); err != nil {
					t.Fatal(err)
				}
			}, false},
		} {
			step.do()
			token := h.studio(kitty, "kitty").Token
			if (token.Participant == first.Participant) != step.reuse {
				t.Errorf("%s: token of %s after %s", step.name, token.Participant, first.Participant)
			}
			first = token
		}
	})
}

func TestStudioTwiceAtOnceGivesOneToken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty := h.register("kitty")
		for round := range 5 {
			tokens := make([]stage.Token, 6)
			var group sync.WaitGroup
			for i := range tokens {
				group.Go(func() {
					entry, err := h.service.Studio(h.ctx(), kitty.ID, "kitty")
					if err != nil {
						t.Error(err)
					}
					tokens[i] = entry.Token
				})
			}
			group.Wait()
			for i := range tokens {
				if diff := cmp.Diff(tokens[0], tokens[i]); diff != "" {
					t.Errorf("round %d, tokens 0 and %d:\n%s", round, i, diff)
				}
			}
			h.clock.advance(12 * time.Hour) // the next round replaces it
		}
	})
}

func TestStudioTurnsAway(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty, tom := h.register("Kitty"), h.register("tom")
		enter := func(step, words string) {
			t.Helper()
			entry, err := h.service.Studio(h.ctx(), tom.ID, "kitty")
			if words == "" {
				if err != nil || entry.Role != site.Guest || entry.Token.Attributes["role"] != "guest" || entry.Token.UserID != string(tom.ID) {
					t.Errorf("%s: %+v, %v", step, entry, err)
				}
				return
			}
			t.Run(step, func(t *testing.T) { refused(t, err, site.Denied, words) })
		}
		enter("never invited", "Only Kitty and invited guests")
		expiring := h.invite(kitty, "")
		enter("invited, not accepted", "Only Kitty and invited guests")
		h.accept(tom, expiring)
		enter("accepted", "")
		h.clock.advance(time.Hour)
		enter("expired", "has expired")

		revoked := h.invite(kitty, "Tom")
		h.accept(tom, revoked)
		enter("accepted again", "")
		if err := h.service.RevokeInvitation(h.ctx(), kitty.ID, revoked.ID); err != nil {
			t.Fatal(err)
		}
		enter("revoked", "has revoked your invitation")

		h.clock.advance(time.Second)
		third := h.invite(kitty, "tom")
		h.accept(tom, third)
		unused := h.invite(kitty, "")
		token := h.studio(tom, "kitty").Token
		h.publish(token)
		if err := h.service.RemoveParticipant(h.ctx(), kitty.ID, token.Participant, "Too loud."); err != nil {
			t.Fatal(err)
		}
		enter("removed", "has removed you")
		for name, old := range map[string]site.Invitation{"used": third, "unused": unused} {
			_, err := h.service.AcceptInvitation(h.ctx(), tom.ID, old.Code)
			t.Run("accept the "+name+" invitation after removal", func(t *testing.T) { refused(t, err, site.Denied, "has removed you") })
		}
		enter("removed, with old links", "has removed you")
		h.clock.advance(time.Second)
		h.accept(tom, h.invite(kitty, ""))
		enter("invited anew", "")

		if _, err := h.service.Studio(h.ctx(), kitty.ID, "nobody"); site.CodeOf(err) != site.NotFound {
			t.Errorf("no such studio: %v", err)
		}
		if _, err := h.service.Studio(h.ctx(), "", "kitty"); site.CodeOf(err) != site.Denied {
			t.Errorf("nobody's account: %v", err)
		}
	})
}

func TestGuestTokenEndsWithTheInvitation(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty, tom := h.register("kitty"), h.register("tom")
		h.accept(tom, h.invite(kitty, "tom")) // for an hour
		h.clock.advance(20 * time.Minute)
		if left := h.studio(tom, "kitty").Token.Expires.Sub(h.clock.Now()); left != 40*time.Minute {
			t.Errorf("the token lives for %v", left)
		}
		h.clock.advance(40*time.Minute - 5*time.Second)
		if left := h.studio(tom, "kitty").Token.Expires.Sub(h.clock.Now()); left != time.Minute {
			t.Errorf("the last token lives for %v", left)
		}
	})
}

func TestScreenToken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty := h.register("kitty")
		entry := h.studio(kitty, "kitty")
		first, err := h.service.ScreenToken(h.ctx(), kitty.ID, "kitty")
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"name": "kitty", "role": "screen", "featured": "true", "of": string(entry.Token.Participant)}
		if diff := cmp.Diff(want, first.Attributes); diff != "" {
			t.Error(diff)
		}
		if first.Participant == entry.Token.Participant || first.UserID != string(kitty.ID) || !first.Capabilities.Publish {
			t.Errorf("token %+v", first)
		}
		second, err := h.service.ScreenToken(h.ctx(), kitty.ID, "kitty")
		if err != nil {
			t.Fatal(err)
		}
		if h.stages.reasonFor(first.Participant) == "" {
			t.Error("two screens are shared at once")
		}
		if h.stages.reasonFor(second.Participant) != "" || h.stages.reasonFor(entry.Token.Participant) != "" {
			t.Error("sharing again ended more than the first share")
		}
	})
}

func TestViewerToken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.register("kitty")
		tom := h.register("tom")
		users := map[string]bool{}
		for _, account := range []site.AccountID{tom.ID, "", ""} {
			token, err := h.service.ViewerToken(h.ctx(), account, "KITTY")
			if err != nil {
				t.Fatal(err)
			}
			if token.Capabilities != (stage.Capabilities{Subscribe: true}) || token.Attributes["role"] != "viewer" || token.Attributes["name"] != "" {
				t.Errorf("token %+v", token)
			}
			users[token.UserID] = true
		}
		if len(users) != 3 || !users[string(tom.ID)] {
			t.Errorf("users %v", users)
		}
		_, err := h.service.ViewerToken(h.ctx(), "", "nobody")
		refused(t, err, site.NotFound, "no channel")
	})
}

func TestDeletedStageIsNotFound(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		kitty := h.register("kitty")
		if err := h.db.DeleteStage(h.ctx(), h.channel("kitty").Stage); err != nil {
			t.Fatal(err)
		}
		_, err := h.service.Studio(h.ctx(), kitty.ID, "kitty")
		refused(t, err, site.NotFound, "does not exist any more")
		refused(t, h.service.SetLive(h.ctx(), kitty.ID, true), site.NotFound, "does not exist any more")
		if h.channel("kitty").Live {
			t.Error("the channel is live")
		}
	})
}

// slowStore runs something between the writing of a token and the second look at the right to it.
type slowStore struct {
	*store.DB
	afterReplace func()
}

func (s *slowStore) ReplaceStudioToken(ctx context.Context, account site.AccountID, replaced stage.ParticipantID, token stage.Token) (stage.Token, error) {
	kept, err := s.DB.ReplaceStudioToken(ctx, account, replaced, token)
	if s.afterReplace != nil {
		s.afterReplace()
	}
	return kept, err
}

func TestNoTokenSurvivesARemovalInBetween(t *testing.T) {
	for name, arrange := range map[string]func(h *house, kept *slowStore, remove func()){
		"while the token is signed":      func(h *house, _ *slowStore, remove func()) { h.stages.onMint = remove },
		"right after the token was kept": func(_ *house, kept *slowStore, remove func()) { kept.afterReplace = remove },
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				kept := &slowStore{DB: db}
				h := newHouse(t, db, kept)
				kitty, tom := h.register("kitty"), h.register("tom")
				h.accept(tom, h.invite(kitty, "tom"))
				old := h.studio(tom, "kitty").Token
				h.publish(old)
				h.clock.advance(59*time.Minute + 55*time.Second) // the next entry makes a new token
				arrange(h, kept, func() {
					kept.afterReplace = nil
					if err := h.service.RemoveParticipant(h.ctx(), kitty.ID, old.Participant, ""); err != nil {
						t.Error(err)
					}
				})
				_, err := h.service.Studio(h.ctx(), tom.ID, "kitty")
				refused(t, err, site.Denied, "has removed you")
				for _, participant := range []stage.ParticipantID{"participant1", "participant2"} {
					if h.stages.reasonFor(participant) == "" {
						t.Errorf("the token of %s lives", participant)
					}
				}
			})
		})
	}
}
