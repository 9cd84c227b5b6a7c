package sfu

import (
	"strconv"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"streamcat/stage"
)

// reportInterval is the least time between two sender reports of a track that are passed on.
const reportInterval = 500 * time.Millisecond

// uplink is a publisher as the router sees it.
type uplink struct {
	participant stage.ParticipantID
	ended       func(cause error) // ends the session
	over        func() bool       // says whether it has ended

	audio, video *track // guarded by router.mu
}

func (u *uplink) place(kind stage.Kind) **track {
	if kind == stage.Audio {
		return &u.audio
	}
	return &u.video
}

// publication is a publish session: it reads what a host sends.
type publication struct {
	*peer
	uplink
	router *router
	spec   stage.PublishSpec
	clock  wallClock
}

func newPublication(p *peer, r *router, spec stage.PublishSpec) *publication {
	s := &publication{peer: p, router: r, spec: spec}
	s.uplink = uplink{participant: spec.Participant, ended: p.end, over: p.over}
	p.detach = func() {
		if r.removeUplink(&s.uplink) {
			p.engine.counters.publishers.Add(-1)
		}
	}
	p.pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		p.do(func() { s.receive(remote, receiver) })
	})
	return s
}

// receive reads one track until the session ends.
func (s *publication) receive(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	kind := stage.Video
	if remote.Kind() == webrtc.RTPCodecTypeAudio {
		kind = stage.Audio
	}
	t := newTrack(kind, s.router, &s.engine.counters)
	for _, c := range receiver.GetParameters().Codecs {
		t.formats[c.PayloadType&0x7f] = formatOfCodec(c)
	}
	if !s.router.addTrack(&s.uplink, t) {
		return // a second track of a kind is not routed
	}
	s.declare(kind, uint32(remote.SSRC()))
	if s.spec.Started != nil {
		s.do(func() { s.spec.Started(kind) })
	}
	s.do(func() { s.readReports(t, remote, receiver) })
	if kind == stage.Video {
		s.do(func() { t.keyframes.run(s.done, func() { s.requestKeyframe(remote.SSRC()) }) })
	}
	s.readPackets(t, remote)
}

// declare notes the SSRC of a section whose offer did not name one: when ICE is restarted, the offer is given to pion again, and pion
// ends what it does not find there.
func (s *publication) declare(kind stage.Kind, ssrc uint32) {
	s.patching.Lock()
	defer s.patching.Unlock()
	for i := range s.offer.sections {
		if section := &s.offer.sections[i]; section.kind == kind && section.ssrc == "" {
			section.ssrc = strconv.FormatUint(uint64(ssrc), 10)
		}
	}
}

// readPackets takes packets in. It returns when the connection ends.
func (s *publication) readPackets(t *track, remote *webrtc.TrackRemote) {
	buf := make([]byte, maxPacket)
	var packet rtp.Packet
	for {
		n, _, err := remote.Read(buf)
		if err != nil {
			return
		}
		// Unmarshal reuses what the packet holds; a malformed one is the sender's loss.
		if packet.Unmarshal(buf[:n]) == nil {
			t.take(&packet)
		}
	}
}

// readReports takes the publisher's sender reports in.
func (s *publication) readReports(t *track, remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	buf := make([]byte, maxPacket)
	var last time.Time
	for {
		n, _, err := receiver.Read(buf)
		if err != nil {
			return
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		now := time.Now()
		for _, p := range packets {
			report, ok := p.(*rtcp.SenderReport)
			if !ok || report.SSRC != uint32(remote.SSRC()) || report.NTPTime == 0 {
				continue
			}
			t.clock.set(s.clock.local(ntpTime(report.NTPTime), now), report.RTPTime)
			if now.Sub(last) >= reportInterval {
				last = now
				t.router.notify(notice{track: t})
			}
		}
	}
}

func (s *publication) requestKeyframe(ssrc webrtc.SSRC) {
	s.engine.counters.keyframeRequests.Add(1)
	if err := s.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(ssrc)}}); err != nil {
		s.engine.log.Debug("a keyframe request was not sent", "participant", string(s.spec.Participant), "error", err)
	}
}
