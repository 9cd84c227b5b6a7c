package stage

import (
	"context"
	"time"
)

const (
	// historyKept is how long the store keeps what has happened: an audience leaves some five rows a head each time.
	historyKept = 90 * 24 * time.Hour
	// sweepEvery is how often what is too old is looked for.
	sweepEvery = 24 * time.Hour
)

// sweep drops from the store what no longer matters, at once and then every day, until ctx ends.
func (s *Service) sweep(ctx context.Context) {
	days := time.NewTicker(sweepEvery)
	defer days.Stop()
	for {
		now := time.Now()
		err := s.config.Store.ForgetTokens(ctx, now.Add(-maxTokenDuration))
		if err == nil {
			err = s.config.Store.ForgetHistory(ctx, now.Add(-historyKept))
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.config.Log.Error("what is too old could not be dropped", "error", err)
		}
		select {
		case <-days.C:
		case <-ctx.Done():
			return
		}
	}
}
