package sfu

import (
	"time"

	"streamcat/packetcache"
)

// A shard's queue holds about a tenth of a second of twelve busy publishers; what comes while it is full is not forwarded by this
// shard. A batch is what is looked at together, viewer by viewer.
const (
	queueSize = 1024
	batchSize = 32
)

// notice says that packet seq of a track is in its cache, or, with seq 0, that the publisher has sent a report.
type notice struct {
	track *track
	seq   uint64
}

// packet is one packet on its way to the viewers of a shard.
type packet struct {
	track   *track
	seq     uint64
	header  packetcache.Header
	payload []byte // the shard's copy, valid while the batch is delivered
}

// shard forwards to its share of the viewers, of all stages, in one goroutine.
type shard struct {
	index    int
	queue    chan notice
	counters *counters
	packets  [batchSize]packet
}

func newShard(index int, c *counters) *shard {
	return &shard{index: index, queue: make(chan notice, queueSize), counters: c}
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
	for {
		select {
		case <-stop:
			return
		case n := <-s.queue:
			s.batch(n)
		}
	}
}

// batch forwards n and what else is queued.
func (s *shard) batch(n notice) {
	count := 0
	for {
		if n.seq == 0 {
			s.deliver(s.packets[:count])
			s.report(n.track)
			count = 0
		} else {
			if count > 0 && s.packets[0].track.router != n.track.router {
				s.deliver(s.packets[:count])
				count = 0
			}
			p := &s.packets[count]
			var ok bool
			if p.header, p.payload, ok = n.track.cache.Load(n.seq, p.payload); ok {
				p.track, p.seq = n.track, n.seq
				count++
			}
		}
		if count == batchSize {
			break
		}
		select {
		case n = <-s.queue:
			continue
		default:
		}
		break
	}
	s.deliver(s.packets[:count])
}

// deliver gives packets of one stage to its viewers here.
func (s *shard) deliver(packets []packet) {
	if len(packets) == 0 {
		return
	}
	now := time.Now()
	listeners := *packets[0].track.router.listeners[s.index].Load()
	for i := range packets {
		if t := packets[i].track; t.missed[s.index].Load() && t.missed[s.index].Swap(false) {
			for _, d := range listeners {
				d.interrupted(t)
			}
		}
	}
	for _, d := range listeners {
		d.deliver(packets, now)
	}
}

func (s *shard) report(t *track) {
	now := time.Now()
	for _, d := range *t.router.listeners[s.index].Load() {
		d.report(t, now)
	}
}
