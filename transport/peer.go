package transport

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"streamcat/srtp"
	"streamcat/stun"
)

// Callbacks tell the owner of a Peer what happens to it. Each may be nil. They are called without locks, by goroutines of the Transport
// that others wait for, so they must not block.
type Callbacks struct {
	// Connected is called once, when the Peer can be sent to, before any Feedback.
	Connected func(srtp.Profile)
	// Feedback hands over a compound RTCP packet of the client's, authentic and never twice. It is good until Feedback returns. What is
	// appended to the batch, of this Peer and of others, leaves soon after; Flush sends it at once. Two calls for one Peer may overlap when
	// the client's address changes.
	Feedback func(batch *Batch, packet []byte)
	// Closed is called once, when the Peer ended by itself: ErrNeverConnected, ErrSilent, ErrHungUp, or what the handshake failed with.
	Closed func(cause error)
}

// PeerConfig is what a Peer is made of.
type PeerConfig struct {
	// Remote are the client's ICE credentials, and Fingerprint is the value of its a=fingerprint.
	Remote      Credentials
	Fingerprint string
	// Shard is the one that the Peer belongs to, -1 for the next in turn.
	Shard int
	Callbacks
}

// Peer is one client that is sent to.
type Peer struct {
	t           *Transport
	shard       *shard
	callbacks   Callbacks
	fingerprint fingerprint
	created     int64

	route atomic.Pointer[route] // where media goes; nil until connected and after the end
	heard atomic.Int64          // when something authentic came last
	alert atomic.Int64          // when something came that looks like a goodbye, 0 when it was refuted

	place int // in the shard; guarded by its lock

	mu       sync.Mutex
	ended    bool
	local    Credentials
	remote   Credentials
	former   *session // until the client uses the present one
	role     stun.Responder
	paths    []*path
	current  *path // the one in use
	nominees uint32
	asked    int64 // when the Peer was last asked whether it is there

	inbox    *inbox // of the handshake, nil before and after
	shaken   bool
	profile  srtp.Profile
	sender   *srtp.Sender
	receiver *srtp.Receiver
	flight   []byte // the datagram with the last flight of the handshake, nil when the client has it
	repeats  int
	farewell []byte // the datagram with close_notify
}

// session is an ICE session that was replaced by a restart.
type session struct {
	local, remote Credentials
	role          stun.Responder
}

// Limits of what SDP may carry. // RFC 8839 5.4
const (
	minFragment = 4
	minPassword = 22
	maxICEToken = 256
)

var errCredentials = errors.New("an ICE user name fragment has 4 to 256 characters, a password 22 to 256")

func (c Credentials) check() error {
	if len(c.Fragment) < minFragment || len(c.Fragment) > maxICEToken || len(c.Password) < minPassword || len(c.Password) > maxICEToken {
		return errCredentials
	}
	return nil
}

// NewPeer makes a Peer and waits for the client's checks.
func (t *Transport) NewPeer(config PeerConfig) (*Peer, error) {
	if err := config.Remote.check(); err != nil {
		return nil, fmt.Errorf("make a peer: %w", err)
	}
	announced, err := parseFingerprint(config.Fingerprint)
	if err != nil {
		return nil, fmt.Errorf("make a peer: %w", err)
	}
	index := config.Shard
	if index < 0 {
		index = int(t.next.Add(1) % uint32(len(t.shards)))
	}
	p := &Peer{
		t: t, shard: t.shards[index%len(t.shards)], callbacks: config.Callbacks, fingerprint: announced, created: t.now(),
		local: newCredentials(), remote: config.Remote,
	}
	p.role.Password = p.local.Password
	p.heard.Store(p.created)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	t.fragments.add(p.local.Fragment, p)
	p.shard.add(p)
	return p, nil
}

// Local are the credentials that the client shall check with.
func (p *Peer) Local() Credentials {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.local
}

// Shard is the index of the shard that the Peer belongs to.
func (p *Peer) Shard() int { return p.shard.index }

// Restart begins a new ICE session with new credentials of both sides, and returns the own ones. Media goes on where it goes until the
// client has nominated an address in the new session; keys and numbers stay. // RFC 8445 9
func (p *Peer) Restart(remote Credentials) (Credentials, error) {
	if err := remote.check(); err != nil {
		return Credentials{}, fmt.Errorf("restart ICE: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return Credentials{}, ErrClosed
	}
	if p.former != nil {
		p.t.fragments.remove(p.former.local.Fragment)
	}
	p.former = &session{local: p.local, remote: p.remote, role: p.role}
	p.local, p.remote = newCredentials(), remote
	p.role = stun.Responder{Password: p.local.Password}
	p.t.fragments.add(p.local.Fragment, p)
	return p.local, nil
}

// Close ends the Peer and tells the client. When it returns, nothing more is sent, except what lies in a Batch and what is being
// appended at the moment. It does not call Closed.
func (p *Peer) Close() { p.end(nil) }

// end ends the Peer; with a cause, the owner is told. Only the first call does anything.
func (p *Peer) end(cause error) {
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return
	}
	p.ended = true
	p.route.Store(nil)
	if p.current != nil && p.farewell != nil {
		// The client learns of a lost one by silence.
		_ = p.current.socket.local.conn(p.shard.index).Send(p.current.remote, p.farewell)
	}
	for _, path := range p.paths {
		path.socket.release(path.remote, p)
	}
	p.t.fragments.remove(p.local.Fragment)
	if p.former != nil {
		p.t.fragments.remove(p.former.local.Fragment)
	}
	p.paths, p.current, p.former = nil, nil, nil
	if p.inbox != nil {
		p.inbox.close()
		p.t.admission.forget(p)
	}
	p.sender, p.receiver, p.flight, p.farewell = nil, nil, nil, nil
	p.mu.Unlock()
	p.shard.remove(p)
	if cause != nil && p.callbacks.Closed != nil {
		p.callbacks.Closed(cause)
	}
}
