package site_test

import (
	"testing"
	"time"

	"streamcat/site"
	"streamcat/stage"
)

// Who may do what on kitty's stage. Operations on an "own" stage never reach another's, whatever id they come with: that is what their
// NotFound says.
func TestAuthorization(t *testing.T) {
	const ok = site.Code("")
	type asker struct {
		name string
		id   site.AccountID
	}
	operations := []struct {
		name string
		do   func(h *house, who site.AccountID, guest stage.ParticipantID, invitation site.Invitation) error
		// codes for: the host, a guest, a registered stranger, a visitor, an account that does not exist
		want [5]site.Code
	}{
		{"enter the studio", func(h *house, who site.AccountID, _ stage.ParticipantID, _ site.Invitation) error {
			_, err := h.service.Studio(h.ctx(), who, "kitty")
			return err
		}, [5]site.Code{ok, ok, site.Denied, site.Denied, site.Denied}},
		{"share a screen", func(h *house, who site.AccountID, _ stage.ParticipantID, _ site.Invitation) error {
			_, err := h.service.ScreenToken(h.ctx(), who, "kitty")
			return err
		}, [5]site.Code{ok, ok, site.Denied, site.Denied, site.Denied}},
		{"watch", func(h *house, who site.AccountID, _ stage.ParticipantID, _ site.Invitation) error {
			token, err := h.service.ViewerToken(h.ctx(), who, "kitty")
			if token.Capabilities.Publish {
				h.t.Errorf("%q can publish with a viewer's token", who)
			}
			return err
		}, [5]site.Code{ok, ok, ok, ok, ok}},
		{"put a guest backstage", func(h *house, who site.AccountID, guest stage.ParticipantID, _ site.Invitation) error {
			return h.service.SetOnAir(h.ctx(), who, guest, false)
		}, [5]site.Code{ok, site.NotFound, site.NotFound, site.Denied, site.Denied}},
		{"remove a guest", func(h *house, who site.AccountID, guest stage.ParticipantID, _ site.Invitation) error {
			return h.service.RemoveParticipant(h.ctx(), who, guest, "")
		}, [5]site.Code{ok, site.NotFound, site.NotFound, site.Denied, site.Denied}},
		{"revoke an invitation", func(h *house, who site.AccountID, _ stage.ParticipantID, i site.Invitation) error {
			return h.service.RevokeInvitation(h.ctx(), who, i.ID)
		}, [5]site.Code{ok, site.NotFound, site.NotFound, site.Denied, site.Denied}},
		{"accept an invitation for another", func(h *house, who site.AccountID, _ stage.ParticipantID, i site.Invitation) error {
			_, err := h.service.AcceptInvitation(h.ctx(), who, i.Code)
			return err
		}, [5]site.Code{ok, ok, site.Denied, site.Denied, site.Denied}},
		{"go live", func(h *house, who site.AccountID, _ stage.ParticipantID, _ site.Invitation) error {
			return h.service.SetLive(h.ctx(), who, true)
		}, [5]site.Code{ok, site.Conflict, site.Conflict, site.Denied, site.Denied}}, // on their own stages is nobody
		{"invite", func(h *house, who site.AccountID, _ stage.ParticipantID, _ site.Invitation) error {
			_, err := h.service.Invite(h.ctx(), who, "", time.Hour)
			return err
		}, [5]site.Code{ok, ok, ok, site.Denied, site.Denied}}, // each to the own stage
		{"list invitations", func(h *house, who site.AccountID, _ stage.ParticipantID, i site.Invitation) error {
			list, err := h.service.Invitations(h.ctx(), who)
			if err == nil && (len(list) == 1 && list[0].ID == i.ID) != (h.channel("kitty").Owner == who) {
				h.t.Errorf("%q was shown %+v", who, list)
			}
			return err
		}, [5]site.Code{ok, ok, ok, site.Denied, site.Denied}},
		{"change the channel", func(h *house, who site.AccountID, _ stage.ParticipantID, _ site.Invitation) error {
			return h.service.UpdateChannel(h.ctx(), who, "mine", "")
		}, [5]site.Code{ok, ok, ok, site.Denied, site.Denied}},
		{"change the picture", func(h *house, who site.AccountID, _ stage.ParticipantID, _ site.Invitation) error {
			return h.service.SetPicture(h.ctx(), who, nil)
		}, [5]site.Code{ok, ok, ok, site.Denied, site.Denied}},
	}
	each(t, func(t *testing.T, h *house) {
		kitty, tom, eve := h.register("kitty"), h.register("tom"), h.register("eve")
		askers := []asker{{"host", kitty.ID}, {"guest", tom.ID}, {"stranger", eve.ID}, {"visitor", ""}, {"unknown account", "UNKNOWN"}}
		invitation := h.invite(kitty, "tom")
		h.accept(tom, invitation)
		for _, operation := range operations {
			// The host goes last, because some of what the host may do ends the others' rights.
			for i := len(askers) - 1; i >= 0; i-- {
				guest := h.studio(tom, "kitty").Token
				if len(h.stages.publishers[guest.Stage]) == 0 {
					h.publish(h.studio(kitty, "kitty").Token)
				}
				err := operation.do(h, askers[i].id, guest.Participant, invitation)
				if code := site.CodeOf(err); code != operation.want[i] {
					t.Errorf("%s by %s: %v, want %q", operation.name, askers[i].name, err, operation.want[i])
				}
			}
			if channel := h.channel("kitty"); channel.Title != "" && channel.Title != "mine" {
				t.Errorf("after %s: %+v", operation.name, channel)
			}
			// Put back what the host has ended.
			if _, err := h.service.Studio(h.ctx(), tom.ID, "kitty"); err != nil {
				h.clock.advance(time.Second)
				if err := h.service.RevokeInvitation(h.ctx(), kitty.ID, invitation.ID); err != nil {
					t.Fatal(err)
				}
				invitation = h.invite(kitty, "tom")
				h.accept(tom, invitation)
			}
			open, err := h.service.Invitations(h.ctx(), kitty.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, other := range open {
				if other.ID != invitation.ID {
					if err := h.service.RevokeInvitation(h.ctx(), kitty.ID, other.ID); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}
