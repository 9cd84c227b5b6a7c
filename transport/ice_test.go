package transport

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"streamcat/stun"
)

// streaming sends a packet of audio every few milliseconds until the test ends, and hands out what arrives.
func streaming(t *testing.T, c *client, s *served) <-chan uint64 {
	t.Helper()
	arrived := make(chan uint64, 1<<16)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		b := s.t.NewBatch(s.Shard())
		for index := uint64(100); ; index++ {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
			header, payload := packet(audioSSRC, 111, index, 80)
			if err := s.AppendRTP(b, header, payload, index); err != nil && !errors.Is(err, ErrNotConnected) {
				t.Error(err)
			}
			if err := b.Flush(); err != nil {
				t.Error(err)
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
	track := wait(t, "a track", c.tracks)
	go func() {
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			arrived <- binary.BigEndian.Uint64(p.Payload[8:])
		}
	}()
	return arrived
}

// fresh waits for packets that were sent from now on.
func fresh(t *testing.T, arrived <-chan uint64) {
	t.Helper()
	for {
		select {
		case <-arrived:
			continue
		default:
		}
		break
	}
	for range 20 {
		wait(t, "media", arrived)
	}
}

func TestAddressChanges(t *testing.T) {
	tr := listenFor(t, Config{Shards: 2, Silence: 3 * time.Second})
	r := newRelay(t, tr.Candidates()[0])
	c := newClient(t, clientOptions{})
	s := connectTo(t, tr, c, false, r.address())
	arrived := streaming(t, c, s)
	fresh(t, arrived)
	for range 3 {
		before := s.route.Load().remote
		r.rebind(t)
		for s.route.Load().remote == before {
			if time.Sleep(10 * time.Millisecond); len(s.closed) > 0 {
				t.Fatalf("the peer ended: %v", <-s.closed)
			}
		}
		fresh(t, arrived)
		if err := c.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: videoSSRC}}); err != nil {
			t.Fatal(err)
		}
		wait(t, "feedback from the new address", s.feedback)
	}
}

func TestRestart(t *testing.T) {
	tr := listenFor(t, Config{})
	c := newClient(t, clientOptions{})
	s := connectTo(t, tr, c, false, "")
	arrived := streaming(t, c, s)
	fresh(t, arrived)
	former := s.Local()
	remote, _ := remoteOf(c.offer(t, &webrtc.OfferOptions{ICERestart: true}))
	local, err := s.Restart(remote)
	if err != nil {
		t.Fatal(err)
	}
	if local == former || local != s.Local() {
		t.Errorf("credentials after the restart: %v, before: %v", local, former)
	}
	c.accept(t, answer(tr, local, false, ""))
	fresh(t, arrived)
	for {
		s.mu.Lock()
		done := s.former == nil && s.current.nominated > 0
		s.mu.Unlock()
		if done {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if tr.fragments.find([]byte(former.Fragment)) != nil || tr.fragments.find([]byte(local.Fragment)) != s.Peer {
		t.Error("the peer is not known by its new fragment only")
	}
	fresh(t, arrived)
	s.Close()
	if _, err := s.Restart(remote); !errors.Is(err, ErrClosed) {
		t.Errorf("restart after the end: %v", err)
	}
}

func TestSilence(t *testing.T) {
	tr := listenFor(t, Config{Silence: 900 * time.Millisecond})
	r := newRelay(t, tr.Candidates()[0])
	c := newClient(t, clientOptions{})
	s := connectTo(t, tr, c, false, r.address())
	// The client's own checks are two seconds apart: it stays because it answers those of the peer.
	select {
	case cause := <-s.closed:
		t.Fatalf("a client that answers is given up: %v", cause)
	case <-time.After(1500 * time.Millisecond):
	}
	r.losing(func(bool, []byte) bool { return true })
	if cause := wait(t, "the end", s.closed); !errors.Is(cause, ErrSilent) {
		t.Errorf("ended with %v", cause)
	}
	empty(t, tr)
}

// empty checks that a Transport remembers nobody.
func empty(t *testing.T, tr *Transport) {
	t.Helper()
	if n := tr.Peers(); n != 0 {
		t.Errorf("%d peers are left", n)
	}
	tr.fragments.mu.RLock()
	defer tr.fragments.mu.RUnlock()
	if n := len(tr.fragments.peers); n != 0 {
		t.Errorf("%d fragments are left", n)
	}
}

func TestGoodbyes(t *testing.T) {
	t.Run("of the client", func(t *testing.T) {
		tr := listenFor(t, Config{})
		c := newClient(t, clientOptions{})
		s := connectTo(t, tr, c, false, "")
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if cause := wait(t, "the end", s.closed); !errors.Is(cause, ErrHungUp) {
			t.Errorf("ended with %v", cause)
		}
		empty(t, tr)
	})
	t.Run("of the server", func(t *testing.T) {
		tr := listenFor(t, Config{})
		c := newClient(t, clientOptions{})
		s := connectTo(t, tr, c, false, "")
		over := make(chan struct{})
		c.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
			if state == webrtc.PeerConnectionStateClosed {
				close(over)
			}
		})
		s.Close()
		s.Close()
		wait(t, "the client to notice", over)
		if len(s.closed) > 0 {
			t.Error("Closed was called for the owner's own Close")
		}
		empty(t, tr)
	})
	t.Run("forged", func(t *testing.T) {
		tr := listenFor(t, Config{Silence: 900 * time.Millisecond})
		r := newRelay(t, tr.Candidates()[0])
		c := newClient(t, clientOptions{})
		s := connectTo(t, tr, c, false, r.address())
		r.mu.Lock()
		outside := r.outside
		r.mu.Unlock()
		alert := append([]byte{recordAlert, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 26}, make([]byte, 26)...)
		if _, err := outside.WriteToUDPAddrPort(alert, r.server); err != nil {
			t.Fatal(err)
		}
		select {
		case cause := <-s.closed:
			t.Errorf("a stranger ended a connection: %v", cause)
		case <-time.After(500 * time.Millisecond):
		}
		if s.alert.Load() != 0 {
			t.Error("the goodbye was not refuted")
		}
	})
}

func TestNeverConnected(t *testing.T) {
	tr := listenFor(t, Config{Connect: 100 * time.Millisecond})
	s := serve(t, tr, Credentials{"abcd", "0123456789012345678901"}, tr.Fingerprint())
	if cause := wait(t, "the end", s.closed); !errors.Is(cause, ErrNeverConnected) {
		t.Errorf("ended with %v", cause)
	}
	empty(t, tr)
}

// stranger sends to a Transport and reads what comes back.
type stranger struct {
	*net.UDPConn
	to netip.AddrPort
}

func newStranger(t *testing.T, tr *Transport) stranger {
	t.Helper()
	conn := listenUDP(t)
	t.Cleanup(func() { conn.Close() })
	return stranger{conn, tr.Candidates()[0]}
}

// check sends a check and returns the answer, nil when there is none.
func (s stranger) check(t *testing.T, c stun.Check) *stun.Message {
	t.Helper()
	c.TransactionID = stun.NewTransactionID()
	if _, err := s.WriteToUDPAddrPort(stun.AppendRequest(nil, &c), s.to); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, maxDatagram)
	for {
		if err := s.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, _, err := s.ReadFromUDPAddrPort(buf)
		if err != nil {
			return nil
		}
		var m stun.Message
		if stun.Parse(append([]byte(nil), buf[:n]...), &m) == nil && m.TransactionID == c.TransactionID {
			return &m
		}
	}
}

func TestStrangers(t *testing.T) {
	tr := listenFor(t, Config{Shards: 2})
	remote := Credentials{"abcd", "0123456789012345678901"}
	s := serve(t, tr, remote, tr.Fingerprint())
	local := s.Local()
	right := stun.Check{RemoteFragment: local.Fragment, LocalFragment: remote.Fragment, RemotePassword: local.Password, Controlling: true, UseCandidate: true, Priority: 1}
	paths := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.paths)
	}
	t.Run("wrong password", func(t *testing.T) {
		c := right
		c.RemotePassword = "guessed password 123456"
		if m := newStranger(t, tr).check(t, c); m == nil || m.ErrorCode != int(stun.Unauthenticated) {
			t.Errorf("answer %+v", m)
		}
		if paths() != 0 {
			t.Error("the stranger's address was taken")
		}
	})
	t.Run("unknown fragment goes to the publishers", func(t *testing.T) {
		c := right
		c.RemoteFragment = "other"
		if m := newStranger(t, tr).check(t, c); m != nil {
			t.Errorf("answer %+v", m)
		}
		conn := tr.PublisherConns()[0]
		buf := make([]byte, maxDatagram)
		n, _, err := conn.ReadFrom(buf)
		if err != nil || stun.Classify(buf[:n]) != stun.STUN {
			t.Errorf("the publishers got %d bytes, %v", n, err)
		}
	})
	t.Run("right", func(t *testing.T) {
		if m := newStranger(t, tr).check(t, right); m == nil || !m.IsSuccess() || !m.Authentic(local.Password) {
			t.Errorf("answer %+v", m)
		}
		if paths() != 1 {
			t.Error("the address was not taken")
		}
	})
	t.Run("from more addresses than are kept", func(t *testing.T) {
		for range 2 * maxPaths {
			newStranger(t, tr).check(t, right)
		}
		known := 0
		if n := paths(); n > maxPaths {
			t.Errorf("%d paths", n)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, path := range s.paths {
			if path.socket.peer(path.remote) == s.Peer {
				known++
			}
		}
		if known != len(s.paths) {
			t.Errorf("%d of %d paths are known", known, len(s.paths))
		}
	})
	t.Run("media is not sent where nobody answers", func(t *testing.T) {
		c := newClient(t, clientOptions{})
		s := connectTo(t, tr, c, false, "")
		before := s.route.Load().remote
		offered, _ := remoteOf(c.LocalDescription().SDP)
		victim := newStranger(t, tr)
		forged := stun.Check{
			RemoteFragment: s.Local().Fragment, LocalFragment: offered.Fragment, RemotePassword: s.Local().Password,
			Controlling: true, UseCandidate: true, Priority: 1,
		}
		if m := victim.check(t, forged); m == nil || !m.IsSuccess() {
			t.Fatalf("answer %+v", m)
		}
		if now := s.route.Load().remote; now != before {
			t.Errorf("media goes to %v, which has not answered", now)
		}
	})
	t.Run("an address in use is not taken away", func(t *testing.T) {
		c := newClient(t, clientOptions{})
		used := connectTo(t, tr, c, false, "")
		address := used.route.Load().remote
		used.mu.Lock()
		socket := used.current.socket
		used.mu.Unlock()
		s.mu.Lock()
		if s.enter(socket, address, tr.now()) != nil || socket.peer(address) != used.Peer {
			t.Error("it was taken away")
		}
		s.mu.Unlock()
	})
}

func TestPublisherConn(t *testing.T) {
	tr := listenFor(t, Config{Shards: 2})
	conn := tr.PublisherConns()[0]
	for range 8 { // with several sources both sockets get something
		s := newStranger(t, tr)
		if _, err := s.WriteToUDPAddrPort([]byte("hello"), s.to); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		n, from, err := conn.ReadFrom(buf)
		if err != nil || string(buf[:n]) != "hello" || from.String() != s.LocalAddr().String() {
			t.Fatalf("%q from %v, %v", buf[:n], from, err)
		}
		if _, err := conn.WriteTo([]byte("back"), from); err != nil {
			t.Fatal(err)
		}
		n, back, err := s.ReadFromUDPAddrPort(buf)
		if err != nil || string(buf[:n]) != "back" || back != s.to {
			t.Fatalf("%q from %v, %v", buf[:n], back, err)
		}
	}
	failed := make(chan error)
	go func() {
		_, _, err := conn.ReadFrom(make([]byte, 10))
		failed <- err
	}()
	if err := conn.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if err := wait(t, "the deadline", failed); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("at the deadline: %v", err)
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _, err := conn.ReadFrom(make([]byte, 10))
		failed <- err
	}()
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, "the end", failed); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	if _, err := conn.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(tr.Candidates()[0])); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}
