package stage

import (
	"maps"
	"time"
)

const (
	// maxListed bounds how many hosts that do not publish a snapshot lists. Tokens that allow publishing may be given to a whole
	// audience; those who publish are always listed.
	maxListed = 64

	// viewersEvery is how often a change of the viewer count is told.
	viewersEvery = time.Second
)

// published is what the world has been told of a room.
type published struct {
	program  Program
	applied  bool // the media plane has program
	snapshot *Snapshot
	stale    bool // the snapshot says something that is no longer so, apart from the viewer count
	version  uint64
	listed   int // hosts in the snapshot that do not publish

	viewers    int       // the count in the snapshot
	viewersAt  time.Time // when it was told
	viewersDue deadline  // runs while a change waits to be told
}

// onAir says whether the audience may receive a participant while the stage is live. Without a gate there is no backstage.
func (r *room) onAir(id ParticipantID) bool { return !r.stage.Gated || !r.backstage[id] }

// applyProgram tells the media plane who may be heard and seen, when that has changed. Connections that are still being made have
// their entry already, so that no packet of theirs comes before it.
func (r *room) applyProgram() {
	program := Program{Live: r.stage.Live(), Publishers: make(map[ParticipantID]ProgramEntry)}
	for i, s := range r.slots {
		if s.holder != nil {
			id := s.holder.grant.Participant
			program.Publishers[id] = ProgramEntry{Slot: i, OnAir: r.onAir(id)}
		}
	}
	old := r.published.program
	if r.published.applied && old.Live == program.Live && maps.Equal(old.Publishers, program.Publishers) {
		return
	}
	r.service.config.Engine.Apply(r.id, program)
	r.published.program, r.published.applied = program, true
}

// publishChanges tells every node what has changed: everything at once, but the viewer count, which is told once a second at most,
// the first change at once and the last one after its second.
func (r *room) publishChanges() {
	news := &r.published
	recount := r.viewers != news.viewers
	wait := viewersEvery - time.Since(news.viewersAt)
	if recount && wait > 0 {
		news.viewersDue.start(r, wait, func() {}) // the turn it makes comes here again
		recount = false
	}
	if recount {
		news.viewers, news.viewersAt = r.viewers, time.Now()
		news.viewersDue.stop()
	}
	if news.stale || news.snapshot == nil {
		first := news.snapshot == nil && !news.stale
		news.stale = false
		news.snapshot = r.compose()
		if first && !recount {
			return // the room was loaded; nobody is waiting to hear that nothing has changed
		}
	} else if recount {
		next := *news.snapshot
		news.version++
		next.Version, next.Viewers = news.version, news.viewers
		news.snapshot = &next
	} else {
		return
	}
	r.notify(Notice{Snapshot: news.snapshot})
}

// current is the newest snapshot. The session is told to those who join, not announced.
func (r *room) current() *Snapshot {
	if r.published.snapshot.Session != r.session.id {
		next := *r.published.snapshot
		next.Session = r.session.id
		r.published.snapshot = &next
	}
	return r.published.snapshot
}

// compose makes a snapshot.
func (r *room) compose() *Snapshot {
	news := &r.published
	news.version++
	snapshot := &Snapshot{
		Stage:      r.id,
		Session:    r.session.id,
		Version:    news.version,
		Gated:      r.stage.Gated,
		LiveSince:  r.stage.LiveSince,
		Slots:      len(r.slots),
		Publishers: []Publisher{},
		Viewers:    news.viewers,
	}
	news.listed = 0
	onAir := []Publisher{}
	for _, p := range r.hosts {
		publishes := p.publish.publishing()
		p.listed = publishes || news.listed < maxListed
		if !p.listed {
			continue
		}
		publisher := p.describe()
		publisher.OnAir = r.onAir(publisher.ID)
		snapshot.Publishers = append(snapshot.Publishers, publisher)
		if !publishes {
			news.listed++
		} else if publisher.OnAir {
			onAir = append(onAir, publisher)
		}
	}
	snapshot.Layout = Compose(onAir)
	return snapshot
}

// describe says of a participant what others may know.
func (p *participant) describe() Publisher {
	publisher := Publisher{
		ID:           p.grant.Participant,
		UserID:       p.grant.UserID,
		Attributes:   p.grant.Attributes,
		Slot:         -1,
		AudioMuted:   p.audioMuted,
		VideoStopped: p.videoStopped,
	}
	if publisher.Attributes == nil {
		publisher.Attributes = map[string]string{}
	}
	if p.publish.publishing() {
		publisher.Publishing = true
		publisher.Slot = p.publish.slot
		publisher.HasAudio, publisher.HasVideo = p.publish.hasAudio, p.publish.hasVideo
	}
	return publisher
}

// emptySnapshot is the state of a stage where nobody is.
func emptySnapshot(stage Stage, slots int) *Snapshot {
	return &Snapshot{
		Stage:      stage.ID,
		Gated:      stage.Gated,
		LiveSince:  stage.LiveSince,
		Slots:      slots,
		Publishers: []Publisher{},
		Layout:     Compose(nil),
	}
}
