package rtcapi

import (
	"context"
	"sync"

	"github.com/coder/websocket"

	"streamcat/stage"
)

// seatKey names a client: connections with the same are one client, docs/protocol.md 1.
type seatKey struct {
	participant stage.ParticipantID
	client      string
}

// seat is where the service believes a client to sit. It makes Connect and Disconnect of one client follow each other in turns,
// also when a client comes back before the server has noticed that its old socket is broken.
type seat struct {
	users int // guarded by room.mu

	mu    sync.Mutex // held while the service is told
	taken *socket    // the socket that the service was told of
}

// seatOf returns the seat of a socket's client. Every call needs a giveBack.
func (r *room) seatOf(s *socket) *seat {
	key := seatKey{s.grant.Participant, s.client}
	r.mu.Lock()
	defer r.mu.Unlock()
	place := r.seats[key]
	if place == nil {
		place = &seat{}
		r.seats[key] = place
	}
	place.users++
	return place
}

// giveBack forgets a seat that nobody uses.
func (r *room) giveBack(s *socket, place *seat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	place.users--
	if place.users == 0 {
		delete(r.seats, seatKey{s.grant.Participant, s.client})
	}
}

// take tells the service of a socket. An older one of the same client is taken for dead: it stands up first.
func (p *seat) take(ctx context.Context, presence Presence, s *socket, info stage.ClientInfo) (stage.Welcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.taken; old != nil {
		p.taken = nil
		old.end(nil, websocket.StatusNormalClosure, "resumed by a newer connection")
		presence.Disconnect(old.grant, old.client, false)
	}
	w, err := presence.Connect(ctx, s.grant, s.client, info)
	if err == nil {
		p.taken = s
	}
	return w, err
}

// free tells the service that a socket is gone, unless it was told already.
func (p *seat) free(presence Presence, s *socket, clean bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken != s {
		return
	}
	p.taken = nil
	presence.Disconnect(s.grant, s.client, clean)
}
