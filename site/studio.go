package site

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"streamcat/stage"
)

const (
	// tokenLifetime is how long a participant token lives; a guest's no longer than the invitation.
	tokenLifetime = 12 * time.Hour
	// minTokenLifetime is the least that the stage service signs.
	minTokenLifetime = time.Minute
	// tokenReserve is how long a stored token has to live at least to be handed out again: enough to connect with it.
	tokenReserve = 10 * time.Second
)

// The attributes of the site's participants. Everybody on the stage can read them.
const (
	attributeName = "name" // of the account
	attributeRole = "role" // host, guest, screen or viewer
	attributeOf   = "of"   // of a screen: the participant that shares it
)

// The roles of tokens that no account has in a studio.
const (
	roleScreen = "screen"
	roleViewer = "viewer"
)

// Studio returns the account's way into NAME's studio: the stored token while it has more than ten seconds to live and was not
// used up, else a new one, stored. Denied for accounts that are neither host nor invited; when their invitation has expired or was
// revoked, the message says so.
func (s *Service) Studio(ctx context.Context, account AccountID, name string) (Entry, error) {
	channel, err := s.Channel(ctx, name)
	if err != nil {
		return Entry{}, err
	}
	role, lifetime, err := s.admit(ctx, account, channel)
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{Role: role, Channel: channel}
	entry.Token, err = s.store.StudioToken(ctx, account, channel.Stage)
	replaced := entry.Token.Participant
	switch CodeOf(err) {
	case "":
		usable, err := s.usable(ctx, entry.Token)
		if err != nil {
			return Entry{}, err
		}
		if usable {
			entry.InUse, err = s.stages.Connected(ctx, channel.Stage, entry.Token.Participant)
			return entry, stageRefusal(err, "enter studio of "+channel.Name)
		}
	case NotFound:
	default:
		return Entry{}, fmt.Errorf("enter studio of %s: %w", channel.Name, err)
	}
	if entry.Token, err = s.newStudioToken(ctx, account, channel, role, lifetime, replaced); err != nil {
		return Entry{}, err
	}
	return entry, nil
}

// admit says what an account is in a studio and how long a token of it may live.
func (s *Service) admit(ctx context.Context, account AccountID, channel Channel) (Role, time.Duration, error) {
	if account != "" && account == channel.Owner {
		return Host, tokenLifetime, nil
	}
	accepted, err := s.store.Acceptances(ctx, channel.ID, account)
	if err != nil {
		return "", 0, fmt.Errorf("look up invitations of %s to %s: %w", account, channel.Name, err)
	}
	now := s.now()
	var until time.Time
	for _, a := range accepted {
		if !a.Revoked && !a.Removed && a.Expires.After(now) && a.Expires.After(until) {
			until = a.Expires
		}
	}
	switch {
	case !until.IsZero():
		return Guest, max(minTokenLifetime, min(tokenLifetime, until.Sub(now))), nil
	case len(accepted) == 0:
		return "", 0, Errorf(Denied, "Only %s and invited guests can enter this studio.", channel.Name)
	case accepted[0].Removed:
		return "", 0, Errorf(Denied, "%s has removed you from the stage. To return you need a new invitation.", channel.Name)
	case accepted[0].Revoked:
		return "", 0, Errorf(Denied, "%s has revoked your invitation.", channel.Name)
	}
	return "", 0, Errorf(Denied, "Your invitation by %s has expired.", channel.Name)
}

// usable says whether a stored token still opens the door.
func (s *Service) usable(ctx context.Context, token stage.Token) (bool, error) {
	if token.Expires.Sub(s.now()) <= tokenReserve {
		return false, nil
	}
	revoked, err := s.stages.Revoked(ctx, token.Stage, token.Participant)
	if err != nil {
		return false, stageRefusal(err, "look up token")
	}
	return !revoked, nil
}

// newStudioToken signs a token and keeps it in place of the one of the participant replaced. When two requests do so at once, both get
// the token that was kept first; the other was never handed out.
func (s *Service) newStudioToken(ctx context.Context, account AccountID, channel Channel, role Role, lifetime time.Duration, replaced stage.ParticipantID) (stage.Token, error) {
	owner, err := s.store.Account(ctx, account)
	if err != nil {
		return stage.Token{}, fmt.Errorf("make token for %s: %w", account, err)
	}
	token, err := s.stages.CreateParticipantToken(ctx, channel.Stage, stage.TokenRequest{
		UserID:       string(account),
		Attributes:   map[string]string{attributeName: owner.Name, attributeRole: string(role)},
		Capabilities: stage.Capabilities{Publish: true, Subscribe: true},
		Duration:     lifetime,
	})
	if err != nil {
		return stage.Token{}, stageRefusal(err, "make token for "+owner.Name)
	}
	if token, err = s.store.ReplaceStudioToken(ctx, account, replaced, token); err != nil {
		return stage.Token{}, fmt.Errorf("keep token of %s: %w", owner.Name, err)
	}
	if err := s.stillAdmitted(ctx, account, channel, token.Participant); err != nil {
		return stage.Token{}, err
	}
	return token, nil
}

// stillAdmitted looks again after a token was kept. Whoever ends the right to be here does it before collecting the tokens, so one
// of the two sees the other; see the package comment.
func (s *Service) stillAdmitted(ctx context.Context, account AccountID, channel Channel, participant stage.ParticipantID) error {
	_, _, err := s.admit(ctx, account, channel)
	if err == nil {
		return nil
	}
	return errors.Join(err, s.disconnect(context.WithoutCancel(ctx), channel, participant, "You are not invited any more."))
}

// ScreenToken returns a second token for sharing a screen in a studio the account may enter; its attributes mark it as featured. It
// takes the place of the account's screen share before, if there is one.
func (s *Service) ScreenToken(ctx context.Context, account AccountID, name string) (stage.Token, error) {
	entry, err := s.Studio(ctx, account, name)
	if err != nil {
		return stage.Token{}, err
	}
	channel, now := entry.Channel, s.now()
	token, err := s.stages.CreateParticipantToken(ctx, channel.Stage, stage.TokenRequest{
		UserID: string(account),
		Attributes: map[string]string{
			attributeName:           entry.Token.Attributes[attributeName],
			attributeRole:           roleScreen,
			stage.FeaturedAttribute: "true",
			attributeOf:             string(entry.Token.Participant),
		},
		Capabilities: stage.Capabilities{Publish: true, Subscribe: true},
		Duration:     max(minTokenLifetime, entry.Token.Expires.Sub(now)),
	})
	if err != nil {
		return stage.Token{}, stageRefusal(err, "make screen token")
	}
	others, err := s.store.PutScreen(ctx, Screen{
		Participant: token.Participant, Account: account, Stage: channel.Stage, Created: now, Expires: token.Expires,
	})
	if err != nil {
		return stage.Token{}, fmt.Errorf("keep screen token: %w", err)
	}
	for _, participant := range others {
		if err := s.disconnect(ctx, channel, participant, "Another screen is shared instead."); err != nil {
			return stage.Token{}, err
		}
	}
	if err := s.stillAdmitted(ctx, account, channel, token.Participant); err != nil {
		return stage.Token{}, err
	}
	return token, nil
}

// ViewerToken returns a token that can only subscribe. account may be "" for a visitor without one.
func (s *Service) ViewerToken(ctx context.Context, account AccountID, name string) (stage.Token, error) {
	channel, err := s.Channel(ctx, name)
	if err != nil {
		return stage.Token{}, err
	}
	user := string(account)
	if user == "" {
		user = "visitor-" + strings.ToLower(rand.Text())
	}
	token, err := s.stages.CreateParticipantToken(ctx, channel.Stage, stage.TokenRequest{
		UserID:       user,
		Attributes:   map[string]string{attributeRole: roleViewer},
		Capabilities: stage.Capabilities{Subscribe: true},
		Duration:     tokenLifetime,
	})
	return token, stageRefusal(err, "make viewer token")
}
