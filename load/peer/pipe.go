package peer

import (
	"net"
	"os"
	"sync"
	"time"
)

// handshakePipe is the socket that a DTLS handshake sees: what the loop received for it, until the handshake is over.
type handshakePipe struct {
	conn *Conn
	in   chan []byte

	mu      sync.Mutex
	muted   bool
	expired chan struct{} // closed when the read deadline has passed
	timer   *time.Timer
	closed  chan struct{}
	once    sync.Once
}

func newHandshakePipe(c *Conn) *handshakePipe {
	return &handshakePipe{conn: c, in: make(chan []byte, 64), expired: make(chan struct{}), closed: make(chan struct{})}
}

// put takes a copy of a datagram. One that does not fit is lost, as on any network.
func (p *handshakePipe) put(datagram []byte) {
	select {
	case p.in <- append([]byte(nil), datagram...):
	default:
	}
}

// mute drops what is written from now on. The DTLS connection is ended by that, without the server hearing of it.
func (p *handshakePipe) mute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muted = true
}

func (p *handshakePipe) ReadFrom(b []byte) (int, net.Addr, error) {
	p.mu.Lock()
	expired := p.expired
	p.mu.Unlock()
	select {
	case datagram := <-p.in:
		return copy(b, datagram), p.conn, nil
	case <-expired:
		return 0, nil, os.ErrDeadlineExceeded
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

func (p *handshakePipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.muted {
		p.conn.socket.write(b)
	}
	return len(b), nil
}

func (p *handshakePipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *handshakePipe) LocalAddr() net.Addr              { return p.conn }
func (p *handshakePipe) SetWriteDeadline(time.Time) error { return nil }
func (p *handshakePipe) SetDeadline(t time.Time) error    { return p.SetReadDeadline(t) }
func (p *handshakePipe) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil && !p.timer.Stop() {
		<-p.expired // the timer has fired, or is just about to
	}
	p.timer = nil
	select {
	case <-p.expired:
		p.expired = make(chan struct{})
	default:
	}
	if t.IsZero() {
		return nil
	}
	expired := p.expired
	if wait := time.Until(t); wait > 0 {
		p.timer = time.AfterFunc(wait, func() { close(expired) })
	} else {
		close(expired)
	}
	return nil
}
