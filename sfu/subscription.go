package sfu

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"streamcat/sdpfrag"
	"streamcat/srtp"
	"streamcat/stage"
	"streamcat/transport"
)

// subscription is a subscribe session: a downlink whose carrier is a transport.Peer. It ends once, for whatever reason.
type subscription struct {
	engine   *Engine
	router   *router
	downlink *downlink
	offer    *offer
	agreed   []section
	peer     *transport.Peer
	closed   func(cause error) // the owner's callback, may be nil

	mu      sync.Mutex
	ending  bool
	trickle trickle
	version int    // of the answer
	answer  string // until the client is connected
	etag    string
}

// newSubscription answers an offer. The caller has counted the session in engine.sessions.
func newSubscription(e *Engine, r *router, o *offer, spec stage.SubscribeSpec) (*subscription, error) {
	s := &subscription{
		engine: e, router: r, offer: o, agreed: o.agreement(), closed: spec.Closed,
		trickle: trickle{offer: o, remote: o.ice, candidates: len(o.candidates)},
	}
	s.downlink = &downlink{
		participant: spec.Participant,
		publisher:   spec.Publisher,
		audience:    spec.Audience,
		selection:   spec.Selection,
		shard:       int(e.nextShard.Add(1)) % len(e.shards),
		ended:       s.end,
		over:        s.over,
		counters:    &e.counters,
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	s.downlink.open(s.peer, s.agreed)
	return s, nil
}

// listen makes the peer that the client's checks will find, and the answer that tells them where.
func (s *subscription) listen() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peer, err = s.engine.transport.NewPeer(transport.PeerConfig{
		Remote:      transport.Credentials{Fragment: s.offer.ice.Ufrag, Password: s.offer.ice.Password},
		Fingerprint: s.offer.fingerprint,
		Shard:       s.downlink.shard,
		Callbacks: transport.Callbacks{
			Connected: s.connected,
			Feedback:  s.downlink.feedback,
			Closed:    s.end,
		},
	})
	if err != nil {
		return stage.Errorf(stage.InvalidInput, "The offer cannot be used: %w", err)
	}
	s.describe()
	return nil
}

// describe answers anew. s.mu is held.
func (s *subscription) describe() {
	s.version++
	server := s.endpoint()
	s.answer, s.etag = s.offer.answer(server, s.agreed, s.version), server.ice.Ufrag
}

func (s *subscription) endpoint() endpoint {
	local := s.peer.Local()
	return endpoint{
		ice:         sdpfrag.Credentials{Ufrag: local.Fragment, Password: local.Password},
		fingerprint: s.engine.transport.Fingerprint(),
		candidates:  s.engine.transport.Candidates(),
	}
}

// connected begins to send: before, packets would be lost, and with them the keyframe that the picture begins with.
func (s *subscription) connected(srtp.Profile) {
	s.mu.Lock()
	s.answer = "" // the client has it; it is longer than all the rest that is kept
	s.mu.Unlock()
	s.router.update(s.downlink, func() { s.downlink.ready = true })
}

// join takes the downlink into the routing.
func (s *subscription) join() error {
	publisher := s.downlink.publisher
	if publisher != "" && !s.router.publisher(publisher) {
		return stage.Errorf(stage.PublisherNotFound, "Participant %s does not publish.", publisher)
	}
	if !s.router.addDownlink(s.downlink) {
		return stage.Errorf(stage.StageDeleted, "The stage is gone.")
	}
	s.engine.counters.subscribers.Add(1)
	return nil
}

// Select sets what is forwarded on a whole-stage connection.
func (s *subscription) Select(selection stage.Selection) {
	s.router.update(s.downlink, func() { s.downlink.selection = selection })
}

// Answer is the SDP answer with all candidates.
func (s *subscription) Answer() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer == "" {
		return s.offer.answer(s.endpoint(), s.agreed, s.version)
	}
	return s.answer
}

// ETag names the ICE session: it is the server's user name fragment.
func (s *subscription) ETag() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.etag
}

// Patch applies a trickle-ice-sdpfrag (RFC 8840). The client's candidates are looked at and not needed: its checks show where it is.
func (s *subscription) Patch(_ context.Context, fragment string, restart bool) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return "", errEnded()
	}
	patch, err := s.trickle.read(fragment, restart)
	if err != nil || !restart {
		return "", err
	}
	_, err = s.peer.Restart(transport.Credentials{Fragment: patch.credentials.Ufrag, Password: patch.credentials.Password})
	switch {
	case errors.Is(err, transport.ErrClosed):
		return "", errEnded()
	case err != nil:
		return "", fmt.Errorf("restart ICE: %w", err)
	}
	s.trickle.restarted(patch)
	s.describe()
	return s.offer.fragment(s.endpoint()), nil
}

// Close ends the connection. It does not call Closed.
func (s *subscription) Close() error {
	s.end(nil)
	return nil
}

// end ends the session; with a cause, the owner is told. Only the first call does anything.
func (s *subscription) end(cause error) {
	s.mu.Lock()
	if s.ending {
		s.mu.Unlock()
		return
	}
	s.ending = true
	s.mu.Unlock()
	if s.router.removeDownlink(s.downlink) {
		s.engine.counters.subscribers.Add(-1)
	}
	s.peer.Close()
	if cause == nil || s.closed == nil {
		s.engine.sessions.Done()
		return
	}
	go func() { // whoever ends a session may hold what its owner's callback wants
		defer s.engine.sessions.Done()
		s.closed(cause)
	}()
}

// over says whether the session has ended.
func (s *subscription) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ending
}
