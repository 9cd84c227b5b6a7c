package stage

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// loadTimeout bounds how long a room may wait for the store while it is loaded.
const loadTimeout = 10 * time.Second

// room is what is live on one stage. Its goroutine is the only one that touches it; everybody else sends turns.
type room struct {
	service *Service
	id      ID
	log     *slog.Logger
	inbox   *queue[*turn]

	// err is what every turn is answered with once the room is of no use: it could not be loaded, the stage was deleted, or the
	// service is closed.
	err error

	stage        Stage
	revoked      map[ParticipantID]bool
	backstage    map[ParticipantID]bool
	participants map[ParticipantID]*participant
	resources    map[string]*resource
	hosts        []*participant // present, in the order they joined
	viewers      int            // present participants that cannot publish
	slots        []slot
	slotTurn     uint64 // grows with every slot that is freed

	session   session
	eventSeq  int64
	empty     deadline // ends the broadcast
	quiet     deadline // ends the session
	published published

	closing []MediaSession // to be closed after this turn
}

// slot is one place in whole-stage connections.
type slot struct {
	holder *participant
	freed  uint64 // when it was last given back, in slotTurns; the least recently used one is taken next
}

// turn is one piece of work for a room.
type turn struct {
	do    func(r *room) error
	err   error
	done  chan struct{} // closed after do and everything that follows from it; nil when nobody waits
	ended chan struct{} // closed when the media sessions that do ended are closed; nil when there were none. Read after done
}

// waitEnded waits until the media sessions that this turn ended are closed.
func (t *turn) waitEnded(ctx context.Context) {
	if t.ended != nil {
		wait(ctx, t.ended)
	}
}

// wait waits for a channel to be closed; a nil one is not waited for.
func wait(ctx context.Context, done <-chan struct{}) error {
	if done == nil {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// loaded says whether a stage's room is in memory.
func (s *Service) loaded(id ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rooms[id] != nil
}

// turn runs do on the goroutine of a stage's room, which is loaded first when it is not in memory. When it returns, the media plane
// and the bus have been told what followed. A turn is short and cannot be abandoned, so ctx only matters to what do does with it.
func (s *Service) turn(ctx context.Context, id ID, do func(r *room) error) (*turn, error) {
	t := &turn{do: do, done: make(chan struct{})}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := s.room(id)
		if err != nil {
			return nil, err
		}
		if r.inbox.put(t) {
			<-t.done
			return t, t.err
		}
		// The room was dropped for being idle a moment ago; the next one is fresh.
	}
}

// room returns a stage's room, and starts one when there is none.
func (s *Service) room(id ID) (*room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	r := s.rooms[id]
	if r == nil {
		r = &room{service: s, id: id, log: s.config.Log.With("stage", id), inbox: newQueue[*turn]()}
		s.rooms[id] = r
		s.work.Go(r.run)
	}
	return r, nil
}

// post sends work that nobody waits for. It never blocks, so the media plane may call it while it holds locks.
func (r *room) post(do func(r *room)) {
	r.inbox.put(&turn{do: func(r *room) error { do(r); return nil }})
}

// run is the goroutine of the room.
func (r *room) run() {
	r.err = r.load()
	for {
		turns := r.inbox.take()
		if len(turns) == 0 {
			return // the service is closed
		}
		for _, t := range turns {
			r.take(t)
		}
		if r.idle() && r.drop() {
			return
		}
	}
}

// take runs one turn and what follows from it.
func (r *room) take(t *turn) {
	if r.err != nil {
		t.err = r.err
	} else {
		t.err = t.do(r)
		r.settle()
	}
	if len(r.closing) > 0 {
		sessions, ended := r.closing, make(chan struct{})
		r.closing, t.ended = nil, ended
		r.service.work.Go(func() {
			defer close(ended)
			closeSessions(sessions)
		})
	}
	if t.done != nil {
		close(t.done)
	}
}

// closers is how many sessions are closed at once: a stage that ends may have thousands, each with some milliseconds of
// goodbyes.
const closers = 8

func closeSessions(sessions []MediaSession) {
	var wg sync.WaitGroup
	for first := range min(closers, len(sessions)) {
		wg.Go(func() {
			for i := first; i < len(sessions); i += closers {
				sessions[i].Close() // its error would be about a connection that nobody wants any more
			}
		})
	}
	wg.Wait()
}

// load reads from the store what outlives the room.
func (r *room) load() error {
	ctx, cancel := context.WithTimeout(r.service.ctx, loadTimeout)
	defer cancel()
	store := r.service.config.Store
	stage, err := store.Stage(ctx, r.id)
	if err != nil {
		return err
	}
	revoked, err := store.Revocations(ctx, r.id)
	if err != nil {
		return err
	}
	backstage, err := store.Backstage(ctx, r.id)
	if err != nil {
		return err
	}
	if err := store.EndSessions(ctx, r.id); err != nil {
		return err
	}
	r.stage = stage
	r.revoked, r.backstage = set(revoked), set(backstage)
	r.participants = make(map[ParticipantID]*participant)
	r.resources = make(map[string]*resource)
	r.slots = make([]slot, r.service.config.MaxPublishers)
	r.published.version = uint64(time.Now().UnixMicro()) // so that it goes on growing when the room comes back
	r.eventSeq = time.Now().UnixMicro()
	r.settle()
	return nil
}

func set(ids []ParticipantID) map[ParticipantID]bool {
	m := make(map[ParticipantID]bool, len(ids))
	for _, id := range ids {
		m[id] = true
	}
	return m
}

// settle makes the world agree with the room after a change: first the media plane, then the clocks, then the clients.
func (r *room) settle() {
	if r.err != nil {
		return
	}
	r.applyProgram()
	r.watchEmpty()
	r.watchSession()
	r.publishChanges()
}

// idle says whether nothing would be lost with the room.
func (r *room) idle() bool {
	if r.err != nil {
		return true
	}
	return len(r.hosts) == 0 && r.viewers == 0 && r.session.id == "" && !r.broadcasting()
}

// broadcasting says whether this is a gated stage that is live; the others have no beginning and no end.
func (r *room) broadcasting() bool { return r.stage.Gated && r.stage.Live() }

// drop takes the room out of memory unless somebody has asked for it meanwhile.
func (r *room) drop() bool {
	s := r.service
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !r.inbox.closeIfEmpty() {
		return false
	}
	// Still under the lock: the room that comes next for this stage must not be forgotten in place of this one.
	s.config.Engine.Forget(r.id)
	delete(s.rooms, r.id)
	r.stopClocks()
	return true
}

func (r *room) stopClocks() {
	r.empty.stop()
	r.quiet.stop()
	r.published.viewersDue.stop()
	for _, p := range r.participants {
		p.grace.stop()
	}
}

// notify tells every node's sockets.
func (r *room) notify(notice Notice) {
	if err := r.service.config.Bus.PublishNotice(r.id, notice); err != nil {
		r.log.Error("a notice was lost", "error", err)
	}
}

// delete removes the stage. The channel is closed when the end of its broadcast has been announced.
func (r *room) delete(ctx context.Context) (<-chan struct{}, error) {
	// Its history goes with it; entries must not be on their way still.
	r.service.history.flush()
	if err := r.service.config.Store.DeleteStage(ctx, r.id); err != nil {
		return nil, err
	}
	var announced <-chan struct{}
	if r.broadcasting() {
		announced = r.service.announcer.add(announcement{r.id, false, now()})
	}
	r.notify(Notice{Left: &Left{Reason: LeftStageDeleted}})
	r.abandon(Errorf(StageDeleted, "The stage was deleted."))
	return announced, nil
}

// shutDown sends everybody away for now.
func (r *room) shutDown() {
	if len(r.hosts) > 0 || r.viewers > 0 {
		r.notify(Notice{Left: &Left{Reason: LeftShutdown}})
	}
	for _, p := range r.everybody() {
		r.leave(p, errClosed)
	}
	r.endSession()
	r.abandon(errClosed)
}

// abandon makes the room useless: whatever still asks is answered with err.
func (r *room) abandon(err error) {
	for _, res := range r.resources {
		res.gone, res.cause = true, err
		if res.session != nil {
			r.closing = append(r.closing, res.session)
		}
	}
	r.stopClocks()
	r.service.config.Engine.Forget(r.id)
	r.err = err
}

// now is the present as the store keeps it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// deadline is a clock of a room. It does something on the room's goroutine, once, unless it is stopped before.
type deadline struct {
	timer *time.Timer
	set   uint64 // tells a firing that was overtaken by stop
}

// start starts the clock; one that runs already goes on as it is.
func (d *deadline) start(r *room, after time.Duration, do func()) {
	if d.timer != nil {
		return
	}
	set := d.set
	d.timer = time.AfterFunc(after, func() {
		r.post(func(*room) {
			if d.set == set {
				d.stop()
				do()
			}
		})
	})
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.set++
}

func (d *deadline) running() bool { return d.timer != nil }
