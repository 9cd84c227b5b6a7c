package sfu

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"streamcat/sdpfrag"
	"streamcat/stage"
)

// peer is one pion PeerConnection that answers, the connection of a publisher. It ends once, for whatever reason: end first takes it out
// of the routing, and a goroutine of its own tears it down, so end may be called from anywhere.
type peer struct {
	engine *Engine
	pc     *webrtc.PeerConnection
	closed func(cause error) // the owner's callback, may be nil
	// detach takes the session out of the routing. It is set before negotiate.
	detach func()

	done     chan struct{}  // closed by end
	routines sync.WaitGroup // goroutines that read from the connection

	mu       sync.Mutex
	ending   bool
	timer    *time.Timer // ends the session when nothing comes
	changing sync.Mutex  // serialises stateChanged
	patching sync.Mutex  // serialises changes of the description; never taken with mu held

	offer   *offer  // with patching held, once negotiated
	trickle trickle // with patching held
	version int     // of the description given to pion
	answer  string
	etag    string
}

// newPeer makes a peer. The caller has counted it in engine.sessions.
func (e *Engine) newPeer(o *offer, closed func(error)) (*peer, error) {
	pc, err := e.publish.NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle})
	if err != nil {
		return nil, fmt.Errorf("make a connection: %w", err)
	}
	p := &peer{
		engine: e, pc: pc, closed: closed, offer: o, done: make(chan struct{}),
		trickle: trickle{offer: o, remote: o.ice, candidates: len(o.candidates)},
		detach:  func() {},
	}
	pc.OnConnectionStateChange(p.stateChanged)
	return p, nil
}

// stateChanged follows the connection. pion calls it in a goroutine for each change, so the calls may overtake each other: what
// counts is the state now, and the last call sees the last state.
func (p *peer) stateChanged(webrtc.PeerConnectionState) {
	p.changing.Lock()
	defer p.changing.Unlock()
	switch p.pc.ConnectionState() {
	case webrtc.PeerConnectionStateConnected:
		p.deadline(0, nil)
	case webrtc.PeerConnectionStateDisconnected:
		p.deadline(publisherGone, ErrDisconnected)
	case webrtc.PeerConnectionStateFailed:
		p.end(ErrDisconnected)
	case webrtc.PeerConnectionStateClosed:
		p.end(ErrHungUp)
	}
}

// deadline ends the session after d unless it is set again before; 0 sets none.
func (p *peer) deadline(d time.Duration, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	if d > 0 && !p.ending {
		p.timer = time.AfterFunc(d, func() { p.end(cause) })
	}
}

// negotiate answers the offer. Errors of the client's making carry InvalidInput.
func (p *peer) negotiate(ctx context.Context) error {
	if err := p.describe(ctx, p.offer.ice); err != nil {
		return err
	}
	p.deadline(p.engine.connectWithin, ErrNeverConnected)
	return nil
}

// describe gives pion the offer with the client's credentials and takes the answer, with all candidates.
func (p *peer) describe(ctx context.Context, remote sdpfrag.Credentials) error {
	p.version++
	description := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: p.offer.render(remote, p.version)}
	if err := p.pc.SetRemoteDescription(description); err != nil {
		return stage.Errorf(stage.InvalidInput, "The offer cannot be used: %w", err)
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("create the answer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return fmt.Errorf("set the answer: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return fmt.Errorf("gather candidates: %w", context.Cause(ctx))
	case <-p.done:
		return ErrHungUp
	}
	text := p.pc.LocalDescription().SDP
	local, err := localCredentials(text)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer, p.etag = text, local.Ufrag
	return nil
}

// Answer is the SDP answer with all candidates.
func (p *peer) Answer() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answer
}

// ETag names the ICE session: it is the server's user name fragment.
func (p *peer) ETag() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.etag
}

// Close ends the connection. It does not call Closed.
func (p *peer) Close() error {
	p.end(nil)
	return nil
}

// end ends the session; with a cause, the owner is told. Only the first call does anything.
func (p *peer) end(cause error) {
	p.mu.Lock()
	if p.ending {
		p.mu.Unlock()
		return
	}
	p.ending = true
	if p.timer != nil {
		p.timer.Stop()
	}
	close(p.done)
	p.mu.Unlock()
	p.detach()
	go func() {
		defer p.engine.sessions.Done()
		if err := p.pc.GracefulClose(); err != nil && !errors.Is(err, webrtc.ErrConnectionClosed) {
			p.engine.log.Debug("a connection did not close cleanly", "error", err)
		}
		p.routines.Wait()
		if cause != nil && p.closed != nil {
			p.closed(cause)
		}
	}()
}

// over says whether the session has ended.
func (p *peer) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ending
}

// do runs f in a goroutine that the session's end waits for. It returns false when the session has ended already.
func (p *peer) do(f func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending {
		return false
	}
	p.routines.Go(f)
	return true
}
