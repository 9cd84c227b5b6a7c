package transport

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/pion/transport/v5/deadline"
)

// publisherQueue is how many datagrams wait for a PublisherConn to be read: a tenth of a second of twelve busy publishers. What comes while
// it is full is lost, as in the queue of a socket.
const publisherQueue = 1024

// PublisherConn is a net.PacketConn for the datagrams of one local address that belong to no Peer. It sends from the same address and port.
type PublisherConn struct {
	local    *local
	address  *net.UDPAddr
	queue    chan arrival
	buffers  sync.Pool
	closing  sync.Once
	closed   chan struct{}
	deadline *deadline.Deadline
}

// arrival is a datagram that waits.
type arrival struct {
	buffer *[]byte
	from   netip.AddrPort
}

var _ net.PacketConn = (*PublisherConn)(nil)

func newPublisherConn(l *local) *PublisherConn {
	return &PublisherConn{
		local: l, address: net.UDPAddrFromAddrPort(l.conns[0].LocalAddr()), queue: make(chan arrival, publisherQueue),
		buffers: sync.Pool{New: func() any { b := make([]byte, 0, maxDatagram); return &b }},
		closed:  make(chan struct{}), deadline: deadline.New(),
	}
}

// deliver queues a copy of a datagram. It never blocks.
func (c *PublisherConn) deliver(datagram []byte, from netip.AddrPort) {
	buffer := c.buffers.Get().(*[]byte)
	*buffer = append((*buffer)[:0], datagram...)
	select {
	case c.queue <- arrival{buffer: buffer, from: from}:
	default:
		c.buffers.Put(buffer)
	}
}

// ReadFromAddrPort waits for a datagram. What does not fit into b is cut off.
func (c *PublisherConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case <-c.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	case <-c.deadline.Done():
		return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
	default:
	}
	select {
	case a := <-c.queue:
		n := copy(b, *a.buffer)
		c.buffers.Put(a.buffer)
		return n, a.from, nil
	case <-c.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	case <-c.deadline.Done():
		return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
	}
}

// ReadFrom waits for a datagram.
func (c *PublisherConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteToAddrPort sends a datagram.
func (c *PublisherConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	default:
	}
	if err := c.local.conns[0].Send(to, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// WriteTo sends a datagram.
func (c *PublisherConn) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("%v is no UDP address", to)
	}
	return c.WriteToAddrPort(b, udp.AddrPort())
}

// LocalAddr is the address of the sockets.
func (c *PublisherConn) LocalAddr() net.Addr { return c.address }

// SetDeadline sets the deadline of reading.
func (c *PublisherConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline bounds how long a read waits, also one that waits already.
func (c *PublisherConn) SetReadDeadline(t time.Time) error {
	c.deadline.Set(t)
	return nil
}

// SetWriteDeadline does nothing: the sockets are shared, and a datagram is sent or lost at once.
func (c *PublisherConn) SetWriteDeadline(time.Time) error { return nil }

// Close ends reading and writing. The sockets stay open.
func (c *PublisherConn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return nil
}
