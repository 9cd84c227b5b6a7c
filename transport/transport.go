package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"

	"streamcat/udpbatch"
)

// Transport owns the sockets and the Peers.
type Transport struct {
	log         *slog.Logger
	config      Config
	rhythm      rhythm
	started     time.Time
	locals      []*local
	shards      []*shard
	candidates  []netip.AddrPort
	fingerprint string
	handshakes  []dtls.ServerOption // what every handshake has in common
	fragments   fragments
	admission   admission
	next        atomic.Uint32 // shard of the next Peer

	stop    chan struct{}
	reading sync.WaitGroup // readers of the sockets
	ticking sync.WaitGroup // shards
	shaking sync.WaitGroup // handshakes

	mu     sync.Mutex
	closed bool
}

// local is one local address: its sockets, and what the publishers get of them.
type local struct {
	index      int
	conns      []*udpbatch.Conn // by shard; fewer when the sockets were given
	publishers *PublisherConn
}

// conn is the socket that a shard sends from.
func (l *local) conn(shard int) *udpbatch.Conn { return l.conns[shard%len(l.conns)] }

// Listen binds the sockets and starts to receive.
func Listen(config Config) (*Transport, error) {
	config = config.withDefaults()
	groups, err := bind(config)
	if err != nil {
		return nil, fmt.Errorf("listen for media: %w", err)
	}
	t := &Transport{
		log: config.Log, config: config, rhythm: config.rhythm(), started: time.Now(),
		fragments: fragments{peers: map[string]*Peer{}}, stop: make(chan struct{}),
	}
	t.admission.free = config.Handshakes
	for i, group := range groups {
		l := &local{index: i, conns: group}
		l.publishers = newPublisherConn(l)
		t.locals = append(t.locals, l)
	}
	if err := t.identify(); err != nil {
		return nil, errors.Join(err, t.closeSockets())
	}
	for i := range config.Shards {
		t.shards = append(t.shards, newShard(t, i))
	}
	for _, l := range t.locals {
		for i, conn := range l.conns {
			s := newSocket(t, l, i%len(t.shards), conn)
			t.reading.Go(s.run)
		}
	}
	for _, s := range t.shards {
		t.ticking.Go(s.run)
	}
	return t, nil
}

func bind(config Config) ([][]*udpbatch.Conn, error) {
	if len(config.Conns) == 0 {
		return listen(config.Address, config.Shards, config.Log)
	}
	var groups [][]*udpbatch.Conn
	for i, udp := range config.Conns {
		group, err := adopt(udp)
		if err != nil {
			for _, other := range config.Conns[i+1:] {
				err = errors.Join(err, other.Close())
			}
			for _, group := range groups {
				err = errors.Join(err, closeAll(group))
			}
			return nil, err
		}
		groups = append(groups, group)
	}
	return groups, nil
}

// identify makes the certificate and finds out the addresses to announce.
func (t *Transport) identify() error {
	certificate, err := newCertificate()
	if err != nil {
		return err
	}
	t.fingerprint = fingerprintOf(certificate.Certificate[0])
	t.handshakes = handshakeOptions(certificate, t.config.Retransmission)
	var public []netip.Addr
	for _, text := range t.config.PublicIPs {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("public address: %w", err)
		}
		public = append(public, ip.Unmap())
	}
	for _, l := range t.locals {
		address := l.conns[0].LocalAddr()
		address = netip.AddrPortFrom(address.Addr().Unmap(), address.Port())
		replaced := false
		for _, ip := range public {
			if ip.Is4() == address.Addr().Is4() {
				replaced = true
				t.announce(netip.AddrPortFrom(ip, address.Port()))
			}
		}
		if !replaced {
			t.announce(address)
		}
	}
	return nil
}

func (t *Transport) announce(address netip.AddrPort) {
	for _, known := range t.candidates {
		if known == address {
			return
		}
	}
	t.candidates = append(t.candidates, address)
}

// Candidates are the addresses that clients shall be told, all of the same port.
func (t *Transport) Candidates() []netip.AddrPort { return t.candidates }

// Fingerprint is the value of a=fingerprint for every Peer.
func (t *Transport) Fingerprint() string { return t.fingerprint }

// Shards is how many shards there are.
func (t *Transport) Shards() int { return len(t.shards) }

// PublisherConns are the sockets, one for each local address, without what belongs to Peers. They are closed with the Transport, and may be
// closed before, which does no more than end their reading.
func (t *Transport) PublisherConns() []net.PacketConn {
	conns := make([]net.PacketConn, len(t.locals))
	for i, l := range t.locals {
		conns[i] = l.publishers
	}
	return conns
}

// Stats are the numbers of all sockets together.
func (t *Transport) Stats() udpbatch.Stats {
	var sum udpbatch.Stats
	for _, l := range t.locals {
		for _, c := range l.conns {
			s := c.Stats()
			sum.Datagrams += s.Datagrams
			sum.Bytes += s.Bytes
			sum.Messages += s.Messages
			sum.Calls += s.Calls
			sum.Waits += s.Waits
			sum.Dropped += s.Dropped
			sum.NoBuffer += s.NoBuffer
			sum.Failed += s.Failed
			sum.Refused += s.Refused
			sum.Received += s.Received
			sum.ReceiveCalls += s.ReceiveCalls
			sum.Truncated += s.Truncated
		}
	}
	return sum
}

// Peers is how many there are.
func (t *Transport) Peers() int {
	n := 0
	for _, s := range t.shards {
		n += s.count()
	}
	return n
}

// now is the Transport's clock: milliseconds since it began.
func (t *Transport) now() int64 { return time.Since(t.started).Milliseconds() }

// Close ends all Peers without calling their Closed, and releases the sockets. It returns when every goroutine has ended.
func (t *Transport) Close() error {
	t.mu.Lock()
	already := t.closed
	t.closed = true
	t.mu.Unlock()
	if already {
		t.wait()
		return nil
	}
	close(t.stop)
	t.ticking.Wait()
	for _, s := range t.shards {
		for _, p := range s.all() {
			p.Close()
		}
	}
	t.shaking.Wait()
	err := t.closeSockets()
	t.reading.Wait()
	if err != nil {
		return fmt.Errorf("close the media sockets: %w", err)
	}
	return nil
}

func (t *Transport) wait() {
	t.ticking.Wait()
	t.shaking.Wait()
	t.reading.Wait()
}

func (t *Transport) closeSockets() error {
	var errs []error
	for _, l := range t.locals {
		errs = append(errs, l.publishers.Close(), closeAll(l.conns))
	}
	return errors.Join(errs...)
}
