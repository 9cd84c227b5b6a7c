package stage

import (
	"context"
	"time"
)

// emptyRetry is how long a room waits to end a broadcast again after the store refused.
const emptyRetry = 5 * time.Second

// setLive begins or ends a broadcast. The channel is closed once LiveChanged was told; it is nil when nothing changed.
func (r *room) setLive(ctx context.Context, live bool) (<-chan struct{}, error) {
	if live == r.stage.Live() {
		return nil, nil
	}
	if !r.stage.Gated {
		return nil, Errorf(Conflict, "This stage is always open to its audience.")
	}
	at := now()
	var since time.Time
	if live {
		since = at
	}
	// Stored before anybody is told, so that no crash of the program takes back what was promised.
	if err := r.service.config.Store.SetLiveSince(ctx, r.id, since); err != nil {
		return nil, err
	}
	r.stage.LiveSince = since
	r.published.stale = true
	r.empty.stop()
	if !live {
		r.applyProgram() // before connections are closed, which takes its time
		r.endAudience(errNotLive())
	}
	return r.service.announcer.add(announcement{r.id, live, at}), nil
}

func errNotLive() error { return Errorf(NotLive, "This stage is not live.") }

// endAudience ends the subscriptions of those who cannot publish.
func (r *room) endAudience(cause error) {
	for _, res := range r.resources {
		if !res.publishes && !res.owner.grant.Host() {
			r.end(res, cause)
		}
	}
}

// setOnAir puts a participant before the audience or takes it off the air.
func (r *room) setOnAir(ctx context.Context, id ParticipantID, onAir bool) error {
	if onAir == r.onAir(id) {
		return nil
	}
	if !r.stage.Gated {
		return Errorf(Conflict, "This stage has no backstage.")
	}
	if err := r.service.config.Store.SetBackstage(ctx, r.id, id, !onAir, now()); err != nil {
		return err
	}
	if onAir {
		delete(r.backstage, id)
	} else {
		r.backstage[id] = true
		r.applyProgram()
		r.endSubscriptionsTo(id, func(p *participant) bool { return !p.grant.Host() })
	}
	if p := r.participants[id]; p != nil && p.listed {
		r.published.stale = true
	}
	return nil
}

// watchEmpty runs the clock of a broadcast that nobody publishes to.
func (r *room) watchEmpty() {
	if !r.broadcasting() || r.publishing() {
		r.empty.stop()
		return
	}
	r.empty.start(r, r.service.config.EmptyTimeout, r.endEmpty)
}

// publishing says whether media of anybody arrives.
func (r *room) publishing() bool {
	for _, s := range r.slots {
		if s.holder != nil && s.holder.publish.publishing() {
			return true
		}
	}
	return false
}

// endEmpty ends a broadcast whose last publisher did not come back.
func (r *room) endEmpty() {
	ctx, cancel := context.WithTimeout(r.service.ctx, loadTimeout)
	defer cancel()
	if _, err := r.setLive(ctx, false); err != nil {
		r.log.Error("the broadcast of an empty stage could not be ended", "error", err)
		r.empty.start(r, emptyRetry, r.endEmpty)
	}
}

// announcement is a broadcast that began or ended.
type announcement struct {
	stage ID
	live  bool
	at    time.Time
}

// announcer tells of broadcasts, one after another and away from the rooms, because those who are told ask the rooms back.
type announcer struct {
	tell  func(ctx context.Context, id ID, live bool, at time.Time)
	queue *queue[announced]
	ended chan struct{}
}

type announced struct {
	announcement
	done chan struct{}
}

func newAnnouncer(tell func(ctx context.Context, id ID, live bool, at time.Time)) *announcer {
	a := &announcer{tell: tell, queue: newQueue[announced](), ended: make(chan struct{})}
	go a.run()
	return a
}

// add puts an announcement in the line. The channel is closed when it was made.
func (a *announcer) add(news announcement) <-chan struct{} {
	item := announced{news, make(chan struct{})}
	if !a.queue.put(item) {
		close(item.done)
	}
	return item.done
}

func (a *announcer) run() {
	defer close(a.ended)
	for {
		items := a.queue.take()
		if len(items) == 0 {
			return
		}
		for _, item := range items {
			if a.tell != nil {
				a.tell(context.Background(), item.stage, item.live, item.at)
			}
			close(item.done)
		}
	}
}

// close makes the announcements that are left and waits for them.
func (a *announcer) close() {
	a.queue.close()
	<-a.ended
}
