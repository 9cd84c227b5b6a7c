package transport

import (
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"streamcat/srtp"
	"streamcat/stun"
)

// TestLostFlights loses the n-th DTLS datagram of each direction. The client's own retransmission takes longer than the server's.
func TestLostFlights(t *testing.T) {
	for _, toClient := range []bool{false, true} {
		for n := int32(1); n <= 2; n++ {
			t.Run(fmt.Sprintf("datagram %d, to the client %v", n, toClient), func(t *testing.T) {
				tr := listenFor(t, Config{})
				r := newRelay(t, tr.Candidates()[0])
				var seen atomic.Int32
				r.losing(func(direction bool, datagram []byte) bool {
					return direction == toClient && stun.Classify(datagram) == stun.DTLS && seen.Add(1) == n
				})
				c := newClient(t, clientOptions{retry: 200 * time.Millisecond})
				s := connectTo(t, tr, c, false, r.address())
				play(t, c, s, 100, 3)
				if seen.Load() <= n {
					t.Errorf("only %d datagrams went that way: nothing was sent again", seen.Load())
				}
			})
		}
	}
}

// TestLostLastFlight loses the server's last flight three times: it is repeated by a Peer that has no more of the handshake than that.
func TestLostLastFlight(t *testing.T) {
	tr := listenFor(t, Config{})
	r := newRelay(t, tr.Candidates()[0])
	var lost atomic.Int32
	r.losing(func(toClient bool, datagram []byte) bool {
		return toClient && datagram[0] == recordChangeCipherSpec && lost.Add(1) <= 3
	})
	c := newClient(t, clientOptions{retry: 50 * time.Millisecond})
	s := connectTo(t, tr, c, false, r.address())
	if n := lost.Load(); n != 4 {
		t.Errorf("the last flight was sent %d times", n)
	}
	play(t, c, s, 100, 3)
}

func TestFingerprints(t *testing.T) {
	t.Run("of another certificate", func(t *testing.T) {
		tr := listenFor(t, Config{})
		c := newClient(t, clientOptions{})
		remote, _ := remoteOf(c.offer(t, nil))
		s := serve(t, tr, remote, tr.Fingerprint())
		c.accept(t, answer(tr, s.Local(), false, ""))
		if cause := wait(t, "the end", s.closed); !errors.Is(cause, ErrFingerprint) {
			t.Errorf("ended with %v", cause)
		}
		if len(s.connected) > 0 {
			t.Error("the peer connected")
		}
		empty(t, tr)
	})
	t.Run("forms", func(t *testing.T) {
		der := []byte("a certificate")
		f, err := parseFingerprint(strings.ToLower(fingerprintOf(der)))
		if err != nil || f.verify([][]byte{der}) != nil {
			t.Errorf("our own form: %v", err)
		}
		sum384, sum512 := sha512.Sum384(der), sha512.Sum512(der)
		for _, value := range []string{"sha-384 " + hex.EncodeToString(sum384[:]), "SHA-512 " + hex.EncodeToString(sum512[:])} {
			f, err := parseFingerprint(value)
			if err != nil || f.verify([][]byte{der}) != nil {
				t.Errorf("%s: %v", value, err)
			}
			if f.verify([][]byte{[]byte("another")}) == nil || f.verify(nil) == nil {
				t.Errorf("%s fits everything", value)
			}
		}
		for _, value := range []string{"", "sha-256", "sha-256 00", "sha-1 " + hex.EncodeToString(sum384[:20]), "sha-256 " + strings.Repeat("zz", 32)} {
			if _, err := parseFingerprint(value); err == nil {
				t.Errorf("%q is taken", value)
			}
		}
	})
}

// TestHandshakesWait: more clients than there is room for connect one after the other.
func TestHandshakesWait(t *testing.T) {
	tr := listenFor(t, Config{Handshakes: 1, Shards: 2})
	var peers []*served
	var clients []*client
	for range 6 {
		c := newClient(t, clientOptions{})
		remote, fingerprint := remoteOf(c.offer(t, nil))
		s := serve(t, tr, remote, fingerprint)
		peers, clients = append(peers, s), append(clients, c)
	}
	for i, c := range clients {
		c.accept(t, answer(tr, peers[i].Local(), false, ""))
	}
	for i, s := range peers {
		wait(t, "the server side", s.connected)
		wait(t, "the client side", clients[i].connected)
	}
	if err := tr.Close(); err != nil { // waits for those that shake hands
		t.Error(err)
	}
	if tr.admission.free != 1 || len(tr.admission.waiting) != 0 {
		t.Errorf("%d are free, %d wait", tr.admission.free, len(tr.admission.waiting))
	}
}

// TestHandshakeTakesTooLong: a client that begins and does not go on is given up.
func TestHandshakeTakesTooLong(t *testing.T) {
	tr := listenFor(t, Config{Handshake: 200 * time.Millisecond})
	r := newRelay(t, tr.Candidates()[0])
	var seen atomic.Int32
	r.losing(func(toClient bool, datagram []byte) bool {
		return !toClient && stun.Classify(datagram) == stun.DTLS && seen.Add(1) > 1
	})
	c := newClient(t, clientOptions{})
	remote, fingerprint := remoteOf(c.offer(t, nil))
	s := serve(t, tr, remote, fingerprint)
	c.accept(t, answer(tr, s.Local(), false, r.address()))
	wait(t, "the end", s.closed)
	empty(t, tr)
}

func TestClosedTransport(t *testing.T) {
	tr := listenFor(t, Config{Shards: 2})
	c := newClient(t, clientOptions{})
	s := connectTo(t, tr, c, false, "")
	for range 2 {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := tr.NewPeer(PeerConfig{Remote: Credentials{"abcd", "0123456789012345678901"}, Fingerprint: tr.Fingerprint()}); !errors.Is(err, ErrClosed) {
		t.Errorf("a peer of a closed transport: %v", err)
	}
	if err := s.AppendRTP(tr.NewBatch(0), make([]byte, 12), nil, 0); !errors.Is(err, ErrNotConnected) {
		t.Errorf("a packet to a closed peer: %v", err)
	}
	if len(s.closed) > 0 {
		t.Error("Closed was called")
	}
}

func TestRefusedPeers(t *testing.T) {
	tr := listenFor(t, Config{})
	good := Credentials{"abcd", "0123456789012345678901"}
	for name, config := range map[string]PeerConfig{
		"no credentials":  {Fingerprint: tr.Fingerprint()},
		"short password":  {Remote: Credentials{"abcd", "0123456789"}, Fingerprint: tr.Fingerprint()},
		"long fragment":   {Remote: Credentials{strings.Repeat("a", 257), good.Password}, Fingerprint: tr.Fingerprint()},
		"no fingerprint":  {Remote: good},
		"bad fingerprint": {Remote: good, Fingerprint: "sha-256 AA"},
	} {
		if _, err := tr.NewPeer(config); err == nil {
			t.Errorf("%s: a peer was made", name)
		}
	}
	empty(t, tr)
}

func TestAppendRefuses(t *testing.T) {
	tr := listenFor(t, Config{})
	c := newClient(t, clientOptions{})
	s := connectTo(t, tr, c, false, "")
	b := tr.NewBatch(0)
	header, payload := packet(audioSSRC, 111, 7, 20)
	if err := s.AppendRTP(b, header, payload, 8); !errors.Is(err, srtp.ErrIndex) {
		t.Errorf("an index that does not fit: %v", err)
	}
	if err := s.AppendRTCP(b, header[:4]); !errors.Is(err, srtp.ErrMalformed) {
		t.Errorf("a short RTCP packet: %v", err)
	}
	if err := s.AppendRTP(b, header, make([]byte, 1<<20), 7); err == nil {
		t.Error("a packet longer than a datagram was taken")
	}
}
