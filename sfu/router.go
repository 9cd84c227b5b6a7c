package sfu

import (
	"sync"
	"sync/atomic"

	"streamcat/stage"
)

// router decides, for one stage, which track each subscriber's sections carry. What it has decided lies with the downlinks and is
// checked there for every packet; the router itself is not on a packet's way, except for the lists of who listens.
type router struct {
	shards []*shard
	// listeners are the downlinks of each shard. Readers take the list as it is; writers, holding mu, replace it. A list is never
	// changed within its length, only appended to, so an older header of the same array stays valid.
	listeners []atomic.Pointer[[]*downlink]

	mu        sync.Mutex
	program   stage.Program
	uplinks   map[stage.ParticipantID]*uplink // the newest of each participant
	replaced  map[*uplink]struct{}            // older ones that have not ended yet
	downlinks map[*downlink]struct{}
	forgotten bool
}

func newRouter(shards []*shard) *router {
	return &router{
		shards:    shards,
		listeners: make([]atomic.Pointer[[]*downlink], len(shards)),
		uplinks:   map[stage.ParticipantID]*uplink{},
		replaced:  map[*uplink]struct{}{},
		downlinks: map[*downlink]struct{}{},
	}
}

// notify tells the shards that a packet, or a sender report, of a track is there. It never blocks.
func (r *router) notify(n notice) {
	for i, s := range r.shards {
		if list := r.listeners[i].Load(); list != nil && len(*list) > 0 {
			s.offer(n)
		}
	}
}

// apply sets the program. It returns false when the stage was forgotten.
func (r *router) apply(program stage.Program) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forgotten {
		return false
	}
	r.program = program
	r.reroute()
	return true
}

// publisher says whether somebody publishes under this name.
func (r *router) publisher(id stage.ParticipantID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.uplinks[id] != nil
}

// addUplink takes a publish session in; false when the stage was forgotten or the session has ended. A participant has one: a newer
// replaces an older.
func (r *router) addUplink(u *uplink) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forgotten || u.over() {
		return false
	}
	if old := r.uplinks[u.participant]; old != nil {
		r.replaced[old] = struct{}{}
	}
	r.uplinks[u.participant] = u
	r.reroute()
	return true
}

// addTrack takes a track of a publish session in; false when it has one of that kind.
func (r *router) addTrack(u *uplink, t *track) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	place := u.place(t.kind)
	if *place != nil {
		return false
	}
	*place = t
	r.reroute()
	return true
}

// removeUplink takes a publish session out; false when it is not in. Subscriptions to this publisher alone end.
func (r *router) removeUplink(u *uplink) bool {
	r.mu.Lock()
	_, was := r.replaced[u]
	delete(r.replaced, u)
	var orphans []*downlink
	if r.uplinks[u.participant] == u {
		was = true
		delete(r.uplinks, u.participant)
		r.reroute()
		for d := range r.downlinks {
			if d.publisher == u.participant {
				orphans = append(orphans, d)
			}
		}
	}
	r.mu.Unlock()
	for _, d := range orphans {
		d.ended(ErrPublisherStopped)
	}
	return was
}

// addDownlink takes a subscriber in; false when the stage was forgotten or the session has ended.
func (r *router) addDownlink(d *downlink) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forgotten || d.over() {
		return false
	}
	r.downlinks[d] = struct{}{}
	list := &r.listeners[d.shard]
	var old []*downlink
	if p := list.Load(); p != nil {
		old = *p
	}
	longer := append(old, d)
	list.Store(&longer)
	r.route(d)
	return true
}

// removeDownlink takes a subscriber out; false when it is not in. When it returns, no packet is sent to it any more.
func (r *router) removeDownlink(d *downlink) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.downlinks[d]; !ok {
		return false
	}
	delete(r.downlinks, d)
	list := &r.listeners[d.shard]
	shorter := make([]*downlink, 0, len(*list.Load()))
	for _, other := range *list.Load() {
		if other != d {
			shorter = append(shorter, other)
		}
	}
	list.Store(&shorter)
	d.carry(func(int, stage.Kind) *track { return nil })
	return true
}

// update changes what a downlink obeys and routes it anew.
func (r *router) update(d *downlink, change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	if _, ok := r.downlinks[d]; ok {
		r.route(d)
	}
}

func (r *router) reroute() {
	for d := range r.downlinks {
		r.route(d)
	}
}

// route tells a downlink what each of its sections carries now. r.mu is held.
func (r *router) route(d *downlink) {
	if !d.ready {
		return
	}
	var slots [maxSlots]*uplink
	if d.publisher != "" {
		if r.allowed(d, d.publisher) {
			slots[0] = r.uplinks[d.publisher]
		}
	} else {
		for id, entry := range r.program.Publishers {
			if entry.Slot >= 0 && entry.Slot < maxSlots && r.allowed(d, id) {
				slots[entry.Slot] = r.uplinks[id]
			}
		}
	}
	d.carry(func(slot int, kind stage.Kind) *track {
		u := slots[slot]
		if u == nil || d.publisher == "" && !d.selection.Of(u.participant).Wants(kind) {
			return nil
		}
		return *u.place(kind)
	})
}

// allowed is the rule of the stage: the audience receives who is on air while it is live; hosts receive each other; nobody
// receives itself.
func (r *router) allowed(d *downlink, publisher stage.ParticipantID) bool {
	entry, ok := r.program.Publishers[publisher]
	if !ok || publisher == d.participant {
		return false
	}
	return !d.audience || r.program.Live && entry.OnAir
}

// forget ends every session and takes nothing in any more.
func (r *router) forget(cause error) {
	r.mu.Lock()
	r.forgotten = true
	var ends []func(error)
	for _, u := range r.uplinks {
		ends = append(ends, u.ended)
	}
	for u := range r.replaced {
		ends = append(ends, u.ended)
	}
	for d := range r.downlinks {
		ends = append(ends, d.ended)
	}
	r.mu.Unlock()
	for _, end := range ends {
		end(cause)
	}
}
