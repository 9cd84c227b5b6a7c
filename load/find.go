package load

import (
	"context"
	"fmt"
	"time"
)

const (
	firstTrial = 25
	maxTrials  = 24
	// fine is how close a search comes to the limit, as a share of what was found.
	fine = 0.05
	// tooBusy is how much of its processors this program may use for its measurements to be believed.
	tooBusy = 0.85
)

// find searches the largest audience that the server carries: it doubles until one is too large, and then halves the distance.
func (t *test) find(ctx context.Context) (*Find, error) {
	f := &Find{MaxLossPercent: round(100 * t.config.MaxLoss), MaxLatencyMs: ms(t.config.MaxLatency)}
	good, bad := 0, t.config.Viewers+1
	n := min(firstTrial, t.config.Viewers)
	for range maxTrials {
		trial, err := t.try(ctx, n)
		if err != nil {
			return f, err
		}
		f.Trials = append(f.Trials, trial)
		if trial.Good {
			good = n
			f.Largest = good
		} else {
			bad = n
			f.LimitedBy = trial.Reason
		}
		switch {
		case good == t.config.Viewers:
			f.LimitedBy = fmt.Sprintf("the search: no more than %d were asked for", good)
			return f, nil
		case bad-good <= max(1, int(fine*float64(good))):
			return f, nil
		case bad > t.config.Viewers:
			n = min(2*good, t.config.Viewers)
		default:
			n = (good + bad) / 2
		}
	}
	f.LimitedBy += "; the search ended after " + fmt.Sprint(maxTrials) + " trials"
	return f, nil
}

// try brings the audience to a size and measures.
func (t *test) try(ctx context.Context, n int) (Trial, error) {
	trial := Trial{Viewers: n}
	audience := t.audienceNow()
	if len(audience) > n {
		t.leave(ctx, audience[n:])
	}
	// Those that have gone by themselves make room for others.
	t.bury(ctx)
	if missing := n - len(t.audienceNow()); missing > 0 {
		var j Join
		t.joinMany(ctx, missing, &j)
		if ctx.Err() != nil {
			return trial, ctx.Err()
		}
		if j.Failed > 0 {
			trial.Reason = fmt.Sprintf("%d of %d could not join: %s", j.Failed, missing, j.Errors[0])
			return trial, nil
		}
	}
	if !sleep(ctx, t.config.Settle) {
		return trial, ctx.Err()
	}
	w, ok, err := t.window(ctx, t.config.Window)
	if err != nil || !ok {
		return trial, firstOf(err, ctx.Err())
	}
	trial.Window = w
	trial.Reason = t.judge(&w)
	trial.Good = trial.Reason == ""
	return trial, ctx.Err()
}

// judge says why a window is not good; nothing when it is.
func (t *test) judge(w *Window) string {
	limit := t.config.MaxLatency
	switch {
	case w.Dropped > 0 || w.OwnCores > tooBusy*float64(t.processors()):
		return fmt.Sprintf("this program: it used %.2f of its %d processors and did not fetch %d packets in time; give it more, or test from another machine", w.OwnCores, t.processors(), w.Dropped)
	case w.Stalled > 0:
		return fmt.Sprintf("%d viewers got nothing for a second", w.Stalled)
	case w.LossPercent > 100*t.config.MaxLoss:
		return fmt.Sprintf("loss of %.3g %%", w.LossPercent)
	case limit > 0 && time.Duration(w.LatencyMs.P99*float64(time.Millisecond)) > limit:
		return fmt.Sprintf("99th percentile of latency %.3g ms", w.LatencyMs.P99)
	case w.PacketsPerSecond == 0:
		return "nothing arrived"
	}
	return ""
}

// bury removes the viewers whose connection has ended.
func (t *test) bury(ctx context.Context) {
	var gone []*viewer
	for _, v := range t.audienceNow() {
		if v.gone.Load() {
			gone = append(gone, v)
		}
	}
	t.leave(ctx, gone)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
