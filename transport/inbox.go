package transport

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// maxInbox is how many datagrams wait for a handshake: the flight of a client with a large certificate, and a repetition.
const maxInbox = 16

// inbox is the net.PacketConn of one handshake. What pion reads comes from the Peer's datagrams, what it writes goes to the path in use.
type inbox struct {
	peer *Peer

	mu       sync.Mutex
	queue    [][]byte
	senders  []netip.AddrPort
	last     netip.AddrPort // where the newest datagram that was read came from
	ready    chan struct{}  // capacity 1: something has changed
	expired  bool           // pion does not want to wait
	closed   bool
	phase    phase
	flight   []byte // the datagram that begins with a ChangeCipherSpec, the last flight of the server
	farewell []byte
}

// phase says what becomes of a datagram that is written.
type phase uint8

const (
	shaking phase = iota // it is sent
	closing              // it is the goodbye, and kept
	failing              // it is an alert or nothing, and sent
)

func newInbox(p *Peer) *inbox { return &inbox{peer: p, ready: make(chan struct{}, 1)} }

// put queues a copy of a datagram.
func (in *inbox) put(datagram []byte, from netip.AddrPort) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.queue) == maxInbox || in.closed {
		return
	}
	in.queue = append(in.queue, append([]byte(nil), datagram...))
	in.senders = append(in.senders, from)
	in.wake()
}

func (in *inbox) wake() {
	select {
	case in.ready <- struct{}{}:
	default:
	}
}

// finish says how the handshake has ended.
func (in *inbox) finish(success bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.phase = failing
	if success {
		in.phase = closing
	}
}

// close ends reading.
func (in *inbox) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.wake()
}

// ReadFrom waits for a datagram. There is one reader.
func (in *inbox) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		if n, err, ok := in.take(b); ok {
			return n, noAddr{}, err
		}
		<-in.ready
	}
}

func (in *inbox) take(b []byte) (int, error, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.closed:
		return 0, net.ErrClosed, true
	case in.expired:
		return 0, os.ErrDeadlineExceeded, true
	case len(in.queue) == 0:
		return 0, nil, false
	}
	n := copy(b, in.queue[0])
	in.last = in.senders[0]
	in.queue[0] = nil
	in.queue, in.senders = in.queue[1:], in.senders[1:]
	return n, nil, true
}

// WriteTo sends a datagram to where the client is.
func (in *inbox) WriteTo(b []byte, _ net.Addr) (int, error) {
	in.mu.Lock()
	switch {
	case in.phase == closing && len(b) > 0 && b[0] == recordAlert:
		in.farewell = append([]byte(nil), b...)
		in.mu.Unlock()
		return len(b), nil
	case in.phase == shaking && len(b) > 0 && b[0] == recordChangeCipherSpec:
		in.flight = append([]byte(nil), b...)
	}
	in.mu.Unlock()
	in.peer.sendHandshake(b)
	return len(b), nil // what is lost is sent again
}

// sendHandshake sends a datagram of the handshake.
func (p *Peer) sendHandshake(b []byte) {
	p.mu.Lock()
	current := p.current
	p.mu.Unlock()
	if current != nil {
		_ = current.socket.local.conn(p.shard.index).Send(current.remote, b)
	}
}

// SetReadDeadline ends a read that waits, which is all that pion wants of it: a moment that has passed, or none.
func (in *inbox) SetReadDeadline(t time.Time) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.expired = !t.IsZero() && !t.After(time.Now())
	in.wake()
	return nil
}

// SetDeadline sets the deadline of reading.
func (in *inbox) SetDeadline(t time.Time) error { return in.SetReadDeadline(t) }

// SetWriteDeadline does nothing: writing does not wait.
func (in *inbox) SetWriteDeadline(time.Time) error { return nil }

// Close is called by pion when it ends.
func (in *inbox) Close() error {
	in.close()
	return nil
}

// LocalAddr is not known: which address a client uses may change.
func (in *inbox) LocalAddr() net.Addr { return noAddr{} }

// noAddr stands for the client's address where pion wants one. It does not look at it.
type noAddr struct{}

func (noAddr) Network() string { return "udp" }
func (noAddr) String() string  { return "client" }
