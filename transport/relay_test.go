package transport

import (
	"net"
	"net/netip"
	"sync"
	"testing"
)

// relay stands between one client and a server, as a NAT does. It can lose datagrams and change the address that the server sees.
type relay struct {
	inside *net.UDPConn
	server netip.AddrPort
	wait   sync.WaitGroup

	mu      sync.Mutex
	client  netip.AddrPort
	outside *net.UDPConn
	// lose decides about a datagram, toClient about its direction.
	lose func(toClient bool, datagram []byte) bool
}

func newRelay(t testing.TB, server netip.AddrPort) *relay {
	t.Helper()
	r := &relay{server: server, inside: listenUDP(t)}
	r.rebind(t)
	r.wait.Go(r.fromClient)
	t.Cleanup(func() {
		r.inside.Close()
		r.mu.Lock()
		r.outside.Close()
		r.mu.Unlock()
		r.wait.Wait()
	})
	return r
}

func listenUDP(t testing.TB) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// address is what the client sends to.
func (r *relay) address() string { return r.inside.LocalAddr().String() }

// rebind changes the address that the server sees. What comes to the old one is lost.
func (r *relay) rebind(t testing.TB) {
	outside := listenUDP(t)
	r.mu.Lock()
	if r.outside != nil {
		r.outside.Close()
	}
	r.outside = outside
	r.mu.Unlock()
	r.wait.Go(func() { r.fromServer(outside) })
}

// losing sets what is lost.
func (r *relay) losing(lose func(toClient bool, datagram []byte) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lose = lose
}

func (r *relay) fromClient() {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := r.inside.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.client = from
		outside, lost := r.outside, r.lose != nil && r.lose(false, buf[:n])
		r.mu.Unlock()
		if !lost {
			_, _ = outside.WriteToUDPAddrPort(buf[:n], r.server)
		}
	}
}

func (r *relay) fromServer(outside *net.UDPConn) {
	buf := make([]byte, maxDatagram)
	for {
		n, _, err := outside.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		r.mu.Lock()
		client, lost := r.client, r.lose != nil && r.lose(true, buf[:n])
		r.mu.Unlock()
		if !lost {
			_, _ = r.inside.WriteToUDPAddrPort(buf[:n], client)
		}
	}
}
