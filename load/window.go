package load

import (
	"context"
	"time"
)

// reading is what all counters say at one time.
type reading struct {
	at      time.Time
	meter   meter // the sum
	server  usage
	own     time.Duration
	machine time.Duration
	drops   uint64
	asked   int64
}

// read takes a reading. The histograms begin anew with it.
func (t *test) reading() (r reading, err error) {
	r.at = time.Now()
	if t.config.PID != 0 {
		if r.server, err = usageOf(t.config.PID); err != nil {
			return r, err
		}
	}
	r.own, r.machine = ownCPU(), machineCPU()
	for i, l := range t.pool.Loops() {
		l.Call(func() {
			m := t.meters[i]
			r.meter.add(m)
			m.audio, m.video = histogram{}, histogram{}
		})
	}
	for _, v := range t.audienceNow() {
		r.drops += v.conn.Drops()
	}
	r.asked, _ = t.keyframes()
	return r, nil
}

// add sums up.
func (m *meter) add(other *meter) {
	m.packets += other.packets
	m.bytes += other.bytes
	m.repetitions += other.repetitions
	m.holes += other.holes
	m.omitted += other.omitted
	m.marked += other.marked
	m.repaired += other.repaired
	m.nacks += other.nacks
	m.plis += other.plis
	m.verified += other.verified
	m.forged += other.forged
	m.audio.merge(&other.audio)
	m.video.merge(&other.video)
}

// keyframes counts those that hosts were asked for, and those that they sent because of it.
func (t *test) keyframes() (asked, extra int64) {
	for _, h := range t.hosts {
		for _, s := range h.videos {
			asked += s.asked.Load()
			extra += s.answered.Load()
		}
	}
	return asked, extra
}

// window measures for a while. When ctx ends before, it is what was measured until then, and ok is false if that is too little to say anything.
func (t *test) window(ctx context.Context, d time.Duration) (w Window, ok bool, err error) {
	before, err := t.reading()
	if err != nil {
		return w, false, err
	}
	sleep(ctx, d)
	after, err := t.reading()
	if err != nil {
		return w, false, err
	}
	w = t.difference(&before, &after)
	w.Stalled = t.stalled()
	return w, w.Seconds > 0.5*d.Seconds(), nil
}

// difference makes a window of two readings.
func (t *test) difference(before, after *reading) Window {
	seconds := after.at.Sub(before.at).Seconds()
	a, b := &after.meter, &before.meter
	packets := a.packets - b.packets
	w := Window{
		Seconds:          round(seconds),
		Viewers:          len(t.audienceNow()),
		PacketsPerSecond: round(float64(packets) / seconds),
		MbitPerSecond:    round(float64(a.bytes-b.bytes) * 8 / 1e6 / seconds),
		Repaired:         a.repaired - b.repaired,
		Requested:        a.nacks - b.nacks,
		Repetitions:      a.repetitions - b.repetitions,
		AudioMs:          a.audio.quantiles(),
		VideoMs:          a.video.quantiles(),
		OwnCores:         round((after.own - before.own).Seconds() / seconds),
		Dropped:          after.drops - min(before.drops, after.drops),
		Verified:         a.verified - b.verified,
		Forged:           a.forged - b.forged,
		Keyframes:        after.asked - before.asked,
	}
	all := a.video
	all.merge(&a.audio)
	w.LatencyMs = all.quantiles()
	holes, lost := max(0, a.holes-b.holes), max(0, a.omitted-b.omitted)
	w.HolesPercent = percent(holes, packets)
	w.LossPercent = w.HolesPercent
	if a.marked > b.marked {
		w.LossPercent = percent(lost, packets)
	}
	other := after.machine - before.machine - (after.own - before.own)
	if t.config.PID != 0 {
		cpu := after.server.cpu - before.server.cpu
		other -= cpu
		cores, rss := round(cpu.Seconds()/seconds), float64(after.server.rss/1024)
		w.ServerCores, w.RSSKB = &cores, &rss
		if packets > 0 && cpu > 0 {
			micros := round(float64(cpu.Nanoseconds()) / 1000 / float64(packets))
			each := round(float64(w.Viewers) / (cpu.Seconds() / seconds))
			w.MicrosPerPacket, w.ViewersPerCore = &micros, &each
		}
	}
	w.OtherCores = round(max(0, other.Seconds()/seconds))
	return w
}

// percent is the share of lost among lost and received.
func percent(lost, received int64) float64 {
	if lost == 0 {
		return 0
	}
	return round(100 * float64(lost) / float64(lost+received))
}

// stalled counts the viewers that are gone, or that nothing comes to.
func (t *test) stalled() (n int) {
	if len(t.hosts) == 0 && t.config.WHEP == "" {
		return 0
	}
	patience := time.Second + time.Duration(3*float64(time.Second)/t.config.FPS)
	now := time.Now().UnixNano()
	t.read(t.audienceNow(), func(v *viewer) {
		if v.gone.Load() || v.silent(now, patience) {
			n++
		}
	})
	return n
}
