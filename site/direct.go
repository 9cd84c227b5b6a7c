package site

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"streamcat/stage"
)

// maxReason is how long the sentence may be that a removed participant reads, in characters.
const maxReason = 128

// SetLive begins or ends the broadcast of the account's own channel. Going live needs at least one publisher on the stage (Conflict otherwise).
func (s *Service) SetLive(ctx context.Context, account AccountID, live bool) error {
	channel, err := s.ownChannel(ctx, account)
	if err != nil {
		return err
	}
	if live {
		snapshot, err := s.stages.Snapshot(ctx, channel.Stage)
		if err != nil {
			return stageRefusal(err, "look at stage of "+channel.Name)
		}
		if !slices.ContainsFunc(snapshot.Publishers, func(p stage.Publisher) bool { return p.Publishing }) {
			return Errorf(Conflict, "Nobody is on the stage yet. Enter the studio with a camera or a microphone, then go live.")
		}
	}
	return stageRefusal(s.stages.SetLive(ctx, channel.Stage, live), "set live of "+channel.Name)
}

// SetOnAir puts a participant of the account's own stage on air or backstage.
func (s *Service) SetOnAir(ctx context.Context, account AccountID, participant stage.ParticipantID, onAir bool) error {
	channel, err := s.ownChannel(ctx, account)
	if err != nil {
		return err
	}
	// The stage service remembers whoever it is told of; only those who are there, or could come, are worth remembering.
	if _, _, err := s.holder(ctx, channel, participant); err != nil {
		return err
	}
	return stageRefusal(s.stages.SetOnAir(ctx, channel.Stage, participant, onAir), "set on air on stage of "+channel.Name)
}

func noParticipant() error { return Errorf(NotFound, "This participant is not on your stage.") }

// couldBeID keeps what no id looks like away from the store.
func couldBeID(id string) bool {
	return id != "" && len(id) <= 64 && strings.IndexFunc(id, func(r rune) bool { return r > utf8.RuneSelf || !nameCharacter(byte(r)) }) < 0
}

// RemoveParticipant sends a participant off the account's own stage, ends its token (and its screen share) and the
// invitation's use for that guest: a new invitation is needed to return. The host itself cannot be removed. Of a screen share only
// the share ends: its guest stays.
func (s *Service) RemoveParticipant(ctx context.Context, account AccountID, participant stage.ParticipantID, reason string) error {
	channel, err := s.ownChannel(ctx, account)
	if err != nil {
		return err
	}
	reason = strings.TrimSpace(reason)
	if err := checkText("reason", reason, maxReason); err != nil {
		return err
	}
	holder, snapshot, err := s.holder(ctx, channel, participant)
	if err != nil {
		return err
	}
	if reason == "" && holder.Screen {
		reason = channel.Name + " has ended your screen share." // the person stays
	} else if reason == "" {
		reason = channel.Name + " has removed you from the stage."
	}
	switch {
	case holder.Screen:
		return s.disconnect(ctx, channel, participant, reason)
	case holder.Account == account:
		return Errorf(Denied, "The host cannot be removed. Leave the studio instead.")
	case holder.Account == "":
		return s.disconnect(ctx, channel, participant, reason)
	}
	return s.removeGuest(ctx, channel, holder.Account, participant, snapshot, reason)
}

// holder says whose a participant is: by the tokens that the site keeps, else by what the stage shows, for a client that is connected with a
// token from before. The zero Holder is a participant that the site knows nothing of, such as one of the control plane.
func (s *Service) holder(ctx context.Context, channel Channel, participant stage.ParticipantID) (Holder, *stage.Snapshot, error) {
	if !couldBeID(string(participant)) {
		return Holder{}, nil, noParticipant()
	}
	snapshot, err := s.stages.Snapshot(ctx, channel.Stage)
	if err != nil {
		return Holder{}, nil, stageRefusal(err, "look at stage of "+channel.Name)
	}
	holder, err := s.store.Holder(ctx, channel.Stage, participant)
	if CodeOf(err) != NotFound {
		return holder, snapshot, err
	}
	i := slices.IndexFunc(snapshot.Publishers, func(p stage.Publisher) bool { return p.ID == participant })
	if i < 0 {
		return Holder{}, nil, noParticipant()
	}
	shown := snapshot.Publishers[i]
	known, err := s.store.Account(ctx, AccountID(shown.UserID))
	switch CodeOf(err) {
	case "":
		return Holder{Account: known.ID, Screen: shown.Attributes[attributeRole] == roleScreen}, snapshot, nil
	case NotFound:
		return Holder{}, snapshot, nil
	}
	return Holder{}, nil, fmt.Errorf("look up participant %s: %w", participant, err)
}

// removeGuest ends the guest's right first and collects the tokens after it, so that none is made in between; see the package comment.
func (s *Service) removeGuest(ctx context.Context, channel Channel, guest AccountID, participant stage.ParticipantID, snapshot *stage.Snapshot, reason string) error {
	if err := s.store.BarGuest(ctx, channel.ID, guest, s.now()); err != nil {
		return fmt.Errorf("bar guest: %w", err)
	}
	others := []stage.ParticipantID{participant}
	for _, p := range snapshot.Publishers {
		if p.UserID == string(guest) {
			others = append(others, p.ID)
		}
	}
	return s.endTokens(ctx, channel, guest, others, reason)
}

// endTokens ends every token of a guest on the stage of a channel, and the other participants that are given. It is finished even when
// the request that asked for it is not waited for: half removed is worse than either.
func (s *Service) endTokens(ctx context.Context, channel Channel, guest AccountID, others []stage.ParticipantID, reason string) error {
	ctx = context.WithoutCancel(ctx)
	participants, err := s.store.TokensOf(ctx, guest, channel.Stage)
	if err != nil {
		return fmt.Errorf("find tokens of %s: %w", guest, err)
	}
	participants = append(participants, others...)
	slices.Sort(participants)
	var errs []error
	for _, p := range slices.Compact(participants) {
		errs = append(errs, s.disconnect(ctx, channel, p, reason))
	}
	return errors.Join(errs...)
}

// disconnect ends a participant's token and then forgets it, so that doing it again after a fault finds what is left. One that is gone
// already is fine.
func (s *Service) disconnect(ctx context.Context, channel Channel, participant stage.ParticipantID, reason string) error {
	doing := "disconnect participant " + string(participant)
	err := stageRefusal(s.stages.DisconnectParticipant(ctx, channel.Stage, participant, reason), doing)
	if err != nil && CodeOf(err) != NotFound {
		return err
	}
	if err := s.store.ForgetToken(ctx, channel.Stage, participant); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
