package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// idleFor is how long the server is watched doing nothing, to know what it uses for that.
	idleFor = time.Second
	// afterRamp is waited before the server's CPU is read again, for what joining leaves to be done.
	afterRamp = 300 * time.Millisecond
	// pictureTimeout is how long a probe waits for its first keyframe.
	pictureTimeout = 10 * time.Second
)

// ramp lets the audience grow by n viewers, and says how that went. It ends early when ctx does.
func (t *test) ramp(ctx context.Context, n int) (*Join, error) {
	j := &Join{Method: "hosts paused: the CPU of joining is the server's in the ramp, less what it uses idle"}
	idle := 0.0
	if t.config.BusyRamp {
		j.Method = "hosts sending: the CPU of joining is not told apart"
	} else {
		t.pause(true)
		if t.config.PID != 0 {
			before, err := usageOf(t.config.PID)
			if err != nil {
				return nil, err
			}
			begin := time.Now()
			if !sleep(ctx, idleFor) {
				return j, ctx.Err()
			}
			after, err := usageOf(t.config.PID)
			if err != nil {
				return nil, err
			}
			idle = (after.cpu - before.cpu).Seconds() / time.Since(begin).Seconds()
		}
	}
	var before usage
	if t.config.PID != 0 {
		var err error
		if before, err = usageOf(t.config.PID); err != nil {
			return nil, err
		}
	}
	throttled, own, begin := t.throttled.Load(), ownCPU(), time.Now()
	joined := t.joinMany(ctx, n, j)
	took := time.Since(begin)
	j.OwnCores = round((ownCPU() - own).Seconds() / took.Seconds())
	j.Throttled = int(t.throttled.Load() - throttled)
	j.Joined = len(joined)
	j.PerSecond = round(float64(len(joined)) / took.Seconds())
	if t.config.PID != 0 && !t.config.BusyRamp && len(joined) > 0 {
		sleep(ctx, afterRamp)
		after, err := usageOf(t.config.PID)
		if err != nil {
			return j, err
		}
		cost := round(((after.cpu - before.cpu).Seconds() - idle*time.Since(begin).Seconds()) * 1000 / float64(len(joined)))
		j.ServerCPUMs = &cost
	}
	if !t.config.BusyRamp {
		t.pause(false)
	} else if t.config.video() {
		waitFor(ctx, pictureTimeout, func() bool { return t.pictured(joined) == len(joined) })
		t.measureJoins(joined, j, true)
		return j, ctx.Err()
	}
	t.measureJoins(joined, j, false)
	return j, ctx.Err()
}

// joinMany joins n viewers, several at a time.
func (t *test) joinMany(ctx context.Context, n int, j *Join) (joined []*viewer) {
	var mu sync.Mutex
	var work sync.WaitGroup
	numbers := make(chan int)
	for range min(t.config.Joining, n) {
		work.Go(func() {
			for number := range numbers {
				v, err := t.joinOne(ctx, number)
				mu.Lock()
				if err == nil {
					joined = append(joined, v)
				} else if ctx.Err() == nil {
					j.Failed++
					if len(j.Errors) < maxErrors {
						j.Errors = append(j.Errors, err.Error())
					}
				}
				mu.Unlock()
			}
		})
	}
	var interval time.Duration
	if t.config.JoinRate > 0 {
		interval = time.Duration(float64(time.Second) / t.config.JoinRate)
	}
	begin := time.Now()
	for number := range n {
		if interval > 0 && !sleep(ctx, time.Until(begin.Add(time.Duration(number)*interval))) || ctx.Err() != nil {
			break
		}
		mu.Lock()
		hopeless := j.Failed >= 10 && j.Failed > len(joined)
		mu.Unlock()
		if hopeless {
			break
		}
		numbers <- number
	}
	close(numbers)
	work.Wait()
	return joined
}

func (t *test) joinOne(ctx context.Context, number int) (*viewer, error) {
	token, err := t.token()
	if err != nil {
		return nil, err
	}
	v, err := t.join(ctx, token, number)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.tokens = append([]string{token}, t.tokens...) // to be tried last
		return nil, err
	}
	t.audience = append(t.audience, v)
	return v, nil
}

// pictured counts the viewers that have a picture.
func (t *test) pictured(viewers []*viewer) (n int) {
	t.read(viewers, func(v *viewer) {
		if v.pictured != 0 {
			n++
		}
	})
	return n
}

// read calls a function with each viewer, in the loop of the viewer, one loop after the other.
func (t *test) read(viewers []*viewer, f func(*viewer)) {
	for _, l := range t.pool.Loops() {
		l.Call(func() {
			for _, v := range viewers {
				if v.conn.Loop() == l {
					f(v)
				}
			}
		})
	}
}

// measureJoins fills in how long joining took.
func (t *test) measureJoins(joined []*viewer, j *Join, pictures bool) {
	var answers, handshakes, keyframes []time.Duration
	t.read(joined, func(v *viewer) {
		at := v.conn.Timing()
		answers = append(answers, at.Answered.Sub(at.Offered))
		handshakes = append(handshakes, at.Connected.Sub(at.Offered))
		if v.pictured != 0 {
			keyframes = append(keyframes, max(0, time.Duration(v.pictured-v.connected)))
		}
	})
	j.OfferToAnswerMs, j.OfferToDTLSMs = quantilesOf(answers), quantilesOf(handshakes)
	if pictures {
		q := quantilesOf(keyframes)
		j.FirstKeyframeMs = &q
	}
}

// probe lets viewers join one after the other, each leaving before the next comes.
func (t *test) probe(ctx context.Context) (*Join, error) {
	j := &Join{Method: "one after the other, with the audience there and the hosts sending"}
	var probes []*viewer
	throttled, own, begin := t.throttled.Load(), ownCPU(), time.Now()
	for number := range t.config.Probes {
		v, err := t.joinOne(ctx, number)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			j.Failed++
			if len(j.Errors) < maxErrors {
				j.Errors = append(j.Errors, err.Error())
			}
			continue
		}
		if t.config.video() && !waitFor(ctx, pictureTimeout, func() bool { return t.pictured([]*viewer{v}) == 1 }) {
			j.Failed++
			if len(j.Errors) < maxErrors && ctx.Err() == nil {
				j.Errors = append(j.Errors, fmt.Sprintf("no complete keyframe within %v", pictureTimeout))
			}
		}
		probes = append(probes, v)
		t.leave(ctx, []*viewer{v})
		// Not in step with the keyframes.
		if !sleep(ctx, 50*time.Millisecond+rand.N(200*time.Millisecond)) {
			break
		}
	}
	took := time.Since(begin)
	j.Joined, j.Throttled = len(probes), int(t.throttled.Load()-throttled)
	j.PerSecond, j.OwnCores = round(float64(len(probes))/took.Seconds()), round((ownCPU()-own).Seconds()/took.Seconds())
	t.measureJoins(probes, j, t.config.video())
	if len(probes) == 0 && ctx.Err() == nil && t.config.Probes > 0 {
		return j, errors.New("no probe could join")
	}
	return j, ctx.Err()
}

// pause stops all hosts from sending, or lets them go on.
func (t *test) pause(pause bool) {
	for _, h := range t.hosts {
		h.pause(pause)
	}
}

// sleep waits; false when ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// waitFor waits until something is so; false when it is not after a time.
func waitFor(ctx context.Context, patience time.Duration, done func() bool) bool {
	for begin := time.Now(); time.Since(begin) < patience; {
		if done() {
			return true
		}
		if !sleep(ctx, 5*time.Millisecond) {
			return false
		}
	}
	return done()
}
