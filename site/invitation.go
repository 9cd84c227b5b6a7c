package site

import (
	"context"
	"fmt"
	"strings"
	"time"

	"streamcat/stage"
)

const (
	minInvitation = 5 * time.Minute
	maxInvitation = 30 * 24 * time.Hour
	// maxInvitations bounds the open invitations of a channel.
	maxInvitations = 100
	// maxAccepted bounds the accounts that use one invitation, for the day its link gets about.
	maxAccepted = 50
)

// Invite makes an invitation to the account's own stage. forName may be ""; lifetime is 5 minutes to 30 days.
func (s *Service) Invite(ctx context.Context, account AccountID, forName string, lifetime time.Duration) (Invitation, error) {
	channel, err := s.ownChannel(ctx, account)
	if err != nil {
		return Invitation{}, err
	}
	if lifetime < minInvitation || lifetime > maxInvitation {
		return Invitation{}, Errorf(Invalid, "An invitation holds for 5 minutes to 30 days.").On("lifetime")
	}
	if forName = strings.TrimPrefix(strings.TrimSpace(forName), "@"); forName != "" {
		guest, err := s.Channel(ctx, forName)
		if CodeOf(err) == NotFound {
			return Invitation{}, Errorf(Invalid, "There is no account of this name.").On("for")
		}
		if err != nil {
			return Invitation{}, err
		}
		if guest.Owner == account {
			return Invitation{}, Errorf(Invalid, "You are the host already. Invite somebody else.").On("for")
		}
		forName = guest.Name
	}
	now := s.now()
	invitation := Invitation{
		ID:      newID(),
		Channel: channel.ID,
		Code:    stage.Secret(newID()),
		For:     forName,
		Created: now,
		Expires: now.Add(lifetime).Truncate(time.Millisecond),
	}
	err = s.store.CreateInvitation(ctx, invitation, maxInvitations)
	switch CodeOf(err) {
	case "":
		return invitation, nil
	case Limited:
		return Invitation{}, Errorf(Limited, "There are %d open invitations already. Revoke one first.", maxInvitations)
	}
	return Invitation{}, fmt.Errorf("invite to %s: %w", channel.Name, err)
}

// Invitations lists those of the account's own channel that are neither expired nor revoked, newest first.
func (s *Service) Invitations(ctx context.Context, account AccountID) ([]Invitation, error) {
	channel, err := s.ownChannel(ctx, account)
	if err != nil {
		return nil, err
	}
	invitations, err := s.store.OpenInvitations(ctx, channel.ID, s.now())
	if err != nil {
		return nil, fmt.Errorf("list invitations of %s: %w", channel.Name, err)
	}
	return invitations, nil
}

// RevokeInvitation ends an invitation of the account's own channel; guests who came by it lose the right to enter again. Those who are on
// stage stay until they leave or are removed: a host who closes a door does not mean the people who are in.
func (s *Service) RevokeInvitation(ctx context.Context, account AccountID, id string) error {
	channel, err := s.ownChannel(ctx, account)
	if err != nil {
		return err
	}
	if !couldBeID(id) {
		return noInvitation()
	}
	err = s.store.RevokeInvitation(ctx, channel.ID, id, s.now())
	if CodeOf(err) == NotFound {
		return noInvitation()
	}
	if err != nil {
		return fmt.Errorf("revoke invitation of %s: %w", channel.Name, err)
	}
	// The tokens of those who are away would let them in again past the site.
	guests, err := s.store.GuestsOf(ctx, id)
	if err != nil {
		return fmt.Errorf("revoke invitation of %s: %w", channel.Name, err)
	}
	for _, guest := range guests {
		if err := s.lockOut(ctx, channel, guest); err != nil {
			return err
		}
	}
	return nil
}

// lockOut ends the token of a guest who is not on stage and has no other right to enter.
func (s *Service) lockOut(ctx context.Context, channel Channel, guest AccountID) error {
	if _, _, err := s.admit(ctx, guest, channel); CodeOf(err) != Denied {
		return err
	}
	token, err := s.store.StudioToken(ctx, guest, channel.Stage)
	switch CodeOf(err) {
	case "":
		connected, err := s.stages.Connected(ctx, channel.Stage, token.Participant)
		if err != nil {
			return stageRefusal(err, "lock out guest")
		}
		if connected {
			return nil
		}
	case NotFound:
	default:
		return fmt.Errorf("lock out guest: %w", err)
	}
	return s.endTokens(ctx, channel, guest, nil, channel.Name+" has revoked your invitation.")
}

// Invitation looks a link's code up for showing it: whose stage, for whom. The channel is returned also when the error says Expired or Revoked.
func (s *Service) Invitation(ctx context.Context, code stage.Secret) (Invitation, Channel, error) {
	if !couldBeID(string(code)) {
		return Invitation{}, Channel{}, noInvitation()
	}
	invitation, err := s.store.InvitationByCode(ctx, code)
	if CodeOf(err) == NotFound {
		return Invitation{}, Channel{}, noInvitation()
	}
	if err != nil {
		return Invitation{}, Channel{}, fmt.Errorf("look up invitation: %w", err)
	}
	channel, err := s.store.ChannelByID(ctx, invitation.Channel)
	if err != nil {
		return Invitation{}, Channel{}, fmt.Errorf("look up channel of invitation: %w", err)
	}
	// Who holds the link learns what it is for, not who else has used it.
	invitation.Accepted = nil
	switch {
	case invitation.Revoked:
		return invitation, channel, revoked(channel)
	case !invitation.Expires.After(s.now()):
		return invitation, channel, expired(channel)
	}
	return invitation, channel, nil
}

func noInvitation() error { return Errorf(NotFound, "There is no such invitation.") }

func revoked(channel Channel) error {
	return Errorf(Revoked, "%s has revoked this invitation. Ask for a new one.", channel.Name)
}

func expired(channel Channel) error {
	return Errorf(Expired, "This invitation by %s has expired. Ask for a new one.", channel.Name)
}

// AcceptInvitation lets an account in as a guest. Denied when it is for somebody else. The channel is returned with every refusal that knows it.
func (s *Service) AcceptInvitation(ctx context.Context, account AccountID, code stage.Secret) (Channel, error) {
	invitation, channel, err := s.Invitation(ctx, code)
	if err != nil {
		return channel, err
	}
	if account == channel.Owner {
		return channel, nil // the host needs none
	}
	guest, err := s.store.Account(ctx, account)
	if CodeOf(err) == NotFound {
		return channel, Errorf(Denied, "Log in to accept this invitation.")
	}
	if err != nil {
		return channel, fmt.Errorf("accept invitation: %w", err)
	}
	if invitation.For != "" && invitation.For != guest.Name {
		return channel, Errorf(Denied, "This invitation is for %s.", invitation.For)
	}
	err = s.store.Accept(ctx, invitation.ID, account, s.now(), maxAccepted)
	switch CodeOf(err) {
	case "":
		return channel, nil
	case Revoked:
		return channel, revoked(channel)
	case Expired:
		return channel, expired(channel)
	case Denied:
		return channel, Errorf(Denied, "%s has removed you from the stage. To return you need a new invitation.", channel.Name)
	case Limited:
		return channel, Errorf(Limited, "This invitation was used by %d people already. Ask %s for another one.", maxAccepted, channel.Name)
	}
	return channel, fmt.Errorf("accept invitation: %w", err)
}
