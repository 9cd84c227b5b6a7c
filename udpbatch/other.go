//go:build !linux

package udpbatch

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// Without sendmmsg, recvmmsg and UDP_SEGMENT, all that is left of a batch is that it is flushed at once.

type (
	sysConn  struct{}
	sysBatch struct{}
)

func (*sysBatch) init(*Batch) {}

func (*sysBatch) begin(int, netip.AddrPort, versions) bool { return true }

func (b *Batch) send() error { return b.sendEach(b.runs) }

func reusePort(string, string, syscall.RawConn) error {
	return fmt.Errorf("several sockets on one address: %w", errors.ErrUnsupported)
}

func (c *Conn) setUp(o Options) error {
	if o.ReceiveBuffer > 0 {
		if err := c.udp.SetReadBuffer(o.ReceiveBuffer); err != nil {
			return err
		}
	}
	if o.SendBuffer > 0 {
		return c.udp.SetWriteBuffer(o.SendBuffer)
	}
	return nil
}

// sysReader holds one datagram.
type sysReader struct {
	buffer []byte // one byte longer than datagrams may be, to notice those that are
	from   netip.AddrPort
	length int
}

func (s *sysReader) init(r *Reader, _ int) { s.buffer = make([]byte, r.size+1) }

func (r *Reader) read() (n int, err error) {
	s := &r.sys
	s.length, s.from, err = r.c.udp.ReadFromUDPAddrPort(s.buffer)
	if err != nil {
		return 0, err
	}
	r.c.counters.receiveCalls.Add(1)
	return 1, nil
}

func (r *Reader) next() (datagram []byte, from netip.AddrPort, ok bool) {
	s := &r.sys
	if r.message == r.received {
		return nil, netip.AddrPort{}, false
	}
	r.message++
	if s.length > r.size {
		r.c.counters.truncated.Add(1)
		return nil, netip.AddrPort{}, false
	}
	r.c.counters.received.Add(1)
	return s.buffer[:s.length:s.length], netip.AddrPortFrom(s.from.Addr().Unmap(), s.from.Port()), true
}
