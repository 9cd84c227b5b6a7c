package sfu

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"streamcat/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what has to happen.
const patience = 20 * time.Second

func newEngine(t testing.TB) *Engine {
	t.Helper()
	e, err := New(Config{Address: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}

// cable is a client's socket that can be cut: then nothing comes and what is sent is lost.
type cable struct {
	net.PacketConn
	cut atomic.Bool
}

func (c *cable) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil || !c.cut.Load() {
			return n, from, err
		}
	}
}

func (c *cable) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.cut.Load() {
		return len(b), nil
	}
	return c.PacketConn.WriteTo(b, to)
}

// client is a pion PeerConnection without interceptors: the tests see and say every RTCP packet themselves.
type client struct {
	*webrtc.PeerConnection
	cable *cable
}

func newClient(t testing.TB) client {
	t.Helper()
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := client{cable: &cable{PacketConn: socket}}
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: c.cable})
	var settings webrtc.SettingEngine
	settings.SetICEUDPMux(mux)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(&interceptor.Registry{}), webrtc.WithSettingEngine(settings))
	if c.PeerConnection, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(c.GracefulClose(), mux.Close()); err != nil {
			t.Error(err)
		}
	})
	return c
}

func offerOf(t testing.TB, pc client) string {
	t.Helper()
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc.PeerConnection)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	return pc.LocalDescription().SDP
}

func answerTo(t testing.TB, pc client, answer string) {
	t.Helper()
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatalf("the answer is not accepted: %v\n%s", err, answer)
	}
}

// host publishes synthetic Opus and VP8 or H.264.
type host struct {
	id       stage.ParticipantID
	pc       client
	session  stage.MediaSession
	audio    *webrtc.TrackLocalStaticRTP
	video    *webrtc.TrackLocalStaticRTP
	vp8      bool
	started  chan stage.Kind
	closed   chan error
	plis     chan struct{}
	sequence [2]uint16
	frames   uint32
}

func publish(t testing.TB, e *Engine, id stage.ParticipantID, mime string) *host {
	t.Helper()
	return publishOffering(t, e, id, mime, func(offer string) string { return offer })
}

// publishOffering publishes with an offer that is changed on its way.
func publishOffering(t testing.TB, e *Engine, id stage.ParticipantID, mime string, change func(string) string) *host {
	t.Helper()
	h := &host{
		id: id, pc: newClient(t), vp8: mime == webrtc.MimeTypeVP8,
		started: make(chan stage.Kind, 2), closed: make(chan error, 1), plis: make(chan struct{}, 100),
		sequence: [2]uint16{65500, 65510}, // wraps soon
	}
	capability := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}
	if !h.vp8 {
		capability.SDPFmtpLine = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
	}
	var err error
	if h.audio, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "audio", "host"); err != nil {
		t.Fatal(err)
	}
	if h.video, err = webrtc.NewTrackLocalStaticRTP(capability, "video", "host"); err != nil {
		t.Fatal(err)
	}
	connected := make(chan struct{})
	once := sync.OnceFunc(func() { close(connected) })
	h.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once()
		}
	})
	for _, track := range []webrtc.TrackLocal{h.audio, h.video} {
		transceiver, err := h.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			t.Fatal(err)
		}
		go h.readFeedback(transceiver.Sender())
	}
	h.session, err = e.Publish(context.Background(), stage.PublishSpec{
		Stage: "stage", Participant: id, Offer: change(offerOf(t, h.pc)),
		Started: func(kind stage.Kind) { h.started <- kind },
		Closed:  func(cause error) { h.closed <- cause },
	})
	if err != nil {
		t.Fatal(err)
	}
	answerTo(t, h.pc, h.session.Answer())
	select {
	case <-connected:
	case <-time.After(patience):
		t.Fatalf("%s does not connect\n%s", id, h.session.Answer())
	}
	return h
}

func (h *host) readFeedback(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				select {
				case h.plis <- struct{}{}:
				default:
				}
			}
		}
	}
}

// sendAudio sends one packet; its payload tells who sent it and its number.
func (h *host) sendAudio(t testing.TB) {
	h.sequence[0]++
	h.write(t, h.audio, rtp.Header{SequenceNumber: h.sequence[0], Timestamp: uint32(h.sequence[0]) * 960}, h.mark(nil, h.sequence[0]))
}

// sendFrame sends a frame of two packets.
func (h *host) sendFrame(t testing.TB, keyframe bool) {
	h.frames++
	for i := range 2 {
		h.sequence[1]++
		header := rtp.Header{SequenceNumber: h.sequence[1], Timestamp: h.frames * 3000, Marker: i == 1}
		h.write(t, h.video, header, h.mark(h.videoPayload(keyframe, i == 0), h.sequence[1]))
	}
}

func (h *host) videoPayload(keyframe, first bool) []byte {
	switch {
	case h.vp8 && first && keyframe:
		return []byte{0x10, 0x00}
	case h.vp8 && first:
		return []byte{0x10, 0x01}
	case h.vp8:
		return []byte{0x00, 0x00}
	case keyframe && first:
		return []byte{0x67, 0x42} // SPS
	case keyframe:
		return []byte{0x65, 0x00} // IDR slice
	default:
		return []byte{0x41, 0x00}
	}
}

func (h *host) mark(payload []byte, number uint16) []byte {
	payload = append(payload, byte(len(h.id)))
	payload = append(payload, h.id...)
	return binary.BigEndian.AppendUint16(payload, number)
}

func (h *host) write(t testing.TB, track *webrtc.TrackLocalStaticRTP, header rtp.Header, payload []byte) {
	header.Version = 2
	if err := track.WriteRTP(&rtp.Packet{Header: header, Payload: payload}); err != nil {
		t.Errorf("%s cannot send: %v", h.id, err)
	}
}

// got is a packet as a viewer received it.
type got struct {
	slot     int
	kind     stage.Kind
	header   rtp.Header
	payload  []byte
	from     stage.ParticipantID
	number   uint16 // as the publisher counts
	keyframe bool
	mime     string
	repeated bool // came as RTX
}

// viewer receives.
type viewer struct {
	pc      client
	session stage.Subscription
	closed  chan error
	packets chan got
}

func subscribe(t testing.TB, e *Engine, spec stage.SubscribeSpec, slots int) *viewer {
	t.Helper()
	v := &viewer{pc: newClient(t), closed: make(chan error, 1), packets: make(chan got, 1<<14)}
	slotOf := map[string]int{}
	connected := make(chan struct{})
	once := sync.OnceFunc(func() { close(connected) })
	v.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once()
		}
	})
	v.pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		kind := stage.Kind(remote.Kind().String())
		slot := -1
		for _, tr := range v.pc.GetTransceivers() {
			if tr.Receiver() == receiver {
				slot = slotOf[tr.Mid()]
			}
		}
		v.read(slot, kind, remote)
	})
	for range slots {
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			if _, err := v.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
				t.Fatal(err)
			}
		}
	}
	spec.Stage, spec.Offer = "stage", offerOf(t, v.pc)
	for i, tr := range v.pc.GetTransceivers() {
		slotOf[tr.Mid()] = i / 2
	}
	spec.Closed = func(cause error) { v.closed <- cause }
	var err error
	if v.session, err = e.Subscribe(context.Background(), spec); err != nil {
		t.Fatal(err)
	}
	answerTo(t, v.pc, v.session.Answer())
	select {
	case <-connected:
	case <-time.After(patience):
		t.Fatalf("a viewer does not connect\n%s", v.session.Answer())
	}
	return v
}

func (v *viewer) read(slot int, kind stage.Kind, remote *webrtc.TrackRemote) {
	for {
		p, attributes, err := remote.ReadRTP()
		if err != nil {
			return
		}
		g := got{slot: slot, kind: kind, header: p.Header, payload: p.Payload, mime: remote.Codec().MimeType}
		g.repeated = attributes != nil && attributes.Get(webrtc.AttributeRtxSsrc) != nil
		rest := p.Payload
		if kind == stage.Video && len(rest) > 2 {
			g.keyframe = rest[0] == 0x67 || rest[0] == 0x10 && rest[1] == 0
			rest = rest[2:]
		}
		if n := int(rest[0]); len(rest) == 1+n+2 {
			g.from = stage.ParticipantID(rest[1 : 1+n])
			g.number = binary.BigEndian.Uint16(rest[1+n:])
		}
		v.packets <- g
	}
}

// await returns the next packet that matches.
func (v *viewer) await(t testing.TB, what string, match func(got) bool) got {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case g := <-v.packets:
			if match(g) {
				return g
			}
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
