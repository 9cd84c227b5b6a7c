package udpbatch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// maxSegments is into how many datagrams every kernel with UDP_SEGMENT cuts one message.
	maxSegments = 64
	// maxDatagram is what fits into one message for both versions of IP, cut or not: 64 kB without the headers.
	maxDatagram = 65535 - 40 - 8
	// sendWait is how long one flush waits for room in the socket. A socket that stays full for that long loses packets anyway, and all
	// viewers of the goroutine that flushes wait meanwhile.
	sendWait = 10 * time.Millisecond
)

var (
	// ErrSize says that a datagram is empty, longer than UDP carries or longer than the arena of the batch.
	ErrSize = errors.New("datagram has a wrong size")
	// ErrAddress says that the socket cannot send to an address, because it is of the other version of IP or has an unknown zone.
	ErrAddress = errors.New("address cannot be reached from this socket")
)

// Options say how a socket is set up. The zero value leaves everything to the operating system.
type Options struct {
	// ReusePort lets several sockets listen on one address, among which the kernel spreads the sources: SO_REUSEPORT. Only Listen obeys it,
	// and only Linux has it.
	ReusePort bool
	// ReceiveBuffer and SendBuffer are how many bytes the kernel shall queue. See Conn.Buffers for what it made of that.
	ReceiveBuffer, SendBuffer int
	// WholeDatagrams forbids to have the kernel cut runs.
	WholeDatagrams bool
	// Coalesce lets the kernel hand over several datagrams of one source as one: UDP_GRO. A Reader takes them apart and needs 64 kB for each
	// message then. It is worth its memory where few sources send much.
	Coalesce bool
}

// Buffers are sizes of a socket's queues in bytes, in the measure of Options; 0 where the system does not say.
type Buffers struct {
	Receive, Send int
}

// Conn is a UDP socket. It is not connected: it sends to any address.
type Conn struct {
	udp      *net.UDPConn
	raw      syscall.RawConn
	local    netip.AddrPort
	versions versions
	buffers  Buffers
	coalesce bool
	counters counters
	sys      sysConn

	segment atomic.Bool // runs are cut by the kernel
	batched atomic.Bool // there is a system call for many messages

	sending sync.Mutex // held for a flush
}

// versions are the versions of IP that a socket sends.
type versions uint8

const (
	ipv4 versions = 1 << iota
	ipv6
)

// NewConn takes over a socket that is not connected. Options.ReusePort has no effect. The caller may still set read deadlines on udp, and
// closes either of the two.
func NewConn(udp *net.UDPConn, o Options) (*Conn, error) {
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("reach UDP socket: %w", err)
	}
	local, ok := udp.LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("reach UDP socket: local address is a %T", udp.LocalAddr())
	}
	c := &Conn{udp: udp, raw: raw, local: local.AddrPort(), versions: ipv4 | ipv6}
	if c.local.Addr().Unmap().Is4() {
		c.versions = ipv4
	}
	if err := c.setUp(o); err != nil {
		return nil, fmt.Errorf("set up UDP socket %v: %w", c.local, err)
	}
	return c, nil
}

// Close closes the socket. Whoever waits in Read gets net.ErrClosed.
func (c *Conn) Close() error { return c.udp.Close() }

// LocalAddr returns the address that the socket listens on.
func (c *Conn) LocalAddr() netip.AddrPort { return c.local }

// SetReadDeadline bounds how long Read waits, as net.Conn has it.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.udp.SetReadDeadline(t) }

// Buffers returns what the kernel granted of Options.ReceiveBuffer and SendBuffer. It is less than what was asked for where the limits of
// the system (net.core.rmem_max and wmem_max) are lower and the process may not exceed them, and packets are lost in bursts then.
func (c *Conn) Buffers() Buffers { return c.buffers }

// Segments says whether runs are sent as one message each. It turns false for good when the kernel refuses many runs in a row.
func (c *Conn) Segments() bool { return c.segment.Load() }

// Coalesces says whether the kernel may hand over several datagrams as one.
func (c *Conn) Coalesces() bool { return c.coalesce }

// Send sends one datagram by itself. It may be called by any goroutine, at any time.
func (c *Conn) Send(to netip.AddrPort, datagram []byte) error {
	to, ok := c.reachable(to)
	if !ok {
		return ErrAddress
	}
	_, err := c.udp.WriteToUDPAddrPort(datagram, to)
	return err
}

// reachable brings an address into the form that all are compared in, and says whether its version of IP is one of the socket's.
func (c *Conn) reachable(to netip.AddrPort) (netip.AddrPort, bool) {
	addr := to.Addr()
	if addr.Is4In6() {
		addr = addr.Unmap()
		to = netip.AddrPortFrom(addr, to.Port())
	}
	version := ipv6
	if addr.Is4() {
		version = ipv4
	}
	return to, addr.IsValid() && c.versions&version != 0
}

// Stats are what a socket did so far. Datagrams that were not sent are in exactly one of Dropped, NoBuffer and Failed.
type Stats struct {
	Datagrams, Bytes uint64 // handed to the kernel
	Messages         uint64 // that these were sent as; fewer than Datagrams where the kernel cuts runs
	Calls            uint64 // system calls for that
	Waits            uint64 // flushes that found the socket full
	Dropped          uint64 // because the socket stayed full
	NoBuffer         uint64 // because the kernel had no memory for them, or a queue of the device was full
	Failed           uint64 // for another reason: no route, forbidden by a filter, too long for the path
	Refused          uint64 // runs that the kernel refused to cut, and that were sent datagram by datagram

	Received, ReceiveCalls uint64
	Truncated              uint64 // datagrams longer than the buffers of the reader, which are not handed out
}

type counters struct {
	datagrams, bytes, messages, calls, waits, dropped, noBuffer, failed, refused, received, receiveCalls, truncated atomic.Uint64
}

// Stats returns the numbers so far. They are not of one instant.
func (c *Conn) Stats() Stats {
	n := &c.counters
	return Stats{
		Datagrams: n.datagrams.Load(), Bytes: n.bytes.Load(), Messages: n.messages.Load(), Calls: n.calls.Load(), Waits: n.waits.Load(),
		Dropped: n.dropped.Load(), NoBuffer: n.noBuffer.Load(), Failed: n.failed.Load(), Refused: n.refused.Load(),
		Received: n.received.Load(), ReceiveCalls: n.receiveCalls.Load(), Truncated: n.truncated.Load(),
	}
}
