package transport

import (
	"net/netip"

	"streamcat/stun"
)

const (
	// maxPaths is from how many addresses one client may check: as many as it has interfaces, twice for two versions of IP, and some.
	maxPaths = 8
	// checkPriority is that of a peer-reflexive candidate, which a check has to name and nobody here looks at. // RFC 8445 5.1.2.1
	checkPriority = 110<<24 | 65535<<8 | 255
)

// path is a pair of addresses that the client's checks take. All is guarded by the lock of the Peer but socket and remote, which do not change.
type path struct {
	socket *socket
	remote netip.AddrPort

	heard     int64  // when something authentic came
	nominated uint32 // counts the nominations of the Peer; 0 for none
	proven    bool   // an answer, or a handshake, has shown that the client receives there
	pending   stun.TransactionID
	waiting   bool // for the answer to pending
}

// receiveCheck answers a request that is addressed to the Peer. It returns false when the Peer has ended.
func (p *Peer) receiveCheck(s *socket, m *stun.Message, from netip.AddrPort, now int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return false
	}
	role, present := &p.role, string(m.LocalFragment()) == p.local.Fragment
	if !present {
		if p.former == nil {
			return true // it was replaced while the message was on its way here
		}
		role = &p.former.role
	}
	answer, valid := role.Answer(s.scratch[:0], m, from)
	s.scratch = answer[:0]
	s.send(from, answer)
	if !valid {
		return true
	}
	path := p.enter(s, from, now)
	if path == nil {
		return true
	}
	path.heard = now
	p.heard.Store(now)
	if present && p.former != nil {
		p.t.fragments.remove(p.former.local.Fragment)
		p.former = nil
		for _, other := range p.paths {
			other.nominated = 0 // in the new session the client chooses anew
		}
	}
	if m.UseCandidate() {
		p.nominees++
		path.nominated = p.nominees
	}
	if !path.proven {
		s.scratch = p.appendCheck(s.scratch[:0], path)
		s.send(from, s.scratch)
	}
	p.choose(now)
	return true
}

// appendCheck writes a check of the Peer's own.
func (p *Peer) appendCheck(dst []byte, to *path) []byte {
	to.pending, to.waiting = stun.NewTransactionID(), true
	return stun.AppendRequest(dst, &stun.Check{
		TransactionID: to.pending, RemoteFragment: p.remote.Fragment, LocalFragment: p.local.Fragment, RemotePassword: p.remote.Password,
		Priority: checkPriority,
	})
}

// receiveResponse takes an answer to a check. It returns false when there was no such check.
func (p *Peer) receiveResponse(_ *socket, m *stun.Message, from netip.AddrPort, now int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	path := p.find(from)
	if path == nil || !path.waiting || path.pending != m.TransactionID {
		return false
	}
	if !m.IsSuccess() || !m.Authentic(p.remote.Password) {
		return true
	}
	path.waiting = false
	path.proven = true
	path.heard = now
	p.heard.Store(now)
	p.alert.Store(0)
	p.choose(now)
	return true
}

func (p *Peer) find(from netip.AddrPort) *path {
	for _, path := range p.paths {
		if path.remote == from {
			return path
		}
	}
	return nil
}

// enter returns the path from an address, a new one when it is not known; nil when the address is another Peer's, who is using it.
func (p *Peer) enter(s *socket, from netip.AddrPort, now int64) *path {
	found := p.find(from)
	if found != nil && found.socket == s {
		return found
	}
	if owner := s.peer(from); owner != nil && owner != p && now-owner.heard.Load() < p.t.rhythm.stale && owner.uses(from) {
		return nil // a forged source address shall not take the feedback of another client away
	}
	if found != nil { // the same remote address over another local one
		p.drop(found)
	}
	if len(p.paths) == maxPaths {
		p.drop(p.idlest())
	}
	s.claim(from, p)
	added := &path{socket: s, remote: from}
	p.paths = append(p.paths, added)
	return added
}

// uses says whether media goes to an address.
func (p *Peer) uses(remote netip.AddrPort) bool {
	r := p.route.Load()
	return r != nil && r.remote == remote
}

// idlest is the path that was silent for the longest time, of those that are not in use.
func (p *Peer) idlest() *path {
	var idlest *path
	for _, path := range p.paths {
		if path != p.current && (idlest == nil || path.heard < idlest.heard) {
			idlest = path
		}
	}
	return idlest
}

func (p *Peer) drop(gone *path) {
	gone.socket.release(gone.remote, p)
	kept := p.paths[:0]
	for _, path := range p.paths {
		if path != gone {
			kept = append(kept, path)
		}
	}
	clear(p.paths[len(kept):])
	p.paths = kept
	if p.current == gone {
		p.current = nil
	}
}

// choose decides which path is used. Before the handshake is done any will do, since the handshake itself proves that the client is
// there; media goes to what is proven only.
func (p *Peer) choose(now int64) {
	best := p.current
	for _, path := range p.paths {
		if path != best && (path.proven || !p.shaken) && p.better(path, best, now) {
			best = path
		}
	}
	if best == p.current {
		return
	}
	p.current = best
	p.reroute()
}

// better says whether a path shall replace another one.
func (p *Peer) better(path, than *path, now int64) bool {
	switch {
	case than == nil:
		return true
	case p.shaken && now-than.heard >= p.t.rhythm.stale && path.heard > than.heard:
		return true // the client's network gave it another address, and it does not know
	case p.shaken && now-path.heard >= p.t.rhythm.stale:
		return false
	case path.nominated != than.nominated:
		return path.nominated > than.nominated
	default:
		return !p.shaken && path.heard > than.heard
	}
}

// reroute publishes the path in use to those who send.
func (p *Peer) reroute() {
	if p.current == nil || p.sender == nil {
		p.route.Store(nil)
		return
	}
	p.route.Store(&route{
		local: p.current.socket.local.index, remote: p.current.remote,
		sender: p.sender, overhead: p.profile.Overhead(), controlOverhead: p.profile.ControlOverhead(),
	})
}

// overdue says, without a lock, whether a Peer needs attention: it is connecting, or silent.
func (p *Peer) overdue(now int64) bool {
	return p.route.Load() == nil || now-p.heard.Load() >= p.t.rhythm.quiet || p.alert.Load() != 0
}

// attend asks a silent Peer whether it is there, and ends one that does not answer.
func (p *Peer) attend(b *Batch, now int64) {
	rhythm := &p.t.rhythm
	heard, alert := p.heard.Load(), p.alert.Load()
	p.mu.Lock()
	switch {
	case p.ended:
		p.mu.Unlock()
		return
	case !p.shaken && now-p.created >= rhythm.connect:
		p.mu.Unlock()
		p.end(ErrNeverConnected)
		return
	case now-heard >= rhythm.silence && p.shaken:
		p.mu.Unlock()
		p.end(ErrSilent)
		return
	case alert != 0 && now-alert >= rhythm.goodbye && p.shaken:
		p.mu.Unlock()
		p.end(ErrHungUp)
		return
	}
	defer p.mu.Unlock()
	interval := rhythm.ask
	if alert != 0 {
		interval /= 3
	}
	if !p.shaken || now-p.asked < interval {
		return
	}
	p.asked = now
	for _, path := range p.paths {
		// Asked where it was last heard; the path in use may be the one that broke.
		if path == p.current || now-path.heard < rhythm.silence {
			b.scratch = p.appendCheck(b.scratch[:0], path)
			_ = b.queue(path.socket.local.index).Add(path.remote, b.scratch)
		}
	}
	p.choose(now)
}
