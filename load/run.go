package load

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// hostsFirst is how long hosts send before anybody joins.
const hostsFirst = time.Second

// Run does a test. When it fails, or ctx ends, the report holds what was measured until then; it is nil when there was nothing to begin with.
func Run(ctx context.Context, config Config) (*Report, error) {
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("load test: %w", err)
	}
	loops := max(1, config.Loops)
	if len(config.CPUs) > 0 {
		// Loops wait in system calls: the runtime shall have a turn for others meanwhile.
		if err := pin(config.CPUs, loops); err != nil {
			return nil, fmt.Errorf("load test: %w", err)
		}
	}
	limited, cancel := context.WithTimeout(ctx, config.Duration)
	defer cancel()
	t, err := newTest(limited, config)
	if err != nil {
		return nil, fmt.Errorf("load test: %w", err)
	}
	t.describe(loops)
	playing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	shown := t.show(playing)
	err = t.course(limited, playing)
	t.conclude()
	switch {
	case err == nil:
		t.report.Ended = "done"
	case ctx.Err() != nil:
		t.report.Ended, err = "interrupted", nil
	case limited.Err() != nil && errors.Is(err, context.DeadlineExceeded):
		t.report.Ended, err = "out of time", nil
	default:
		t.report.Ended = err.Error()
		err = fmt.Errorf("load test: %w", err)
	}
	closing := t.close(stop)
	<-shown
	return t.report, errors.Join(err, closing)
}

// course is what happens, in order.
func (t *test) course(ctx, playing context.Context) error {
	if err := t.publish(ctx, playing); err != nil {
		return err
	}
	if len(t.hosts) > 0 && !sleep(ctx, hostsFirst) {
		return ctx.Err()
	}
	idle, err := t.resident()
	if err != nil {
		return err
	}
	if t.config.Find {
		t.report.Find, err = t.find(ctx)
	} else {
		err = t.measure(ctx)
	}
	if t.config.PID != 0 && idle > 0 {
		if loaded, rssErr := t.resident(); rssErr == nil {
			m := &Memory{IdleKB: idle, LoadedKB: loaded}
			if n := len(t.audienceNow()); n > 0 {
				m.PerViewerKB = round((loaded - idle) / float64(n))
			}
			t.report.Memory = m
		}
	}
	if err != nil || t.config.Find || t.config.Probes == 0 {
		return err
	}
	t.report.Probes, err = t.probe(ctx)
	return err
}

// measure fills the house and measures.
func (t *test) measure(ctx context.Context) (err error) {
	t.report.Join, err = t.ramp(ctx, t.config.Viewers)
	if err != nil {
		return err
	}
	if t.report.Join.Joined == 0 {
		if len(t.report.Join.Errors) > 0 {
			return fmt.Errorf("nobody could join: %s", t.report.Join.Errors[0])
		}
		return errors.New("nobody could join")
	}
	t.transport.CloseIdleConnections() // what they hold is not the price of a viewer
	if !sleep(ctx, t.config.Settle) {
		return ctx.Err()
	}
	for range t.config.Windows {
		w, ok, err := t.window(ctx, t.config.Window)
		if err != nil {
			return err
		}
		if ok {
			t.report.Windows = append(t.report.Windows, w)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// resident is what the server holds, in kilobytes.
func (t *test) resident() (float64, error) {
	if t.config.PID == 0 {
		return 0, nil
	}
	u, err := usageOf(t.config.PID)
	return float64(u.rss / 1024), err
}

// processors is how many this program may use.
func (t *test) processors() int {
	if n := len(t.config.CPUs); n > 0 {
		return n
	}
	return runtime.NumCPU()
}

// describe writes down what is tested.
func (t *test) describe(loops int) {
	c, r := &t.config, t.report
	r.Server.PID, r.Server.CPUs = c.PID, c.ServerCPUs
	r.Machine = Machine{Processors: runtime.NumCPU(), LoadCPUs: c.CPUs, Loops: loops, RestMicros: c.Rest.Microseconds()}
	r.Stream = Stream{Hosts: c.Hosts, Viewers: c.Viewers, Codec: c.Codec, Feedback: c.Feedback, Simulcast: c.Simulcast, Events: c.Events, Clip: c.Clip != nil}
	if c.WHEP == "" && !c.PerPublisher {
		r.Stream.Slots = c.Slots
	}
	if c.video() {
		r.Stream.FPS = c.FPS
		if c.Clip == nil {
			r.Stream.Size, r.Stream.VideoKbps = c.Size.String(), c.VideoBits/1000
		}
	}
	if c.Audio {
		r.Stream.AudioKbps = c.AudioBits / 1000
	}
}

// conclude sums up and warns.
func (t *test) conclude() {
	r := t.report
	r.Summary = summarize(r.Windows)
	r.Keyframe.Asked, r.Keyframe.Extra = t.keyframes()
	for i, l := range t.pool.Loops() {
		l.Call(func() { r.Keyframe.Wanted += t.meters[i].plis })
	}
	if audience := t.audienceNow(); len(audience) > 0 {
		r.Stream.Profile = audience[0].conn.Profile().String()
	}
	warn := func(format string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...)) }
	for i, w := range r.Windows {
		if w.OwnCores > tooBusy*float64(t.processors()) {
			warn("window %d: this program used %.2f of its %d processors: latency and loss are partly its own", i+1, w.OwnCores, t.processors())
		}
		if w.Dropped > 0 {
			warn("window %d: this program did not fetch %d packets in time: they count as lost", i+1, w.Dropped)
		}
		if w.Forged > 0 {
			warn("window %d: %d of %d packets looked at were not authentic", i+1, w.Forged, w.Forged+w.Verified)
		}
		if w.Stalled > 0 {
			warn("window %d: %d viewers got nothing for a second, or have gone", i+1, w.Stalled)
		}
		if w.OtherCores > 0.1 {
			warn("window %d: other work used %.2f processors", i+1, w.OtherCores)
		}
	}
	if j := r.Join; j != nil && j.Failed > 0 {
		warn("%d viewers could not join", j.Failed)
	}
	if j := r.Join; j != nil && j.Throttled > 0 {
		warn("%d requests were told to come later: joins a second are the limit of the server's doorman, not of the server", j.Throttled)
	}
	if j := r.Join; j != nil && j.OwnCores > tooBusy*float64(t.processors()) {
		warn("while viewers joined, this program used %.2f of its %d processors: it was the limit", j.OwnCores, t.processors())
	}
	for _, h := range t.hosts {
		if h.gone.Load() {
			warn("host %d: %v", h.index+1, h.reason)
		}
		if n := h.late.Load(); n > 0 {
			warn("host %d left packets out %d times, because this program was more than %v late", h.index+1, n, behind)
		}
	}
}
