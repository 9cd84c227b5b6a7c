package transport

import (
	"sync"
	"time"
)

// shard is a share of the Peers, and the one clock that all of them have.
type shard struct {
	t     *Transport
	index int
	batch *Batch // of the goroutine that ticks

	mu    sync.Mutex
	peers []*Peer
	due   []*Peer // scratch of tick
}

func newShard(t *Transport, index int) *shard {
	return &shard{t: t, index: index, batch: t.newBatch(index, readerMessages, readerArena)}
}

// run looks after the Peers until the Transport is closed.
func (s *shard) run() {
	ticker := time.NewTicker(s.t.rhythm.tick)
	defer ticker.Stop()
	for {
		select {
		case <-s.t.stop:
			return
		case <-ticker.C:
			s.tick(s.t.now())
		}
	}
}

// tick goes through all Peers; those that were heard lately cost a look at two numbers.
func (s *shard) tick(now int64) {
	s.mu.Lock()
	due := s.due[:0]
	for _, p := range s.peers {
		if p.overdue(now) {
			due = append(due, p)
		}
	}
	s.mu.Unlock()
	for _, p := range due {
		p.attend(s.batch, now)
	}
	clear(due)
	s.due = due
	// What cannot be sent is asked again; a broken socket is reported by who reads it.
	_ = s.batch.Flush()
}

func (s *shard) add(p *Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.place = len(s.peers)
	s.peers = append(s.peers, p)
}

func (s *shard) remove(p *Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.peers) - 1
	moved := s.peers[last]
	s.peers[p.place] = moved
	moved.place = p.place
	s.peers[last] = nil
	s.peers = s.peers[:last]
}

func (s *shard) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.peers)
}

func (s *shard) all() []*Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Peer(nil), s.peers...)
}
