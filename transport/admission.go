package transport

import "sync"

// admission bounds how many handshakes run at once. Those that wait cost the datagrams that their clients have sent, and no goroutine.
type admission struct {
	mu      sync.Mutex
	free    int
	waiting []*Peer // in the order of their first datagram
}

// enter says whether a Peer's handshake may begin now. If not, it waits for its turn.
func (a *admission) enter(p *Peer) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.free > 0 {
		a.free--
		return true
	}
	a.waiting = append(a.waiting, p)
	return false
}

// leave says that a handshake has ended, and returns the Peer whose turn it is.
func (a *admission) leave() (next *Peer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting) == 0 {
		a.free++
		a.waiting = nil
		return nil
	}
	next = a.waiting[0]
	a.waiting[0] = nil
	a.waiting = a.waiting[1:]
	return next
}

// forget takes a Peer that has ended out of those that wait.
func (a *admission) forget(p *Peer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, other := range a.waiting {
		if other == p {
			a.waiting = append(a.waiting[:i], a.waiting[i+1:]...)
			return
		}
	}
}
