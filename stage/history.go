package stage

import (
	"context"
	"log/slog"
	"time"
)

// The events of IVS that this service records.
const (
	joined           = "JOINED"
	left             = "LEFT"
	publishStarted   = "PUBLISH_STARTED"
	publishStopped   = "PUBLISH_STOPPED"
	publishError     = "PUBLISH_ERROR"
	subscribeStarted = "SUBSCRIBE_STARTED"
	subscribeStopped = "SUBSCRIBE_STOPPED"
	subscribeError   = "SUBSCRIBE_ERROR"
)

// sessionLinger is how long a session outlives its last publisher, or its last participant when nobody has published.
const sessionLinger = 3 * time.Minute

// maxErrorEvents bounds how many refusals one session records: a client that tries for ever must not fill the disk.
const maxErrorEvents = 1000

// Record is one entry of the history of stages. One of its fields is set.
type Record struct {
	Session     *Session     // new, or with its end
	Participant *Participant // new, or as it is now
	Event       *Event
}

// session is the session of a room.
type session struct {
	id        SessionID // "" while the stage is idle
	start     time.Time
	published bool // anybody, ever
	errors    int  // events of refusals
}

// beginSession begins a session on an idle stage, and says whether it did. Everybody who is present has joined it then.
func (r *room) beginSession() bool {
	if r.session.id != "" {
		return false
	}
	r.session = session{id: SessionID("st-" + randomID(sessionIDLength)), start: now()}
	r.record(Record{Session: &Session{ID: r.session.id, Stage: r.id, Start: r.session.start}})
	for _, p := range r.everybody() {
		p.joined, p.published = r.session.start, p.publish.publishing()
		r.recordJoin(p)
	}
	return true
}

// watchSession runs the clock of a session in which nobody publishes any more, or nobody is.
func (r *room) watchSession() {
	over := r.session.id != "" && !r.holdsSlots() &&
		(r.session.published || len(r.hosts) == 0 && r.viewers == 0)
	if !over {
		r.quiet.stop()
		return
	}
	r.quiet.start(r, sessionLinger, r.endSession)
}

func (r *room) holdsSlots() bool {
	for _, s := range r.slots {
		if s.holder != nil {
			return true
		}
	}
	return false
}

// endSession ends the session, if there is one. Those who are still present are in no session until the next begins.
func (r *room) endSession() {
	if r.session.id == "" {
		return
	}
	for _, p := range r.everybody() {
		r.recordLeave(p)
	}
	r.record(Record{Session: &Session{ID: r.session.id, Stage: r.id, Start: r.session.start, End: now()}})
	r.session = session{}
}

func (r *room) recordJoin(p *participant) {
	r.recordParticipant(p)
	r.recordEvent(joined, p.grant.Participant, "", "")
}

func (r *room) recordLeave(p *participant) {
	r.recordParticipantAs(p, false)
	r.recordEvent(left, p.grant.Participant, "", "")
}

func (r *room) recordParticipant(p *participant) { r.recordParticipantAs(p, true) }

func (r *room) recordParticipantAs(p *participant, connected bool) {
	if r.session.id == "" {
		return
	}
	r.record(Record{Participant: &Participant{
		ID:         p.grant.Participant,
		Stage:      r.id,
		Session:    r.session.id,
		UserID:     p.grant.UserID,
		Attributes: p.grant.Attributes,
		Connected:  connected,
		Published:  p.published,
		FirstJoin:  p.joined,
		Client:     p.info,
	}})
}

// recordEvent records what happened to a participant, if a session goes on.
func (r *room) recordEvent(name string, id, remote ParticipantID, code Code) {
	if r.session.id == "" {
		return
	}
	r.eventSeq = max(r.eventSeq+1, time.Now().UnixMicro())
	r.record(Record{Event: &Event{
		Name:        name,
		Stage:       r.id,
		Session:     r.session.id,
		Participant: id,
		Remote:      remote,
		Time:        now(),
		ErrorCode:   code,
		Seq:         r.eventSeq,
	}})
}

// recordError records a refusal, with the code that IVS has for it.
func (r *room) recordError(name string, id, remote ParticipantID, err error) {
	if r.session.errors >= maxErrorEvents {
		return
	}
	r.session.errors++
	code := CodeOf(err)
	if code == AtCapacity {
		code = QuotaExceeded
	}
	r.recordEvent(name, id, remote, code)
}

func (r *room) record(record Record) { r.service.history.add(record) }

// Bounds of the history on its way to the store.
const (
	historyBatch   = 500     // records in one transaction
	maxHistory     = 200_000 // records that wait; about 100 MB
	historyTimeout = 30 * time.Second
	historyTries   = 5
	historyPause   = time.Second // between tries
)

// history writes records in the order they came, away from the rooms, which never wait for a disk.
type history struct {
	store historyStore
	log   *slog.Logger
	queue *queue[historyItem]
	stop  chan struct{} // closed by close: no more pauses
	ended chan struct{}
}

// historyItem is a record, or somebody who waits for all before it.
type historyItem struct {
	record  Record
	flushed chan struct{}
}

func newHistory(store historyStore, log *slog.Logger) *history {
	h := &history{store: store, log: log, queue: newQueue[historyItem](), stop: make(chan struct{}), ended: make(chan struct{})}
	go h.run()
	return h
}

// add records something. When the store is so far behind that memory would run out, it is lost.
func (h *history) add(record Record) {
	if h.queue.size() >= maxHistory || !h.queue.put(historyItem{record: record}) {
		h.log.Warn("a history record was lost: the store does not keep up")
	}
}

// flush waits until everything added before was written, or given up.
func (h *history) flush() {
	flushed := make(chan struct{})
	if h.queue.put(historyItem{flushed: flushed}) {
		<-flushed
	}
}

func (h *history) run() {
	defer close(h.ended)
	for {
		items := h.queue.take()
		if len(items) == 0 {
			return
		}
		batch := make([]Record, 0, min(len(items), historyBatch))
		for _, item := range items {
			if item.flushed == nil {
				batch = append(batch, item.record)
			}
			if len(batch) == historyBatch || item.flushed != nil {
				h.write(batch)
				batch = batch[:0]
			}
			if item.flushed != nil {
				close(item.flushed)
			}
		}
		h.write(batch)
	}
}

// write stores a batch; a store that is busy gets some more chances.
func (h *history) write(batch []Record) {
	if len(batch) == 0 {
		return
	}
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
		err := h.store.WriteHistory(ctx, batch)
		cancel()
		if err == nil {
			return
		}
		if try == historyTries {
			h.log.Error("history was lost", "records", len(batch), "error", err)
			return
		}
		select {
		case <-time.After(historyPause):
		case <-h.stop:
		}
	}
}

// close writes what is left and waits for it.
func (h *history) close() {
	close(h.stop)
	h.queue.close()
	<-h.ended
}

// maxPage bounds what one question about the past is answered with.
const maxPage = 1000

// Sessions returns the newest sessions of a stage, newest first.
func (s *Service) Sessions(ctx context.Context, id ID) ([]Session, error) {
	if err := s.settleHistory(ctx, id); err != nil {
		return nil, err
	}
	return s.config.Store.Sessions(ctx, id, maxPage)
}

// Participants returns the participants of a session in the order they joined.
func (s *Service) Participants(ctx context.Context, id ID, session SessionID) ([]Participant, error) {
	if err := s.settleHistory(ctx, id); err != nil {
		return nil, err
	}
	return s.config.Store.Participants(ctx, id, session, maxPage)
}

// Events returns what happened to a participant in a session, oldest first.
func (s *Service) Events(ctx context.Context, id ID, session SessionID, participant ParticipantID) ([]Event, error) {
	if err := s.settleHistory(ctx, id); err != nil {
		return nil, err
	}
	return s.config.Store.Events(ctx, id, session, participant, maxPage)
}

// settleHistory makes the store agree with what has happened until now. Loading the room is what ends the sessions of a program that died.
func (s *Service) settleHistory(ctx context.Context, id ID) error {
	if _, err := s.turn(ctx, id, func(*room) error { return nil }); err != nil {
		return err
	}
	s.history.flush()
	return nil
}
