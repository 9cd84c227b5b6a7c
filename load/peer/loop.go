package peer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// tickEvery is how long a loop waits at most, and ticks is how many groups the connections are in that are ticked in turns.
	tickEvery = 10 * time.Millisecond
	ticks     = 10
)

// Options say how a Pool works.
type Options struct {
	// Loops is how many goroutines receive; 0 means one.
	Loops int
	// Whole is of how many calls to the kernel one takes datagrams whole; 1 is all, 0 means 64.
	Whole int
	// Rest is how long a loop rests before it looks what has come; 0 means that it is woken. A resting loop costs the sender on the same
	// machine nothing, a waiting one costs it a wake-up.
	Rest time.Duration
	// Local is the own address, as offers name it.
	Local netip.Addr
}

// Pool has the loops of many connections, and the certificate that all use.
type Pool struct {
	options     Options
	loops       []*Loop
	next        atomic.Uint32
	running     sync.WaitGroup
	certificate tls.Certificate
	fingerprint []byte
}

// LocalTowards finds the own address that the host of a URL is reached from. IPv4 is preferred.
func LocalTowards(ctx context.Context, address string) (netip.Addr, error) {
	u, err := url.Parse(address)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find the way to %s: %w", address, err)
	}
	var errs []error
	for _, network := range []string{"udp4", "udp6"} {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, net.JoinHostPort(u.Hostname(), "9")) // sends nothing
		if err != nil {
			errs = append(errs, err)
			continue
		}
		local, ok := c.LocalAddr().(*net.UDPAddr)
		if err := c.Close(); err != nil || !ok {
			errs = append(errs, err)
			continue
		}
		return local.AddrPort().Addr().Unmap(), nil
	}
	return netip.Addr{}, fmt.Errorf("find the way to %s: %w", u.Hostname(), errors.Join(errs...))
}

// NewPool starts the loops.
func NewPool(o Options) (*Pool, error) {
	if o.Loops == 0 {
		o.Loops = 1
	}
	if o.Whole == 0 {
		o.Whole = 64
	}
	p := &Pool{options: o}
	if err := p.certify(); err != nil {
		return nil, err
	}
	for i := range o.Loops {
		l := &Loop{Index: i, pool: p, stop: make(chan struct{})}
		if err := l.open(); err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.loops = append(p.loops, l)
		p.running.Go(l.run)
	}
	return p, nil
}

// certify makes the certificate that all connections show. A page makes one for each, which is not for the server to see.
func (p *Pool) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(7 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	digest := sha256.Sum256(der)
	p.certificate, p.fingerprint = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, digest[:]
	return nil
}

// Loops are the loops.
func (p *Pool) Loops() []*Loop { return p.loops }

// Close ends all loops with their connections, whose handlers are not told. Nobody may be dialling.
func (p *Pool) Close() error {
	for _, l := range p.loops {
		l.Do(func() { close(l.stop) })
	}
	p.running.Wait()
	return nil
}

// Loop is a goroutine that receives for its connections. The fields below the queue belong to that goroutine.
type Loop struct {
	// Index counts the loops of a pool.
	Index int

	pool *Pool
	stop chan struct{}
	sys  sysLoop

	mu    sync.Mutex
	queue []func()
	ended bool

	conns   []*Conn
	free    []int32
	leaving []*Conn // ended while the connections were gone through
	group   int
}

// Do has the loop call a function soon. After the end of the loop nothing happens.
func (l *Loop) Do(f func()) {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return
	}
	l.queue = append(l.queue, f)
	l.mu.Unlock()
	l.wake()
}

// Call has the loop call a function, and waits for it. It must not be called by the loop itself.
func (l *Loop) Call(f func()) {
	done := make(chan struct{})
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return
	}
	l.queue = append(l.queue, func() { f(); close(done) })
	l.mu.Unlock()
	l.wake()
	<-done
}

// work calls what is queued; false when the loop is to end.
func (l *Loop) work() bool {
	l.mu.Lock()
	queue := l.queue
	l.queue = nil
	l.mu.Unlock()
	for _, f := range queue {
		f()
	}
	l.sweep()
	select {
	case <-l.stop:
	default:
		return true
	}
	l.mu.Lock()
	l.ended = true
	queue, l.queue = l.queue, nil
	l.mu.Unlock()
	for _, f := range queue {
		f()
	}
	for _, c := range l.conns {
		if c != nil {
			l.remove(c)
		}
	}
	return false
}

// tick is called every tickEvery.
func (l *Loop) tick(now int64) {
	for i := l.group; i < len(l.conns); i += ticks {
		if c := l.conns[i]; c != nil && c.handler != nil && !c.gone {
			c.tick(now)
		}
	}
	l.group = (l.group + 1) % ticks
	l.sweep()
}

// sweep removes the connections that have ended.
func (l *Loop) sweep() {
	for _, c := range l.leaving {
		l.remove(c)
	}
	l.leaving = l.leaving[:0]
}

// add gives a connection a place.
func (l *Loop) add(c *Conn) {
	if n := len(l.free); n > 0 {
		c.slot = l.free[n-1]
		l.free = l.free[:n-1]
		l.conns[c.slot] = c
		return
	}
	c.slot = int32(len(l.conns))
	l.conns = append(l.conns, c)
}

// remove closes a connection. Doing it twice is fine.
func (l *Loop) remove(c *Conn) {
	if int(c.slot) >= len(l.conns) || l.conns[c.slot] != c {
		return
	}
	l.conns[c.slot] = nil
	l.free = append(l.free, c.slot)
	c.socket.close()
}
