package site

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"streamcat/stage"
)

// maxBroadcasts is how many past broadcasts a channel shows.
const maxBroadcasts = 20

// Broadcasts lists the last broadcasts of the channel with this id, newest first, at most 20.
func (s *Service) Broadcasts(ctx context.Context, channel string) ([]Broadcast, error) {
	broadcasts, err := s.store.Broadcasts(ctx, channel, maxBroadcasts)
	if err != nil {
		return nil, fmt.Errorf("list broadcasts of %s: %w", channel, err)
	}
	return broadcasts, nil
}

// StageLiveChanged is told by the stage service; it opens and closes broadcasts. Being told twice, late, or not at all about the end
// of the one before leaves at most one open broadcast a channel. Stages that are not the site's are ignored.
func (s *Service) StageLiveChanged(ctx context.Context, id stage.ID, live bool, at time.Time) {
	if err := s.stageLiveChanged(ctx, id, live, at); err != nil {
		// The caller has nothing to do about it: the stage is live, or not, whatever the list of broadcasts says.
		s.log.ErrorContext(ctx, "broadcast not recorded", slog.String("stage", string(id)), slog.Bool("live", live), slog.Any("error", err))
	}
}

func (s *Service) stageLiveChanged(ctx context.Context, id stage.ID, live bool, at time.Time) error {
	channel, err := s.store.ChannelOfStage(ctx, id)
	if CodeOf(err) == NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if !live {
		return s.store.CloseBroadcast(ctx, channel.ID, at)
	}
	return s.store.OpenBroadcast(ctx, Broadcast{ID: newID(), Channel: channel.ID, Title: channel.Title, Started: at})
}

// Recover brings the list of broadcasts in line with what the stages say. It is for the start of the program: a crash between the
// stage's change and StageLiveChanged would leave a broadcast open for ever, or one that is not listed.
func (s *Service) Recover(ctx context.Context) error {
	open, err := s.store.OpenBroadcasts(ctx)
	if err != nil {
		return fmt.Errorf("recover broadcasts: %w", err)
	}
	live, err := s.store.LiveChannels(ctx, maxRecovered)
	if err != nil {
		return fmt.Errorf("recover broadcasts: %w", err)
	}
	since := make(map[string]time.Time, len(live))
	for _, channel := range live {
		since[channel.ID] = channel.LiveSince
		if err := s.stageLiveChanged(ctx, channel.Stage, true, channel.LiveSince); err != nil {
			return fmt.Errorf("recover broadcast of %s: %w", channel.Name, err)
		}
	}
	for _, b := range open {
		if _, live := since[b.Channel]; live {
			continue
		}
		if err := s.store.CloseBroadcast(ctx, b.Channel, s.now()); err != nil {
			return fmt.Errorf("recover broadcast of %s: %w", b.Channel, err)
		}
	}
	return nil
}

// maxRecovered is more than one server can have live.
const maxRecovered = 100_000
