package site

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"streamcat/stage"
)

const (
	maxTitle       = 140  // characters
	maxDescription = 1000 // characters
	// maxLiveListed is how many channels the home page shows.
	maxLiveListed = 60
	// maxLiveAsked bounds how many stages are asked for their viewers to find those.
	maxLiveAsked = 500
)

// Channel returns a channel by its owner's name, in any case; NotFound when there is none.
func (s *Service) Channel(ctx context.Context, name string) (Channel, error) {
	if !couldBeName(name) {
		return Channel{}, noChannel()
	}
	channel, err := s.store.Channel(ctx, name)
	if CodeOf(err) == NotFound {
		return Channel{}, noChannel()
	}
	if err != nil {
		return Channel{}, fmt.Errorf("look up channel %s: %w", name, err)
	}
	return channel, nil
}

func noChannel() error { return Errorf(NotFound, "There is no channel of this name.") }

// ownChannel returns the channel of the account that asks.
func (s *Service) ownChannel(ctx context.Context, account AccountID) (Channel, error) {
	channel, err := s.store.ChannelOf(ctx, account)
	if CodeOf(err) == NotFound {
		return Channel{}, Errorf(Denied, "Only an account with a channel can do this.")
	}
	if err != nil {
		return Channel{}, fmt.Errorf("look up channel of %s: %w", account, err)
	}
	return channel, nil
}

// LiveChannel is a channel on the home page.
type LiveChannel struct {
	Channel
	Viewers int
	Hosts   []string // names of those on air, in order
}

// LiveChannels lists who is live, most viewers first, at most 60.
func (s *Service) LiveChannels(ctx context.Context) ([]LiveChannel, error) {
	channels, err := s.store.LiveChannels(ctx, maxLiveAsked)
	if err != nil {
		return nil, fmt.Errorf("list live channels: %w", err)
	}
	live := make([]LiveChannel, 0, len(channels))
	for _, channel := range channels {
		snapshot, err := s.stages.Snapshot(ctx, channel.Stage)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("list live channels: %w", ctx.Err())
		}
		if err != nil {
			// One stage in trouble must not empty the home page.
			s.log.WarnContext(ctx, "live channel left out", slog.String("channel", channel.Name), slog.Any("error", err))
			continue
		}
		if snapshot.Live() {
			live = append(live, LiveChannel{Channel: channel, Viewers: snapshot.Viewers, Hosts: onAir(snapshot)})
		}
	}
	slices.SortStableFunc(live, func(a, b LiveChannel) int { return cmp.Compare(b.Viewers, a.Viewers) })
	return live[:min(len(live), maxLiveListed)], nil
}

// onAir names the people whom the audience sees, each once, in the order they joined.
func onAir(snapshot *stage.Snapshot) []string {
	var names []string
	for _, p := range snapshot.Publishers {
		name := p.Attributes[attributeName]
		if p.OnAir && p.Publishing && name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// UpdateChannel sets title and description of the account's own channel.
func (s *Service) UpdateChannel(ctx context.Context, account AccountID, title, description string) error {
	channel, err := s.ownChannel(ctx, account)
	if err != nil {
		return err
	}
	title = strings.TrimSpace(title)
	description = strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\t", " ").Replace(description)) // as forms send lines
	if err := checkText("title", title, maxTitle); err != nil {
		return err
	}
	if err := checkText("description", strings.ReplaceAll(description, "\n", " "), maxDescription); err != nil {
		return err
	}
	if err := s.store.SetChannelText(ctx, channel.ID, title, description); err != nil {
		return fmt.Errorf("update channel %s: %w", channel.Name, err)
	}
	return nil
}

// checkText refuses what cannot be shown as a line of text: control characters, directions that would leak into what stands
// beside it, and what is not text at all.
func checkText(field, text string, limit int) error {
	if utf8.RuneCountInString(text) > limit {
		return Errorf(Invalid, "The %s has at most %d characters.", field, limit).On(field)
	}
	for _, r := range text {
		if r == utf8.RuneError || unicode.IsControl(r) || '\u202A' <= r && r <= '\u202E' || '\u2066' <= r && r <= '\u2069' {
			return Errorf(Invalid, "The %s holds characters that cannot be shown.", field).On(field)
		}
	}
	return nil
}
