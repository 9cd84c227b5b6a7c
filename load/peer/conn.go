package peer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"streamcat/srtp"
	"streamcat/stun"
)

const (
	// Glimpse is how much the loop takes from the kernel of a datagram that it does not take whole: more than header, extensions and PeekLen have.
	Glimpse = 256
	// datagramLen is more than an Ethernet frame carries.
	datagramLen = 1600
	// maxPending is how many packets are kept that come before the keys are there.
	maxPending = 1024

	// consentEvery and consentFor are those of RFC 7675 5.1.
	consentEvery = 5 * time.Second
	consentFor   = 30 * time.Second
)

var (
	// ErrHungUp says that the server has ended a connection.
	ErrHungUp = errors.New("the server has ended the connection")
	// ErrSilent says that the server does not answer any more.
	ErrSilent = errors.New("the server does not answer")
	// ErrClosed says that the pool is closed.
	ErrClosed = errors.New("the pool is closed")
)

// Handler is what a connection is for. Its methods are called in the goroutine of the connection's loop.
type Handler interface {
	// RTP takes a packet that was received at a time of Unix, in nanoseconds. Packet may be only the beginning of what has a length.
	RTP(packet []byte, length int, at int64)
	// RTCP takes an authenticated compound packet.
	RTCP(compound []byte, at int64)
	// Tick is called ten times a second.
	Tick(now int64)
	// Gone is called once when the connection has ended, unless Close ended it.
	Gone(err error)
}

// Timing is when the parts of connecting were done.
type Timing struct {
	Offered   time.Time // the request with the offer was about to be sent; the last one, where the server asked to come later
	Answered  time.Time
	Checked   time.Time // the server has answered a connectivity check
	Connected time.Time // the DTLS handshake was done
}

// Conn is one connection.
type Conn struct {
	loop   *Loop
	slot   int32 // in the loop
	socket socket
	answer *Answer
	timing Timing

	responder stun.Responder
	fragment  string
	remote    netip.AddrPort // once a pair is chosen
	handshake *handshakePipe
	checks    chan checked // while connecting

	handler  Handler // once connected
	sender   *srtp.Sender
	receiver *srtp.Receiver
	opener   *opener
	pending  []pending
	scratch  []byte
	gone     bool

	nextConsent, lastConsent int64
}

// checked is an answer to a connectivity check.
type checked struct {
	id   stun.TransactionID
	from netip.AddrPort
}

// pending is a packet that came before the keys were there.
type pending struct {
	data   []byte
	length int
	at     int64
}

// Network and String make a Conn the address of its server, which is all that a DTLS library wants to see of it.
func (c *Conn) Network() string { return "udp" }

// String is the server's address.
func (c *Conn) String() string { return c.remote.String() }

// Answer is what the server has agreed to.
func (c *Conn) Answer() *Answer { return c.answer }

// Timing is when the parts of connecting were done.
func (c *Conn) Timing() Timing { return c.timing }

// Loop is where the connection is served.
func (c *Conn) Loop() *Loop { return c.loop }

// Local is the address of the own side.
func (c *Conn) Local() netip.AddrPort { return c.socket.local() }

// datagram takes in what the socket received: the beginning of length bytes.
func (c *Conn) datagram(b []byte, length int, from netip.AddrPort, at int64) {
	switch stun.Classify(b) {
	case stun.RTP:
		if c.handler != nil {
			c.handler.RTP(b, length, at)
		} else if len(c.pending) < maxPending && c.remote.IsValid() {
			c.pending = append(c.pending, pending{append([]byte(nil), b...), length, at})
		}
	case stun.RTCP:
		if c.handler == nil || len(b) != length {
			return
		}
		if compound, err := c.receiver.OpenRTCP(b); err == nil {
			c.handler.RTCP(compound, at)
		}
	case stun.STUN:
		c.check(b, from, at)
	case stun.DTLS:
		if c.handler == nil {
			c.handshake.put(b)
		} else if b[0] == 21 { // an alert: nothing else is sent after the handshake but what was lost of it // RFC 6347 4.1
			c.end(ErrHungUp)
		}
	}
}

// check answers the server's connectivity checks, and notes its answers to the own.
func (c *Conn) check(b []byte, from netip.AddrPort, at int64) {
	var m stun.Message
	if err := stun.Parse(b, &m); err != nil {
		return
	}
	if c.remote.IsValid() {
		from = c.remote
	}
	switch {
	case m.IsRequest():
		c.scratch, _ = c.responder.Answer(c.scratch[:0], &m, from)
		c.socket.sendTo(c.scratch, from)
	case !m.IsSuccess() || c.answer == nil || !m.Authentic(c.answer.password):
	case c.handler != nil:
		c.lastConsent = at
	default:
		select {
		case c.checks <- checked{m.TransactionID, from}:
		default:
		}
	}
}

// request writes a connectivity check.
func (c *Conn) request(dst []byte, id stun.TransactionID, nominate bool) []byte {
	return stun.AppendRequest(dst, &stun.Check{
		TransactionID: id, RemoteFragment: c.answer.fragment, LocalFragment: c.fragment, RemotePassword: c.answer.password,
		Priority:   110<<24 | 0xffffff, // of a peer-reflexive candidate // RFC 8445 5.1.2
		TieBreaker: c.responder.TieBreaker, Controlling: true, UseCandidate: nominate,
	})
}

// live starts to serve a connection whose handshake is done.
func (c *Conn) live(h Handler) {
	now := time.Now().UnixNano()
	c.handler = h
	c.lastConsent = now
	c.nextConsent = now + int64(float64(consentEvery)*(0.8+0.4*rand.Float64()))
	waiting := c.pending
	c.pending, c.handshake, c.checks = nil, nil, nil // memory that is only needed for connecting
	for _, p := range waiting {
		c.handler.RTP(p.data, p.length, p.at)
	}
}

// tick keeps the consent of the server. // RFC 7675 5.1
func (c *Conn) tick(now int64) {
	if now-c.lastConsent > int64(consentFor) {
		c.end(ErrSilent)
		return
	}
	if now >= c.nextConsent {
		c.nextConsent = now + int64(float64(consentEvery)*(0.8+0.4*rand.Float64()))
		c.scratch = c.request(c.scratch[:0], stun.NewTransactionID(), true)
		c.socket.write(c.scratch)
	}
	c.handler.Tick(now)
}

// end ends the connection from the side of the server.
func (c *Conn) end(err error) {
	if c.gone {
		return
	}
	c.gone = true
	c.loop.leaving = append(c.loop.leaving, c)
	if c.handler != nil {
		c.handler.Gone(err)
	}
}

// Peek decrypts the beginning of a payload into dst and returns how much of it there was. The packet has a header of that length, and the
// index is its sequence number with the roll-over counter above it. Nothing is authenticated.
func (c *Conn) Peek(dst *[PeekLen]byte, payload []byte, ssrc uint32, index uint64) int {
	return c.opener.peek(dst, payload, ssrc, index)
}

// Open authenticates a packet that was received whole.
func (c *Conn) Open(packet []byte, header int, ssrc uint32, index uint64) error {
	return c.opener.open(packet, header, ssrc, index)
}

// Overhead is how much longer a protected packet is.
func (c *Conn) Overhead() int { return c.opener.profile.Overhead() }

// Profile is how packets are protected.
func (c *Conn) Profile() srtp.Profile { return c.opener.profile }

// SendRTP protects a packet, appends it to dst and sends it. What was appended may be sent again with Repeat.
func (c *Conn) SendRTP(dst, header, payload []byte, index uint64) ([]byte, error) {
	packet, err := c.sender.SealRTP(dst, header, payload, index)
	if err != nil {
		return dst, fmt.Errorf("send RTP: %w", err)
	}
	c.socket.write(packet[len(dst):])
	return packet, nil
}

// SendRTCP protects a compound packet and sends it.
func (c *Conn) SendRTCP(dst, compound []byte) ([]byte, error) {
	packet, err := c.sender.SealRTCP(dst, compound)
	if err != nil {
		return dst, fmt.Errorf("send RTCP: %w", err)
	}
	c.socket.write(packet[len(dst):])
	return packet, nil
}

// Repeat sends a protected packet once more.
func (c *Conn) Repeat(packet []byte) { c.socket.write(packet) }

// Drops is how many packets the kernel has thrown away because the socket was not read in time.
func (c *Conn) Drops() uint64 { return c.socket.drops() }

// Close ends the connection. The server is not told.
func (c *Conn) Close() {
	c.loop.Call(func() {
		c.gone = true
		c.loop.remove(c)
	})
}
