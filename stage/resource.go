package stage

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// maxPerTarget is how many subscriptions a participant may have to the same publisher, or to the whole stage: two, so that a client can
// make a new connection before it breaks the old one. With a third, the first ends.
const maxPerTarget = 2

// Resource is one media connection as signalling sees it.
type Resource struct {
	ID     string // 16 to 32 characters of [A-Za-z0-9]
	Answer string
	ETag   string
}

// resource is a media connection of a participant, from the moment it is asked for.
type resource struct {
	id        string
	owner     *participant
	publisher ParticipantID // of a subscription to one publisher

	session      MediaSession // nil while the media plane works on the offer
	subscription Subscription // the same, when it is one

	publishes bool
	slot      int // of a publisher
	hasAudio  bool
	hasVideo  bool

	gone  bool
	cause error // why it went, for the request that is still waiting for it
}

// publishing says whether media has arrived.
func (res *resource) publishing() bool { return res != nil && (res.hasAudio || res.hasVideo) }

// Publish answers an offer to publish. A publish connection that the participant has already ends first, even if the new offer turns
// out to be no good; its slot is kept.
func (s *Service) Publish(ctx context.Context, g Grant, client, offer string) (Resource, error) {
	if err := checkClient(client); err != nil {
		return Resource{}, err
	}
	var r *room
	var res *resource
	t, err := s.turn(ctx, g.Stage, func(in *room) (err error) {
		r = in
		res, err = r.reservePublish(g, client)
		if err != nil {
			r.recordError(publishError, g.Participant, "", err)
		}
		return err
	})
	if err != nil {
		return Resource{}, err
	}
	t.waitEnded(ctx) // the media plane has room for one publish connection of a participant
	session, err := s.config.Engine.Publish(ctx, PublishSpec{
		Stage:       g.Stage,
		Participant: g.Participant,
		Offer:       offer,
		Started:     func(kind Kind) { r.post(func(r *room) { r.started(res, kind) }) },
		Closed:      func(cause error) { r.post(func(r *room) { r.closed(res, cause) }) },
	})
	if err != nil {
		err = asError(err, "publish on stage %s", g.Stage)
	}
	return r.finish(ctx, res, session, nil, err)
}

// Subscribe answers an offer to receive one publisher, or the whole stage when publisher is "".
func (s *Service) Subscribe(ctx context.Context, g Grant, client string, publisher ParticipantID, offer string) (Resource, error) {
	if err := checkClient(client); err != nil {
		return Resource{}, err
	}
	if publisher != "" && !participantPattern.MatchString(string(publisher)) {
		return Resource{}, errNoPublisher()
	}
	var r *room
	var res *resource
	var selection Selection
	_, err := s.turn(ctx, g.Stage, func(in *room) (err error) {
		r = in
		res, err = r.reserveSubscribe(g, client, publisher)
		if err != nil {
			r.recordError(subscribeError, g.Participant, publisher, err)
			return err
		}
		selection = res.owner.selection
		return nil
	})
	if err != nil {
		return Resource{}, err
	}
	subscription, err := s.config.Engine.Subscribe(ctx, SubscribeSpec{
		Stage:       g.Stage,
		Participant: g.Participant,
		Publisher:   publisher,
		Audience:    !g.Host(),
		Offer:       offer,
		Selection:   selection,
		Closed:      func(cause error) { r.post(func(r *room) { r.closed(res, cause) }) },
	})
	if err != nil {
		err = asError(err, "subscribe on stage %s", g.Stage)
		return r.finish(ctx, res, nil, nil, err)
	}
	return r.finish(ctx, res, subscription, subscription, nil)
}

// asError says what was being done, unless the error speaks to the client already.
func asError(err error, format string, args ...any) error {
	var refusal *Error
	if errors.As(err, &refusal) {
		return err
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// finish gives a resource the session that the media plane made for it, or takes the resource back when there is none.
func (r *room) finish(ctx context.Context, res *resource, session MediaSession, subscription Subscription, failure error) (Resource, error) {
	var answer Resource
	// The request may be given up by now; what it has begun must be finished all the same. Should the room have been dropped, the
	// resource was gone before.
	_, err := r.service.turn(context.WithoutCancel(ctx), r.id, func(*room) error {
		switch {
		case failure != nil:
			if !res.gone {
				r.recordError(res.errorEvent(), res.owner.grant.Participant, res.publisher, failure)
				r.end(res, failure)
			}
			return failure
		case res.gone:
			return res.cause
		}
		res.session, res.subscription = session, subscription
		if !res.publishes {
			r.recordEvent(subscribeStarted, res.owner.grant.Participant, res.publisher, "")
			if res.publisher == "" {
				subscription.Select(res.owner.selection) // it may have changed meanwhile
			}
		}
		answer = Resource{ID: res.id, Answer: session.Answer(), ETag: session.ETag()}
		return nil
	})
	if err != nil && session != nil {
		session.Close() // nobody has seen it, so nobody misses its goodbye
	}
	return answer, err
}

// errorEvent names the event that records a refusal.
func (res *resource) errorEvent() string {
	if res.publishes {
		return publishError
	}
	return subscribeError
}

// reservePublish takes a slot for a participant before the media plane is asked, so that two that come together cannot have the same.
func (r *room) reservePublish(g Grant, client string) (*resource, error) {
	if !g.Capabilities.Publish {
		return nil, Errorf(InsufficientCapabilities, "This token does not allow publishing.")
	}
	if err := r.admit(g); err != nil {
		return nil, err
	}
	if p := r.participants[g.Participant]; (p == nil || p.publish == nil) && !r.slotFree() {
		return nil, Errorf(AtCapacity, "This stage has %d publishers already.", len(r.slots))
	}
	p := r.join(g, client)
	res := &resource{id: randomID(resourceIDLength), owner: p, publishes: true}
	if p.publish != nil {
		r.detach(p.publish, Errorf(Conflict, "This participant has published anew."))
	}
	res.slot = r.takeSlot(p)
	p.publish = res
	r.resources[res.id] = res
	r.beginSession()
	return res, nil
}

func (r *room) slotFree() bool {
	return slices.ContainsFunc(r.slots, func(s slot) bool { return s.holder == nil })
}

// takeSlot gives a participant the slot it had, or the one that has been free for longest: late packets of whoever had it before must not
// meet the newcomer. There is one.
func (r *room) takeSlot(p *participant) int {
	best := p.lastSlot
	if best < 0 || r.slots[best].holder != nil {
		best = -1
		for i, s := range r.slots {
			if s.holder == nil && (best < 0 || s.freed < r.slots[best].freed) {
				best = i
			}
		}
	}
	r.slots[best].holder, p.lastSlot = p, best
	return best
}

// reserveSubscribe makes a subscription before the media plane is asked, so that it ends when the right to it does.
func (r *room) reserveSubscribe(g Grant, client string, publisher ParticipantID) (*resource, error) {
	if !g.Capabilities.Subscribe {
		return nil, Errorf(InsufficientCapabilities, "This token does not allow subscribing.")
	}
	if err := r.admit(g); err != nil {
		return nil, err
	}
	if !g.Host() && !r.stage.Live() {
		return nil, errNotLive()
	}
	if publisher != "" && !r.offers(publisher, g) {
		return nil, errNoPublisher()
	}
	p := r.join(g, client)
	var same []*resource
	for _, res := range p.subscriptions {
		if res.publisher == publisher {
			same = append(same, res)
		}
	}
	for len(same) >= maxPerTarget {
		r.detach(same[0], Errorf(Conflict, "This client has subscribed anew."))
		same = same[1:]
	}
	res := &resource{id: randomID(resourceIDLength), owner: p, publisher: publisher}
	p.subscriptions = append(p.subscriptions, res)
	r.resources[res.id] = res
	return res, nil
}

func errNoPublisher() error {
	return Errorf(PublisherNotFound, "There is no such publisher.")
}

// offers says whether a participant publishes what the holder of a grant may receive.
func (r *room) offers(publisher ParticipantID, to Grant) bool {
	p := r.participants[publisher]
	return p != nil && p.publish.publishing() && publisher != to.Participant && (to.Host() || r.onAir(publisher))
}

// started takes note of the first packet of a kind.
func (r *room) started(res *resource, kind Kind) {
	if r.err != nil || res.gone {
		return
	}
	first := !res.publishing()
	switch kind {
	case Audio:
		res.hasAudio = true
	case Video:
		res.hasVideo = true
	}
	r.published.stale = true
	if first {
		res.owner.published = true
		r.session.published = true
		r.recordParticipant(res.owner)
		r.recordEvent(publishStarted, res.owner.grant.Participant, "", "")
	}
}

// closed takes note of a connection that ended by itself.
func (r *room) closed(res *resource, cause error) {
	if r.err != nil || res.gone {
		return
	}
	r.log.Debug("a media connection ended", "participant", res.owner.grant.Participant, "resource", res.id, "cause", cause)
	res.session = nil // it needs no closing
	r.end(res, cause)
}

// end detaches a resource and lets its owner go if that was all it had.
func (r *room) end(res *resource, cause error) {
	r.detach(res, cause)
	r.release(res.owner)
}

// endResources detaches all of a participant.
func (r *room) endResources(p *participant, cause error) {
	for _, res := range slices.Clone(p.subscriptions) {
		r.detach(res, cause)
	}
	if p.publish != nil {
		r.detach(p.publish, cause)
	}
}

// detach ends a resource. Its session is closed when the turn is over.
func (r *room) detach(res *resource, cause error) {
	if res.gone {
		return
	}
	if cause == nil {
		cause = errNoResource()
	}
	res.gone, res.cause = true, cause
	delete(r.resources, res.id)
	p := res.owner
	if res.session != nil {
		r.closing = append(r.closing, res.session)
	}
	if !res.publishes {
		p.subscriptions = slices.DeleteFunc(p.subscriptions, func(other *resource) bool { return other == res })
		if res.subscription != nil {
			r.recordEvent(subscribeStopped, p.grant.Participant, res.publisher, "")
		}
		return
	}
	p.publish = nil
	r.slotTurn++
	r.slots[res.slot] = slot{freed: r.slotTurn}
	if res.publishing() {
		r.published.stale = true
		r.recordEvent(publishStopped, p.grant.Participant, "", "")
		r.endSubscriptionsTo(p.grant.Participant, func(*participant) bool { return true })
	}
}

// endSubscriptionsTo ends the subscriptions to one publisher of those participants that whose chooses.
func (r *room) endSubscriptionsTo(publisher ParticipantID, whose func(p *participant) bool) {
	for _, res := range r.resources {
		if res.publisher == publisher && whose(res.owner) {
			r.end(res, errNoPublisher())
		}
	}
}

// PatchResource applies a trickle-ice-sdpfrag. ifMatch is the ETag without quotes, or "*" to restart ICE; the answer is empty unless restarted.
func (s *Service) PatchResource(ctx context.Context, g Grant, resource, ifMatch, fragment string) (answer, etag string, err error) {
	session, err := s.mediaSession(ctx, g, resource)
	if err != nil {
		return "", "", err
	}
	restart := ifMatch == "*"
	if !restart && ifMatch != session.ETag() {
		return "", "", Errorf(PreconditionFailed, "The connection is in another ICE session.")
	}
	answer, err = session.Patch(ctx, fragment, restart)
	if err != nil {
		return "", "", asError(err, "patch resource %s", resource)
	}
	return answer, session.ETag(), nil
}

// mediaSession returns the session of a participant's resource.
func (s *Service) mediaSession(ctx context.Context, g Grant, resource string) (MediaSession, error) {
	if !s.loaded(g.Stage) {
		return nil, errNoResource()
	}
	var session MediaSession
	_, err := s.turn(ctx, g.Stage, func(r *room) error {
		res := r.resources[resource]
		if res == nil || res.session == nil || res.owner.grant.Participant != g.Participant {
			return errNoResource()
		}
		session = res.session
		return nil
	})
	return session, err
}

func errNoResource() error { return Errorf(NotFound, "There is no such connection.") }

// DeleteResource ends a media connection of this participant; NotFound when it has none of that id.
func (s *Service) DeleteResource(ctx context.Context, g Grant, resource string) error {
	if !s.loaded(g.Stage) {
		return errNoResource()
	}
	t, err := s.turn(ctx, g.Stage, func(r *room) error {
		res := r.resources[resource]
		if res == nil || res.session == nil || res.owner.grant.Participant != g.Participant {
			return errNoResource()
		}
		r.end(res, errNoResource())
		return nil
	})
	if err != nil {
		return err
	}
	t.waitEnded(ctx)
	return nil
}
