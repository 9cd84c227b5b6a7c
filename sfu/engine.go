package sfu

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"streamcat/stage"
	"streamcat/transport"
)

// Reasons for which sessions end, given to Closed.
var (
	ErrClosed           = errors.New("the media engine is closed")
	ErrForgotten        = errors.New("the stage is gone")
	ErrNeverConnected   = transport.ErrNeverConnected
	ErrDisconnected     = transport.ErrSilent
	ErrHungUp           = transport.ErrHungUp
	ErrPublisherStopped = errors.New("the publisher has stopped")
)

// Config is what an Engine is made of.
type Config struct {
	// Address is where media is received and sent, "host:port", all over UDP. Without a host, or with an unspecified one, every address of the
	// machine gets a socket with this port. A loopback address serves clients on this machine only.
	Address string
	// Conns are bound UDP sockets to use instead of Address. The engine closes them.
	Conns []net.PacketConn
	// PublicIPs are announced instead of the local addresses of their family: 1:1 NAT.
	PublicIPs []string
	// Log is where the engine writes; nil means slog.Default.
	Log *slog.Logger
}

// Engine is the media plane. It implements stage.Engine.
type Engine struct {
	log       *slog.Logger
	transport *transport.Transport // of the viewers; it owns the sockets
	mux       *ice.MultiUDPMuxDefault
	publish   *webrtc.API
	shards    []*shard
	nextShard atomic.Uint32
	// connectWithin is connectTimeout but in tests.
	connectWithin time.Duration
	counters      counters

	stop     chan struct{}  // ends the shards
	working  sync.WaitGroup // the shards
	sessions sync.WaitGroup // every session, until its last goroutine has ended

	mu      sync.Mutex
	routers map[stage.ID]*router
	closed  bool
}

var _ stage.Engine = (*Engine)(nil)

// New binds the sockets and starts the engine.
func New(config Config) (*Engine, error) {
	if config.Log == nil {
		config.Log = slog.Default()
	}
	t, err := listen(config)
	if err != nil {
		return nil, fmt.Errorf("listen for media on %q: %w", config.Address, err)
	}
	mux := newMux(t, config.Log)
	e := &Engine{log: config.Log, transport: t, mux: mux, connectWithin: connectTimeout, stop: make(chan struct{}), routers: map[stage.ID]*router{}}
	if e.publish, err = newAPI(mux, config.PublicIPs, config.Log); err != nil {
		return nil, errors.Join(err, mux.Close(), t.Close())
	}
	e.startShards()
	return e, nil
}

func (e *Engine) startShards() {
	for i := range e.transport.Shards() {
		e.shards = append(e.shards, newShard(i, e.transport.NewBatch(i), &e.counters))
	}
	for _, s := range e.shards {
		e.working.Go(func() { s.run(e.stop) })
	}
}

// Addrs are the addresses of the sockets.
func (e *Engine) Addrs() []net.Addr { return e.mux.GetListenAddresses() }

// Publish answers a participant's offer and takes its media.
func (e *Engine) Publish(ctx context.Context, spec stage.PublishSpec) (stage.MediaSession, error) {
	o, err := parsePublish(spec.Offer)
	if err != nil {
		return nil, err
	}
	r, err := e.begin(spec.Stage)
	if err != nil {
		return nil, fmt.Errorf("publish on stage %s: %w", spec.Stage, err)
	}
	p, err := e.newPeer(o, spec.Closed)
	if err != nil {
		e.sessions.Done()
		return nil, fmt.Errorf("publish on stage %s: %w", spec.Stage, err)
	}
	s := newPublication(p, r, spec)
	if err := s.negotiate(ctx); err != nil {
		s.end(nil)
		return nil, fmt.Errorf("publish on stage %s: %w", spec.Stage, err)
	}
	if !r.addUplink(&s.uplink) {
		s.end(nil)
		return nil, stage.Errorf(stage.StageDeleted, "The stage is gone.")
	}
	e.counters.publishers.Add(1)
	return s, nil
}

// Subscribe answers the offer of somebody who wants to receive.
func (e *Engine) Subscribe(_ context.Context, spec stage.SubscribeSpec) (stage.Subscription, error) {
	o, err := parseSubscribe(spec.Offer, spec.Publisher == "")
	if err != nil {
		return nil, err
	}
	r, err := e.begin(spec.Stage)
	if err != nil {
		return nil, fmt.Errorf("subscribe to stage %s: %w", spec.Stage, err)
	}
	s, err := newSubscription(e, r, o, spec)
	if err != nil {
		e.sessions.Done()
		return nil, fmt.Errorf("subscribe to stage %s: %w", spec.Stage, err)
	}
	if err := s.join(); err != nil {
		s.end(nil)
		return nil, err
	}
	return s, nil
}

// begin counts a new session, which Close will wait for, and returns the router of its stage.
func (e *Engine) begin(id stage.ID) (*router, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	e.sessions.Add(1)
	return e.router(id), nil
}

// router returns the router of a stage. e.mu is held.
func (e *Engine) router(id stage.ID) *router {
	r := e.routers[id]
	if r == nil {
		r = newRouter(e.shards)
		e.routers[id] = r
	}
	return r
}

// Apply sets what the routing of a stage obeys. When it returns, no packet that the new program forbids is sent any more.
func (e *Engine) Apply(id stage.ID, program stage.Program) {
	for {
		e.mu.Lock()
		if e.closed {
			e.mu.Unlock()
			return
		}
		r := e.router(id)
		e.mu.Unlock()
		if r.apply(program) {
			for _, s := range e.shards {
				s.settle()
			}
			return
		}
	}
}

// Forget drops a stage: its media sessions end, its program is gone.
func (e *Engine) Forget(id stage.ID) {
	e.mu.Lock()
	r := e.routers[id]
	delete(e.routers, id)
	e.mu.Unlock()
	if r != nil {
		r.forget(ErrForgotten)
	}
}

// Close ends all sessions and releases the sockets. It returns when the last goroutine has ended.
func (e *Engine) Close() error {
	e.mu.Lock()
	routers := e.routers
	e.routers = map[stage.ID]*router{}
	already := e.closed
	e.closed = true
	e.mu.Unlock()
	for _, r := range routers {
		r.forget(ErrClosed)
	}
	e.sessions.Wait()
	if already {
		e.working.Wait()
		return nil
	}
	close(e.stop)
	e.working.Wait()
	if err := errors.Join(e.mux.Close(), e.transport.Close()); err != nil {
		return fmt.Errorf("close the media sockets: %w", err)
	}
	return nil
}
