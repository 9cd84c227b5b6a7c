package load

import (
	"context"
	"fmt"
	"time"
)

// progressEvery is the time between two lines of the table.
const progressEvery = time.Second

// show writes a line of the progress table every second until ctx ends. The channel is closed when the last one is written.
func (t *test) show(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	if t.config.Progress == nil {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		begin := time.Now()
		before, err := t.glance()
		for line := 0; err == nil && sleep(ctx, progressEvery); line++ {
			if line%20 == 0 {
				fmt.Fprintf(t.config.Progress, "%7s %8s %10s %8s %8s %8s %9s %9s %8s %8s %8s\n",
					"time", "viewers", "packets/s", "loss %", "p50 ms", "p99 ms", "server", "µs/pkt", "RSS MB", "load", "others")
			}
			var after reading
			if after, err = t.glance(); err != nil {
				return
			}
			w := t.difference(&before, &after)
			server, micros, rss := "-", "-", "-"
			if w.ServerCores != nil {
				server, rss = fmt.Sprintf("%.2f", *w.ServerCores), fmt.Sprintf("%.0f", *w.RSSKB/1024)
			}
			if w.MicrosPerPacket != nil {
				micros = fmt.Sprintf("%.2f", *w.MicrosPerPacket)
			}
			fmt.Fprintf(t.config.Progress, "%7s %8d %10.0f %8.3f %8.2f %8.2f %9s %9s %8s %8.2f %8.2f\n", time.Since(begin).Round(time.Second), w.Viewers,
				w.PacketsPerSecond, w.LossPercent, w.LatencyMs.P50, w.LatencyMs.P99, server, micros, rss, w.OwnCores, w.OtherCores)
			before = after
		}
	}()
	return done
}

// glance is a reading that leaves the histograms as they are: latency in the table is that since the last window began.
func (t *test) glance() (r reading, err error) {
	r.at = time.Now()
	if t.config.PID != 0 {
		if r.server, err = usageOf(t.config.PID); err != nil {
			return r, err
		}
	}
	r.own, r.machine = ownCPU(), machineCPU()
	for i, l := range t.pool.Loops() {
		l.Call(func() { r.meter.add(t.meters[i]) })
	}
	return r, nil
}
