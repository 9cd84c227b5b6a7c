//go:build !linux

package peer

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Elsewhere than on Linux every connection has a goroutine that receives, and hands what it got to the loop.

type socket struct {
	udp       *net.UDPConn
	address   netip.AddrPort
	mu        sync.Mutex
	to        netip.AddrPort
	connected bool
}

type sysLoop struct{ woken chan struct{} }

func (s *socket) open(local netip.Addr) error {
	network := "udp6"
	if local.Is4() {
		network = "udp4"
	}
	udp, err := net.ListenUDP(network, nil)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	s.udp = udp
	s.address = netip.AddrPortFrom(local, udp.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	return nil
}

func (s *socket) local() netip.AddrPort { return s.address }

func (s *socket) connect(to netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = to
	return nil
}

func (s *socket) sendTo(b []byte, to netip.AddrPort) { _, _ = s.udp.WriteToUDPAddrPort(b, to) }

func (s *socket) write(b []byte) {
	s.mu.Lock()
	to := s.to
	s.mu.Unlock()
	s.sendTo(b, to)
}

func (s *socket) drops() uint64 { return 0 }
func (s *socket) close()        { _ = s.udp.Close() }

func (l *Loop) open() error {
	l.sys.woken = make(chan struct{}, 1)
	return nil
}

func (l *Loop) wake() {
	select {
	case l.sys.woken <- struct{}{}:
	default:
	}
}

func (l *Loop) watch(c *Conn) error {
	l.pool.running.Go(func() {
		buffer := make([]byte, datagramLen)
		for {
			n, from, err := c.socket.udp.ReadFromUDPAddrPort(buffer)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			at := time.Now().UnixNano()
			l.Call(func() {
				if !c.gone {
					c.datagram(buffer[:n], n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), at)
				}
			})
		}
	})
	return nil
}

func (l *Loop) run() {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for l.work() {
		select {
		case <-l.sys.woken:
		case now := <-ticker.C:
			l.tick(now.UnixNano())
		}
	}
}
