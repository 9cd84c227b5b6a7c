package sfu

import (
	"errors"
	"net"
	"sync"
	"time"

	"streamcat/transport"
)

// A shard's queue holds about a tenth of a second of twelve busy publishers; what comes while it is full is not forwarded by this
// shard.
const queueSize = 1024

// notice says that packet seq of a track is in its cache, or, with seq 0, that the publisher has sent a report.
type notice struct {
	track *track
	seq   uint64
}

// shard forwards to its share of the viewers, of all stages, in one goroutine.
type shard struct {
	index    int
	queue    chan notice
	counters *counters
	batch    *transport.Batch // nil in tests without a network

	gathering []*burst // at most one of each stage
	idle      []*burst

	// sending is held from the first packet that is queued in the batch until the batch is flushed.
	sending sync.Mutex
}

func newShard(index int, batch *transport.Batch, c *counters) *shard {
	return &shard{index: index, queue: make(chan notice, queueSize), batch: batch, counters: c}
}

// offer queues a notice, or remembers that the track's viewers here have missed something.
func (s *shard) offer(n notice) {
	select {
	case s.queue <- n:
	default:
		if n.seq != 0 && !n.track.missed[s.index].Swap(true) {
			s.counters.overflows.Add(1)
		}
	}
}

// run forwards until stop is closed.
func (s *shard) run(stop <-chan struct{}) {
	timer := time.NewTimer(holdFrame)
	defer timer.Stop()
	for {
		var held <-chan time.Time
		if len(s.gathering) > 0 {
			held = timer.C
		}
		select {
		case <-stop:
			return
		case n := <-s.queue:
			s.take(n)
		case <-held:
		}
		s.drain()
		if next := s.release(time.Now()); next > 0 {
			timer.Reset(next)
		}
	}
}

// drain takes what is queued.
func (s *shard) drain() {
	for range queueSize {
		select {
		case n := <-s.queue:
			s.take(n)
		default:
			return
		}
	}
}

// take looks at one notice.
func (s *shard) take(n notice) {
	if n.seq == 0 {
		s.report(n.track)
		return
	}
	b := s.burst(n.track.router)
	b.add(n.track, n.seq, time.Now())
	if b.count >= maxBurst {
		s.deliver(b)
	}
}

// burst returns the one that packets of a stage are gathered in.
func (s *shard) burst(r *router) *burst {
	for _, b := range s.gathering {
		if b.router == r {
			return b
		}
	}
	var b *burst
	if last := len(s.idle) - 1; last >= 0 {
		b, s.idle = s.idle[last], s.idle[:last]
	} else {
		b = &burst{}
	}
	b.router = r
	s.gathering = append(s.gathering, b)
	return b
}

// release delivers the bursts that are ready, and returns when to look again at the others, 0 when there are none.
func (s *shard) release(now time.Time) (next time.Duration) {
	kept := s.gathering[:0]
	for _, b := range s.gathering {
		switch {
		case b.count == 0:
			s.rest(b)
		case b.ready(now):
			s.deliver(b)
			s.rest(b)
		default:
			if left := max(holdFrame-now.Sub(b.began), time.Microsecond); next == 0 || left < next {
				next = left
			}
			kept = append(kept, b)
		}
	}
	clear(s.gathering[len(kept):])
	s.gathering = kept
	return next
}

// maxIdle bounds the bursts whose memory is kept, some 100 kB each after a keyframe of a good camera.
const maxIdle = 64

func (s *shard) rest(b *burst) {
	b.reset()
	if len(s.idle) < maxIdle {
		s.idle = append(s.idle, b)
	}
}

// deliver gives a burst to the viewers of its stage here, viewer by viewer, and empties it.
func (s *shard) deliver(b *burst) {
	s.sending.Lock()
	defer s.sending.Unlock()
	now := time.Now()
	b.arrange()
	listeners := *b.router.listeners[s.index].Load()
	for _, g := range b.groups {
		if t := g.track; t.missed[s.index].Load() && t.missed[s.index].Swap(false) {
			for _, d := range listeners {
				d.interrupted(t)
			}
		}
	}
	for _, d := range listeners {
		d.deliver(s.batch, b.groups, now)
	}
	s.flush()
	r := b.router
	b.reset()
	b.router = r
}

// report tells the viewers which time a track's timestamps have.
func (s *shard) report(t *track) {
	s.sending.Lock()
	defer s.sending.Unlock()
	now := time.Now()
	for _, d := range *t.router.listeners[s.index].Load() {
		d.report(s.batch, t, now)
	}
	s.flush()
}

// flush sends what is queued. s.sending is held.
func (s *shard) flush() {
	if s.batch == nil {
		return
	}
	if err := s.batch.Flush(); err != nil && !errors.Is(err, net.ErrClosed) {
		s.counters.sendFailures.Add(1)
	}
}

// settle returns when everything is sent that was queued before it was called.
func (s *shard) settle() {
	s.sending.Lock()
	defer s.sending.Unlock()
}
