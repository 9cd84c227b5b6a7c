package udpbatch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// Batch queues datagrams for one Conn. It is not safe for concurrent use.
type Batch struct {
	c     *Conn
	arena []byte // all datagrams queued, one after the other
	runs  []run
	tally tally
	sys   sysBatch
}

// run is a row of datagrams to one destination that may be sent as one message.
type run struct {
	to         netip.AddrPort
	start, end int // in the arena
	size       int // of each datagram but the last
	count      int
	ended      bool // the last one is shorter
}

// tally is what a flush did.
type tally struct {
	datagrams, bytes, messages, calls, waits, dropped, noBuffer, failed, refused uint64
}

// NewBatch makes a batch that is flushed when it holds as many messages (at most 1024 make sense, one system call takes no more) or
// as many bytes. It allocates all it ever needs, 200 bytes a message and the arena.
func (c *Conn) NewBatch(messages, arena int) *Batch {
	messages, arena = max(messages, 1), max(arena, 1)
	b := &Batch{c: c, arena: make([]byte, 0, arena), runs: make([]run, 0, messages)}
	b.sys.init(b)
	return b
}

// Conn returns the socket of the batch.
func (b *Batch) Conn() *Conn { return b.c }

// Len returns how many bytes are queued.
func (b *Batch) Len() int { return len(b.arena) }

// Room returns an empty slice with a capacity of at least n bytes, for a datagram to be appended to it and handed to Add: it lies where the
// datagram is sent from, so Add has nothing to copy. The batch is flushed before if it is too full. Nothing else may be done with the
// batch until then.
func (b *Batch) Room(n int) ([]byte, error) {
	if n > cap(b.arena) {
		return nil, ErrSize
	}
	if cap(b.arena)-len(b.arena) < n || len(b.runs) == cap(b.runs) {
		if err := b.Flush(); err != nil {
			return nil, err
		}
	}
	return b.arena[len(b.arena):], nil
}

// Add queues a datagram, either the one built in the slice that Room returned or any other, which is copied. The batch is flushed before
// if it is too full.
func (b *Batch) Add(to netip.AddrPort, datagram []byte) error {
	n := len(datagram)
	if n == 0 || n > maxDatagram || n > cap(b.arena) {
		return ErrSize
	}
	to, ok := b.c.reachable(to)
	if !ok {
		return ErrAddress
	}
	start := len(b.arena)
	fits := cap(b.arena)-start >= n
	inPlace := fits && &datagram[0] == &b.arena[:start+1][start]
	joins := b.joins(to, n)
	if !joins && len(b.runs) == cap(b.runs) || !fits {
		if err := b.Flush(); err != nil {
			return err
		}
		start, joins, inPlace = 0, false, false
	}
	if !joins {
		if !b.sys.begin(len(b.runs), to, b.c.versions) {
			return ErrAddress
		}
		b.runs = append(b.runs, run{to: to, start: start, size: n})
	}
	if inPlace {
		b.arena = b.arena[:start+n]
	} else {
		b.arena = append(b.arena, datagram...) // within the capacity; right even if datagram is in the arena that was just flushed
	}
	last := &b.runs[len(b.runs)-1]
	last.end = start + n
	last.count++
	last.ended = n < last.size
	return nil
}

// joins says whether a datagram can be the next one of the last run.
func (b *Batch) joins(to netip.AddrPort, n int) bool {
	if len(b.runs) == 0 || !b.c.segment.Load() {
		return false
	}
	last := &b.runs[len(b.runs)-1]
	return last.to == to && n <= last.size && !last.ended && last.count < maxSegments && last.end-last.start+n <= maxDatagram
}

// Flush sends all that is queued. The batch is empty after it, whatever happened.
func (b *Batch) Flush() error {
	if len(b.runs) == 0 {
		return nil
	}
	b.c.sending.Lock()
	defer b.c.sending.Unlock()
	b.tally = tally{}
	err := b.send()
	b.c.counters.add(&b.tally)
	b.runs, b.arena = b.runs[:0], b.arena[:0]
	return err
}

// sendEach sends the datagrams of the runs one by one.
func (b *Batch) sendEach(runs []run) error {
	if len(runs) == 0 {
		return nil
	}
	c, t := b.c, &b.tally
	if err := c.udp.SetWriteDeadline(time.Now().Add(sendWait)); err != nil {
		return b.broken(runs, 0, err)
	}
	defer c.udp.SetWriteDeadline(time.Time{})
	for i := range runs {
		r := &runs[i]
		for k := range r.count {
			datagram := b.segment(r, k)
			err := b.sendOne(r.to, datagram)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				// Either the socket has no room, or the time has passed with sending. Only the former lasts.
				if err = c.udp.SetWriteDeadline(time.Now().Add(sendWait)); err == nil {
					err = b.sendOne(r.to, datagram)
				}
			}
			switch {
			case err == nil:
				t.sent(1, 1, len(datagram))
			case errors.Is(err, os.ErrDeadlineExceeded):
				t.waits++
				t.dropped += remaining(runs[i:], k)
				return nil
			case errors.Is(err, net.ErrClosed):
				return b.broken(runs[i:], k, err)
			default:
				t.lost(1, errors.Is(err, syscall.ENOBUFS))
			}
		}
	}
	return nil
}

func (b *Batch) sendOne(to netip.AddrPort, datagram []byte) error {
	b.tally.calls++
	_, err := b.c.udp.WriteToUDPAddrPort(datagram, to)
	return err
}

// segment returns a datagram of a run.
func (b *Batch) segment(r *run, k int) []byte {
	start := r.start + k*r.size
	return b.arena[start:min(start+r.size, r.end)]
}

// broken counts what can no longer be sent.
func (b *Batch) broken(runs []run, done int, err error) error {
	b.tally.failed += remaining(runs, done)
	return fmt.Errorf("send datagrams: %w", err)
}

// remaining counts the datagrams of runs when some of the first have been dealt with.
func remaining(runs []run, done int) uint64 {
	n := -done
	for i := range runs {
		n += runs[i].count
	}
	return uint64(n)
}

func (t *tally) sent(datagrams, messages, bytes int) {
	t.datagrams += uint64(datagrams)
	t.messages += uint64(messages)
	t.bytes += uint64(bytes)
}

func (t *tally) lost(datagrams int, noBuffer bool) {
	if noBuffer {
		t.noBuffer += uint64(datagrams)
	} else {
		t.failed += uint64(datagrams)
	}
}

func (n *counters) add(t *tally) {
	n.datagrams.Add(t.datagrams)
	n.bytes.Add(t.bytes)
	n.messages.Add(t.messages)
	n.calls.Add(t.calls)
	if t.waits+t.dropped+t.noBuffer+t.failed+t.refused != 0 {
		n.waits.Add(t.waits)
		n.dropped.Add(t.dropped)
		n.noBuffer.Add(t.noBuffer)
		n.failed.Add(t.failed)
		n.refused.Add(t.refused)
	}
}
