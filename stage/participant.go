package stage

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// resumeGrace is how long the media of a client goes on after its events socket broke.
const resumeGrace = 3 * time.Second

// maxClientInfo bounds each word that a client tells of itself, in bytes.
const maxClientInfo = 128

// Grant is a verified token: who asks, and what it may do.
type Grant struct {
	Stage        ID
	Participant  ParticipantID
	UserID       string
	Attributes   map[string]string
	Capabilities Capabilities
	Expires      time.Time
}

// Host says whether the participant may publish; others are audience.
func (g Grant) Host() bool { return g.Capabilities.Publish }

// Welcome is what a client learns when its events socket opens.
type Welcome struct {
	Session   SessionID
	Snapshot  *Snapshot
	Resources []string // this client's media resources that are alive, oldest first
}

// participant is the holder of one token while a room knows of it.
type participant struct {
	grant Grant
	// present: it has an events socket, or one that broke less than resumeGrace ago, or media. Participants that are not present
	// are only remembered for their sockets.
	present bool
	// client is the one that holds the token now. All media resources of the participant are its.
	client string
	// sockets counts open events sockets by client, of former clients too, because their ends are reported late.
	sockets map[string]int
	grace   deadline
	info    ClientInfo

	joined    time.Time // the first join in this session
	published bool      // ever, in this session
	listed    bool      // in the newest snapshot

	audioMuted   bool
	videoStopped bool
	selection    Selection

	publish       *resource
	subscriptions []*resource // oldest first
	lastSlot      int         // taken again if it is free; -1 before the first
}

// connected says whether somebody uses the token now: a client with an events socket, or an encoder without one. A client that
// has just lost its socket does not count.
func (p *participant) connected() bool {
	return p.present && (p.sockets[p.client] > 0 || p.publish != nil && !p.grace.running())
}

// Connect registers the events socket of a client. Another client of the same participant is sent away with LeftTokenReused; the same
// client resumes. Every Connect that succeeds needs one Disconnect.
func (s *Service) Connect(ctx context.Context, g Grant, client string, info ClientInfo) (Welcome, error) {
	if err := checkClient(client); err != nil {
		return Welcome{}, err
	}
	var welcome Welcome
	_, err := s.turn(ctx, g.Stage, func(r *room) error {
		if err := r.admit(g); err != nil {
			return err
		}
		p := r.join(g, client)
		p.info = info.bounded()
		p.sockets[client]++
		p.grace.stop()
		r.recordParticipant(p)
		r.settle()
		welcome = Welcome{Session: r.session.id, Snapshot: r.current(), Resources: p.alive()}
		return nil
	})
	return welcome, err
}

// Disconnect says that a client's events socket is gone. Clean ends its media now; otherwise it has three seconds to resume.
func (s *Service) Disconnect(g Grant, client string, clean bool) {
	if !s.loaded(g.Stage) {
		return
	}
	// The only errors are about a room that is gone, where there is nothing left to disconnect.
	_, _ = s.turn(s.ctx, g.Stage, func(r *room) error {
		r.disconnect(g.Participant, client, clean)
		return nil
	})
}

// SetMute tells the others what this publisher has muted.
func (s *Service) SetMute(ctx context.Context, g Grant, audioMuted, videoStopped bool) error {
	if !g.Capabilities.Publish {
		return Errorf(InsufficientCapabilities, "This token does not allow publishing.")
	}
	_, err := s.turn(ctx, g.Stage, func(r *room) error {
		p, err := r.present(g)
		if err != nil {
			return err
		}
		if p.audioMuted != audioMuted || p.videoStopped != videoStopped {
			p.audioMuted, p.videoStopped = audioMuted, videoStopped
			r.published.stale = true
		}
		return nil
	})
	return err
}

// maxSelection bounds how many publishers one selection names.
const maxSelection = 64

// Select sets what a client's whole-stage connections receive, now and later.
func (s *Service) Select(ctx context.Context, g Grant, client string, selection Selection) error {
	if err := selection.Check(); err != nil {
		return err
	}
	_, err := s.turn(ctx, g.Stage, func(r *room) error {
		p, err := r.present(g)
		if err != nil {
			return err
		}
		if p.client != client {
			return Errorf(Conflict, "Another client uses this token now.")
		}
		p.selection = selection
		for _, res := range p.subscriptions {
			if res.subscription != nil && res.publisher == "" {
				res.subscription.Select(selection)
			}
		}
		return nil
	})
	return err
}

// Check refuses a selection that names too many, what is no participant id, or another type than the three.
func (s Selection) Check() error {
	if len(s.Participants) > maxSelection {
		return Errorf(InvalidInput, "A selection names at most %d participants.", maxSelection)
	}
	valid := func(t SubscribeType) bool {
		return t == SubscribeNone || t == SubscribeAudioOnly || t == SubscribeAudioVideo
	}
	if s.Default != "" && !valid(s.Default) {
		return Errorf(InvalidInput, "A selection is NONE, AUDIO_ONLY or AUDIO_VIDEO.")
	}
	for id, t := range s.Participants {
		if err := checkParticipant(id); err != nil {
			return err
		}
		if !valid(t) {
			return Errorf(InvalidInput, "A selection is NONE, AUDIO_ONLY or AUDIO_VIDEO.")
		}
	}
	return nil
}

func checkClient(client string) error {
	if client != "" && !clientPattern.MatchString(client) {
		return Errorf(InvalidInput, "A client id has 8 to 64 letters, digits, hyphens and underscores.")
	}
	return nil
}

// bounded cuts what a client tells of itself to what is worth keeping.
func (c ClientInfo) bounded() ClientInfo {
	for _, word := range []*string{&c.Browser, &c.BrowserVersion, &c.OS, &c.OSVersion, &c.SDKVersion, &c.Protocol} {
		text := strings.ReplaceAll(strings.ToValidUTF8(*word, "\uFFFD"), "\x00", "")
		for len(text) > maxClientInfo {
			_, last := utf8.DecodeLastRuneInString(text)
			text = text[:len(text)-last]
		}
		*word = text
	}
	return c
}

// present returns the participant of a token that is in the room.
func (r *room) present(g Grant) (*participant, error) {
	p := r.participants[g.Participant]
	if p == nil || !p.present {
		return nil, Errorf(NotFound, "This participant is not connected.")
	}
	return p, nil
}

// admit looks again at what may have changed since the token was verified.
func (r *room) admit(g Grant) error {
	if r.revoked[g.Participant] {
		return errRevoked()
	}
	return nil
}

// join makes a participant present with this client, which takes over from any other.
func (r *room) join(g Grant, client string) *participant {
	p := r.participants[g.Participant]
	if p == nil {
		p = &participant{sockets: make(map[string]int), lastSlot: -1}
		r.participants[g.Participant] = p
	}
	if p.present {
		if p.client != client {
			r.takeOver(p, client)
		}
		return p
	}
	p.grant, p.client, p.present = g, client, true
	p.info, p.selection = ClientInfo{}, Selection{}
	p.audioMuted, p.videoStopped = false, false
	p.joined, p.published = now(), false
	if g.Host() {
		r.hosts = append(r.hosts, p)
		if r.published.listed < maxListed {
			r.published.stale = true
		}
	} else {
		r.viewers++
	}
	if !r.beginSession() {
		r.recordJoin(p)
	}
	return p
}

// takeOver gives a participant to another client; the old one loses its media and is told.
func (r *room) takeOver(p *participant, client string) {
	p.client = client
	p.grace.stop()
	p.selection, p.info = Selection{}, ClientInfo{}
	if p.audioMuted || p.videoStopped {
		p.audioMuted, p.videoStopped = false, false
		r.published.stale = true
	}
	r.endResources(p, Errorf(Conflict, "Another client took over this token."))
	r.notify(Notice{Left: &Left{Participant: p.grant.Participant, Keep: client, Reason: LeftTokenReused}})
}

// disconnect takes note of a socket that is gone.
func (r *room) disconnect(id ParticipantID, client string, clean bool) {
	p := r.participants[id]
	if p == nil || p.sockets[client] == 0 {
		return
	}
	if p.sockets[client]--; p.sockets[client] == 0 {
		delete(p.sockets, client)
	}
	if !p.present {
		if len(p.sockets) == 0 {
			delete(r.participants, id)
		}
		return
	}
	gone := Errorf(NotFound, "The client has disconnected.")
	switch {
	case client != p.client:
		return
	case clean: // also when a socket of before is not known to be broken yet
		r.leave(p, gone)
		return
	case p.sockets[client] > 0:
		return
	}
	p.grace.start(r, resumeGrace, func() { r.leave(p, gone) })
}

// leave ends what a participant has on the stage. cause is what its unfinished requests are answered with.
func (r *room) leave(p *participant, cause error) {
	if !p.present {
		return
	}
	p.grace.stop()
	r.endResources(p, cause)
	p.present = false
	if len(p.sockets) == 0 {
		delete(r.participants, p.grant.Participant)
	}
	if p.grant.Host() {
		r.hosts = slices.DeleteFunc(r.hosts, func(other *participant) bool { return other == p })
		if p.listed {
			r.published.stale = true
		}
	} else {
		r.viewers--
	}
	r.recordLeave(p)
}

// release lets a participant go that has neither socket nor media any more.
func (r *room) release(p *participant) {
	if p.present && p.sockets[p.client] == 0 && !p.grace.running() && p.publish == nil && len(p.subscriptions) == 0 {
		r.leave(p, nil)
	}
}

// revoke removes a participant for good, whether it is here, was here or never came.
func (r *room) revoke(ctx context.Context, id ParticipantID, reason string) error {
	if err := r.service.config.Store.Revoke(ctx, r.id, id, reason, now()); err != nil {
		return err
	}
	r.revoked[id] = true
	r.notify(Notice{Left: &Left{Participant: id, Reason: LeftDisconnected, Message: reason}})
	if p := r.participants[id]; p != nil {
		r.leave(p, errRevoked())
	}
	return nil
}

// everybody returns the participants that are present.
func (r *room) everybody() []*participant {
	var all []*participant
	for _, p := range r.participants {
		if p.present {
			all = append(all, p)
		}
	}
	return all
}

// alive lists the media resources that the participant's client knows of.
func (p *participant) alive() []string {
	ids := []string{}
	for _, res := range p.subscriptions {
		if res.session != nil {
			ids = append(ids, res.id)
		}
	}
	if p.publish != nil && p.publish.session != nil {
		ids = append(ids, p.publish.id)
	}
	return ids
}
