package transport

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"streamcat/stun"
	"streamcat/udpbatch"
)

const (
	// readMessages and maxDatagram are what one system call receives: an Ethernet frame's worth and some, so many of them.
	readMessages = 32
	maxDatagram  = 2048
	// A reader answers checks and repairs losses; what it sends is less than what a shard sends.
	readerMessages = 64
	readerArena    = 64 << 10
	// readPause is how long a reader waits after an error that is not the end of the socket.
	readPause = 10 * time.Millisecond
)

// socket is one UDP socket and the Peers whose datagrams it receives.
type socket struct {
	t     *Transport
	local *local
	conn  *udpbatch.Conn
	batch *Batch // of the reading goroutine
	// scratch is where the reading goroutine writes messages before they are queued.
	scratch []byte
	message stun.Message

	mu    sync.RWMutex
	peers map[netip.AddrPort]*Peer // by the addresses that their checks came from
}

func newSocket(t *Transport, l *local, shard int, conn *udpbatch.Conn) *socket {
	return &socket{
		t: t, local: l, conn: conn, batch: t.newBatch(shard, readerMessages, readerArena),
		scratch: make([]byte, 0, 512), peers: map[netip.AddrPort]*Peer{},
	}
}

// run receives until the socket is closed.
func (s *socket) run() {
	reader := s.conn.NewReader(readMessages, maxDatagram)
	for {
		err := reader.Read()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			s.t.log.Warn("a media socket does not receive", "address", s.conn.LocalAddr().String(), "error", err)
			time.Sleep(readPause)
			continue
		}
		now := s.t.now()
		for {
			datagram, from, ok := reader.Next()
			if !ok {
				break
			}
			s.receive(datagram, from, now)
		}
		if err := s.batch.Flush(); err != nil && !errors.Is(err, net.ErrClosed) {
			s.t.log.Warn("a media socket does not send", "address", s.conn.LocalAddr().String(), "error", err)
		}
	}
}

// receive finds out whose a datagram is. It is the door for everything that strangers send.
func (s *socket) receive(datagram []byte, from netip.AddrPort, now int64) {
	switch protocol := stun.Classify(datagram); protocol {
	case stun.STUN:
		if s.receiveSTUN(datagram, from, now) {
			return
		}
	case stun.DTLS, stun.RTCP, stun.RTP:
		p := s.peer(from)
		if p == nil {
			break
		}
		switch protocol {
		case stun.DTLS:
			p.receiveDTLS(s, datagram, from)
		case stun.RTCP:
			p.receiveRTCP(s, datagram, from, now)
		}
		return // nobody here sends RTP
	}
	s.local.publishers.deliver(datagram, from)
}

// receiveSTUN answers the checks that Peers get, and takes the answers to theirs. It returns false for a message that is not for a Peer.
func (s *socket) receiveSTUN(datagram []byte, from netip.AddrPort, now int64) bool {
	m := &s.message
	if stun.Parse(datagram, m) != nil {
		return false
	}
	if m.IsRequest() {
		p := s.t.fragments.find(m.LocalFragment())
		return p != nil && p.receiveCheck(s, m, from, now)
	}
	p := s.peer(from)
	return p != nil && p.receiveResponse(s, m, from, now)
}

// send queues a message that the reading goroutine has written.
func (s *socket) send(to netip.AddrPort, message []byte) {
	// What is not sent is lost like any datagram; a broken socket shows when it is read and flushed.
	_ = s.batch.queue(s.local.index).Add(to, message)
}

func (s *socket) peer(from netip.AddrPort) *Peer {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.peers[from]
}

// claim gives an address to a Peer and returns whose it was, nil if nobody's or its own.
func (s *socket) claim(from netip.AddrPort, p *Peer) (former *Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	former = s.peers[from]
	s.peers[from] = p
	if former == p {
		return nil
	}
	return former
}

// release takes an address from a Peer unless it has become another one's.
func (s *socket) release(from netip.AddrPort, p *Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peers[from] == p {
		delete(s.peers, from)
	}
}

// fragments finds Peers by the ICE user name fragments they are addressed with.
type fragments struct {
	mu    sync.RWMutex
	peers map[string]*Peer
}

func (f *fragments) find(fragment []byte) *Peer {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.peers[string(fragment)]
}

func (f *fragments) add(fragment string, p *Peer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.peers[fragment] = p
}

func (f *fragments) remove(fragment string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.peers, fragment)
}
