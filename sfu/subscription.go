package sfu

import (
	"context"
	"fmt"
	"sync"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"streamcat/stage"
)

// subscription is a subscribe session: a downlink whose transport is a pion PeerConnection.
type subscription struct {
	*peer
	router   *router
	downlink *downlink
	lanes    []*lane
	once     sync.Once // for connected
}

func newSubscription(p *peer, r *router, spec stage.SubscribeSpec) *subscription {
	s := &subscription{peer: p, router: r}
	s.downlink = &downlink{
		participant: spec.Participant,
		publisher:   spec.Publisher,
		audience:    spec.Audience,
		selection:   spec.Selection,
		shard:       int(p.engine.nextShard.Add(1)) % len(p.engine.shards),
		ended:       p.end,
		over:        p.over,
		counters:    &p.engine.counters,
	}
	p.connected = s.connect
	p.detach = func() {
		if r.removeDownlink(s.downlink) {
			p.engine.counters.subscribers.Add(-1)
		}
	}
	return s
}

// open negotiates the connection and tells the downlink what was agreed.
func (s *subscription) open(ctx context.Context) error {
	counts := map[stage.Kind]int{}
	for _, offered := range s.offer.sections {
		l := &lane{kind: offered.kind, slot: counts[offered.kind]}
		counts[offered.kind]++
		s.lanes = append(s.lanes, l)
		sender, err := s.pc.AddTransceiverFromTrack(l, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return fmt.Errorf("add a section: %w", err)
		}
		l.sender = sender.Sender()
	}
	if err := s.negotiate(ctx); err != nil {
		return err
	}
	sections := make([]section, len(s.lanes))
	for i, l := range s.lanes {
		if l.writer == nil {
			return fmt.Errorf("section %d was not bound", i)
		}
		sections[i] = section{kind: l.kind, slot: l.slot, ssrc: l.ssrc, rtx: l.rtx, types: l.types}
	}
	s.downlink.open(s, sections)
	return nil
}

// join takes the downlink into the routing.
func (s *subscription) join() error {
	publisher := s.downlink.publisher
	if publisher != "" && !s.router.publisher(publisher) {
		return stage.Errorf(stage.PublisherNotFound, "Participant %s does not publish.", publisher)
	}
	if !s.router.addDownlink(s.downlink) {
		return stage.Errorf(stage.StageDeleted, "The stage is gone.")
	}
	s.engine.counters.subscribers.Add(1)
	return nil
}

// connect begins to send: before, packets would be lost, and with them the keyframe that the picture begins with.
func (s *subscription) connect() {
	s.once.Do(func() {
		for i, l := range s.lanes {
			s.do(func() { s.readFeedback(i, l) })
		}
		s.router.update(s.downlink, func() { s.downlink.ready = true })
	})
}

// readFeedback takes in what the subscriber says of one section. A compound packet that concerns several sections arrives once for each.
func (s *subscription) readFeedback(section int, l *lane) {
	buf := make([]byte, maxPacket)
	for {
		n, _, err := l.sender.Read(buf)
		if err != nil {
			return
		}
		if packets, err := rtcp.Unmarshal(buf[:n]); err == nil {
			s.downlink.feedback(section, packets)
		}
	}
}

// Select sets what is forwarded on a whole-stage connection.
func (s *subscription) Select(selection stage.Selection) {
	s.router.update(s.downlink, func() { s.downlink.selection = selection })
}

func (s *subscription) writeRTP(section int, header *rtp.Header, payload []byte) error {
	_, err := s.lanes[section].writer.WriteRTP(header, payload)
	return err
}

func (s *subscription) writeRTCP(packets []rtcp.Packet) error { return s.pc.WriteRTCP(packets) }

// lane is one section as pion sees it: a webrtc.TrackLocal that writes what it is told to, without interceptors' copies.
type lane struct {
	kind   stage.Kind
	slot   int
	sender *webrtc.RTPSender

	// Set by Bind.
	writer webrtc.TrackLocalWriter
	ssrc   uint32
	rtx    uint32
	types  payloadTypes
}

var _ webrtc.TrackLocal = (*lane)(nil)

// Bind learns what was agreed.
func (l *lane) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	codecs := c.CodecParameters()
	l.types = payloadTypesOf(codecs)
	for _, codec := range codecs {
		if formatOfCodec(codec) != noFormat {
			l.writer, l.ssrc, l.rtx = c.WriteStream(), uint32(c.SSRC()), uint32(c.SSRCRetransmission())
			return codec, nil
		}
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// Unbind has nothing to release.
func (l *lane) Unbind(webrtc.TrackLocalContext) error { return nil }

// ID names the track in the answer.
func (l *lane) ID() string { return string(l.kind) }

// RID is empty: a section has one encoding.
func (l *lane) RID() string { return "" }

// StreamID is the msid stream that the sections of a slot share, and the CNAME of both.
func (l *lane) StreamID() string { return fmt.Sprintf("slot-%d", l.slot) }

// Kind is audio or video.
func (l *lane) Kind() webrtc.RTPCodecType { return webrtc.NewRTPCodecType(string(l.kind)) }
