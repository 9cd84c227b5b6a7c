package rtcapi

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"streamcat/stage"
)

// countInterval is the shortest time between two VIEWER_COUNT messages.
const countInterval = time.Second

// room is one stage as this node's sockets see it.
type room struct {
	id      stage.ID
	encoded *atomic.Int64

	users int // guarded by hub.mu

	opened chan struct{} // closed when cancel and err are set
	cancel func()
	err    error

	mu       sync.Mutex
	closed   bool
	latest   *stage.Snapshot // the newest known
	shown    *stage.Snapshot // what the views show: latest, with an older viewer count while it is too early for another
	counted  time.Time       // when a viewer count was last shown
	recount  *time.Timer     // set while a count waits
	hosts    view
	audience view
	sockets  map[stage.ParticipantID][]*socket // all that can be sent away, members of a view or not yet
}

// view is what one class of participants is shown, and who they are. All of them are sent the same bytes.
type view struct {
	snapshot *stage.Snapshot
	greeting [][]byte // what a newcomer is sent after WELCOME, made when first needed
	members  map[*socket]struct{}
}

func newRoom(id stage.ID, encoded *atomic.Int64) *room {
	return &room{
		id:       id,
		encoded:  encoded,
		opened:   make(chan struct{}),
		hosts:    view{members: map[*socket]struct{}{}},
		audience: view{members: map[*socket]struct{}{}},
		sockets:  map[stage.ParticipantID][]*socket{},
	}
}

// close ends the subscription. It waits for no socket: there is none.
func (r *room) close() {
	<-r.opened
	if r.cancel != nil {
		r.cancel()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.recount != nil {
		r.recount.Stop()
	}
}

// notice is called by the bus.
func (r *room) notice(n stage.Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if n.Snapshot != nil {
		r.advance(n.Snapshot)
	}
	if n.Left != nil {
		r.send(*n.Left)
	}
}

// send sends participants away. r.mu is held.
func (r *room) send(l stage.Left) {
	farewell := encode(leftMessage(l))
	for _, s := range r.addressed(l.Participant) {
		if l.Reason == stage.LeftTokenReused && s.client == l.Keep {
			continue
		}
		s.end(farewell, statusLeft, string(l.Reason))
	}
}

// addressed returns the sockets of a participant, or all. r.mu is held.
func (r *room) addressed(id stage.ParticipantID) []*socket {
	if id != "" {
		return r.sockets[id]
	}
	var all []*socket
	for _, sockets := range r.sockets {
		all = append(all, sockets...)
	}
	return all
}

// everybody returns all sockets.
func (r *room) everybody() []*socket {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.addressed("")
}

// register lets orders to leave reach a socket, from before the service knows of it. An older socket of the same client has to be
// a broken one that nobody has noticed yet: a client has one.
func (r *room) register(s *socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, old := range r.sockets[s.grant.Participant] {
		if old.client == s.client {
			old.end(nil, websocket.StatusNormalClosure, "resumed by a newer connection")
		}
	}
	r.sockets[s.grant.Participant] = append(r.sockets[s.grant.Participant], s)
}

// unregister forgets a socket.
func (r *room) unregister(s *socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := s.grant.Participant
	r.sockets[id] = slices.DeleteFunc(r.sockets[id], func(other *socket) bool { return other == s })
	if len(r.sockets[id]) == 0 {
		delete(r.sockets, id)
	}
	delete(r.view(s).members, s)
}

// welcome makes a socket a member of its view and greets it. The snapshot that came with the welcome may be newer than what
// notices have brought, or older; the newcomer and everybody else are shown the newer of the two.
func (r *room) welcome(s *socket, w stage.Welcome) {
	hello := encode(welcomeMessage(s.grant, w))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advance(w.Snapshot)
	v := r.view(s)
	if v.snapshot == nil {
		v.snapshot = r.seenBy(v)
	}
	if v.greeting == nil {
		v.greeting = r.encode(diff(nil, v.snapshot))
	}
	s.send(hello)
	for _, frame := range v.greeting {
		s.send(frame)
	}
	v.members[s] = struct{}{}
}

func (r *room) view(s *socket) *view {
	if s.grant.Host() {
		return &r.hosts
	}
	return &r.audience
}

// seenBy is the shown snapshot with the eyes of a view.
func (r *room) seenBy(v *view) *stage.Snapshot {
	if v == &r.hosts {
		return r.shown
	}
	return r.shown.ForAudience()
}

// advance shows a snapshot if it is newer. r.mu is held.
func (r *room) advance(next *stage.Snapshot) {
	if r.latest != nil && next.Version <= r.latest.Version {
		return
	}
	r.latest = next
	r.show()
}

// show tells the members of both views what is new. A viewer count that comes too early waits, everything else goes at once.
// r.mu is held.
func (r *room) show() {
	next := r.latest
	if r.shown == nil {
		r.counted = time.Now()
	} else if next.Viewers != r.shown.Viewers {
		if wait := countInterval - time.Since(r.counted); wait > 0 {
			early := *next
			early.Viewers = r.shown.Viewers
			next = &early
			r.countLater(wait)
		} else {
			r.counted = time.Now()
		}
	}
	r.shown = next
	for _, v := range []*view{&r.hosts, &r.audience} {
		r.refresh(v)
	}
}

// refresh brings a view to what is shown. A view without members is left for the next newcomer to make.
func (r *room) refresh(v *view) {
	if len(v.members) == 0 {
		v.snapshot, v.greeting = nil, nil
		return
	}
	next := r.seenBy(v)
	changes := diff(v.snapshot, next)
	v.snapshot = next
	if len(changes) == 0 {
		return
	}
	v.greeting = nil
	frames := r.encode(changes)
	for s := range v.members {
		for _, frame := range frames {
			s.send(frame)
		}
	}
}

func (r *room) countLater(wait time.Duration) {
	if r.recount != nil {
		return
	}
	r.recount = time.AfterFunc(wait, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.recount = nil
		if !r.closed {
			r.show()
		}
	})
}

func (r *room) encode(messages []message) [][]byte {
	frames := make([][]byte, len(messages))
	for i, m := range messages {
		frames[i] = encode(m)
	}
	r.encoded.Add(int64(len(messages)))
	return frames
}
