package rtcapi

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"streamcat/stage"
)

// hub has a room for every stage that has sockets on this node.
type hub struct {
	notices Notices
	encoded atomic.Int64 // messages encoded for rooms, whatever the number of sockets

	mu    sync.Mutex
	rooms map[stage.ID]*room
}

func newHub(notices Notices) *hub {
	return &hub{notices: notices, rooms: map[stage.ID]*room{}}
}

// enter returns the room of a stage, subscribed to its notices. Every enter needs a leave.
func (h *hub) enter(ctx context.Context, id stage.ID) (*room, error) {
	h.mu.Lock()
	r := h.rooms[id]
	first := r == nil
	if first {
		r = newRoom(id, &h.encoded)
		h.rooms[id] = r
	}
	r.users++
	h.mu.Unlock()

	if first {
		r.cancel, r.err = h.notices.SubscribeNotices(id, r.notice)
		close(r.opened)
	}
	select {
	case <-r.opened:
	case <-ctx.Done():
		h.leave(r)
		return nil, ctx.Err()
	}
	if r.err != nil {
		h.leave(r)
		return nil, fmt.Errorf("listen to stage %s: %w", id, r.err)
	}
	return r, nil
}

// leave gives a room back; the last one closes it.
func (h *hub) leave(r *room) {
	h.mu.Lock()
	r.users--
	last := r.users == 0
	if last {
		delete(h.rooms, r.id)
	}
	h.mu.Unlock()
	if last {
		r.close()
	}
}

// all returns the rooms of this moment.
func (h *hub) all() []*room {
	h.mu.Lock()
	defer h.mu.Unlock()
	rooms := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	return rooms
}

// leaveAll sends everybody away.
func (h *hub) leaveAll(l stage.Left) {
	for _, r := range h.all() {
		r.notice(stage.Notice{Left: &l})
	}
}

// dropAll breaks every connection that is left and returns how many there were.
func (h *hub) dropAll() int {
	dropped := 0
	for _, r := range h.all() {
		for _, s := range r.everybody() {
			s.drop()
			dropped++
		}
	}
	return dropped
}

// count returns how many sockets there are.
func (h *hub) count() int {
	n := 0
	for _, r := range h.all() {
		n += len(r.everybody())
	}
	return n
}
