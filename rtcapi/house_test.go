package rtcapi_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"streamcat/bus"
	"streamcat/ratelimit"
	"streamcat/rtcapi"
	"streamcat/rtcapi/client"
	"streamcat/sfu"
	"streamcat/stage"
	"streamcat/store/storetest"
)

// patience is how long a test waits for what has to happen.
const patience = 20 * time.Second

// house is everything below and behind this edge, for real: SQLite, NATS, media, stage service, HTTP.
type house struct {
	*testing.T
	stages *stage.Service
	http   *http.Client
	id     stage.ID
}

// newHouse starts a house with one gated stage.
func newHouse(t *testing.T) *house {
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	db := storetest.SQLite(t)
	notices, err := bus.Open(bus.Config{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := sfu.New(sfu.Config{Address: "127.0.0.1:0", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	stages, err := stage.Open(t.Context(), stage.Config{
		Store: db, Engine: engine, Bus: notices, Log: log, PublicURL: "http://" + server.Listener.Addr().String(),
	})
	if err != nil {
		t.Fatal(err)
	}
	edge := rtcapi.New(rtcapi.Config{Stages: stages, Notices: notices, Log: log, Rate: ratelimit.Rate{PerSecond: 1e6, Burst: 1e6}})
	server.Config.Handler = edge.Handler()
	server.Start()
	t.Cleanup(func() {
		if err := edge.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
		if err := errors.Join(stages.Close(), engine.Close(), notices.Close()); err != nil {
			t.Error(err)
		}
	})
	made, err := stages.CreateStage(t.Context(), "test", true, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &house{T: t, stages: stages, http: server.Client(), id: made.ID}
}

// token makes a participant and a client for it.
func (h *house) token(publish bool) *client.Client {
	h.Helper()
	token, err := h.stages.CreateParticipantToken(h.Context(), h.id, stage.TokenRequest{
		UserID: "someone", Capabilities: stage.Capabilities{Publish: publish, Subscribe: true},
	})
	if err != nil {
		h.Fatal(err)
	}
	c, err := client.New(string(token.Raw))
	if err != nil {
		h.Fatal(err)
	}
	c.HTTP = h.http
	return c
}

// sibling is another client with the same token.
func sibling(c *client.Client, id string) *client.Client {
	other := *c
	other.ID = id
	return &other
}

// connection is a WebRTC connection of a client.
type connection struct {
	*webrtc.PeerConnection
	resource *client.Resource
	packets  atomic.Int64 // received, audio and video
}

func newConnection(t *testing.T) *connection {
	t.Helper()
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: socket})
	var settings webrtc.SettingEngine
	settings.SetICEUDPMux(mux)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(&interceptor.Registry{}), webrtc.WithSettingEngine(settings))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(pc.GracefulClose(), mux.Close()); err != nil {
			t.Error(err)
		}
	})
	return &connection{PeerConnection: pc}
}

// offer gathers and returns the offer.
func (c *connection) offer(t *testing.T) string {
	t.Helper()
	offer, err := c.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(c.PeerConnection)
	if err := c.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	return c.LocalDescription().SDP
}

// establish takes the answer and waits until the connection is up.
func (c *connection) establish(t *testing.T, resource *client.Resource) {
	t.Helper()
	c.resource = resource
	connected := make(chan struct{})
	c.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			close(connected)
		}
	})
	if err := c.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: resource.Answer}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-connected:
	case <-time.After(patience):
		t.Fatal("the connection does not come up")
	}
}

// publish makes a client send audio and video until the test ends.
func publish(t *testing.T, c *client.Client) *connection {
	t.Helper()
	conn := newConnection(t)
	audio, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "audio", "host")
	if err != nil {
		t.Fatal(err)
	}
	video, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "video", "host")
	if err != nil {
		t.Fatal(err)
	}
	for _, track := range []webrtc.TrackLocal{audio, video} {
		if _, err := conn.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
			t.Fatal(err)
		}
	}
	resource, err := c.Publish(t.Context(), conn.offer(t))
	if err != nil {
		t.Fatal(err)
	}
	conn.establish(t, resource)
	done, ended := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(done); <-ended })
	go func() {
		defer close(ended)
		for i := uint16(0); ; i++ {
			header := rtp.Header{Version: 2, SequenceNumber: i, Timestamp: uint32(i) * 960}
			// Writing fails once the connection is closed, which some tests want.
			_ = audio.WriteRTP(&rtp.Packet{Header: header, Payload: []byte{0xfc, 0xff, 0xfe}})
			header.Timestamp, header.Marker = uint32(i)*1800, true
			_ = video.WriteRTP(&rtp.Packet{Header: header, Payload: []byte{0x10, 0x00, 0x00, 0x00, 0x9d, 0x01, 0x2a}}) // VP8 keyframe
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return conn
}

// receiver is a connection with slots to receive in.
func receiver(t *testing.T, slots int) *connection {
	t.Helper()
	conn := newConnection(t)
	for range slots {
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			if _, err := conn.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
				t.Fatal(err)
			}
		}
	}
	conn.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			conn.packets.Add(1)
		}
	})
	return conn
}

// subscribe makes a client receive the whole stage.
func subscribe(t *testing.T, c *client.Client, slots int) *connection {
	t.Helper()
	conn := receiver(t, slots)
	resource, err := c.Subscribe(t.Context(), conn.offer(t))
	if err != nil {
		t.Fatal(err)
	}
	conn.establish(t, resource)
	return conn
}

// flows waits until packets arrive.
func (c *connection) flows(t *testing.T) {
	t.Helper()
	before := c.packets.Load()
	wait(t, "packets arrive", func() bool { return c.packets.Load() > before+20 })
}

// stops waits until no packet has arrived for half a second.
func (c *connection) stops(t *testing.T) {
	t.Helper()
	wait(t, "packets stop", func() bool {
		before := c.packets.Load()
		time.Sleep(500 * time.Millisecond)
		return c.packets.Load() == before
	})
}

func wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("this did not happen: %s", what)
		}
	}
}

// refused checks the code of a refusal.
func refused(t *testing.T, err error, code stage.Code, status int) {
	t.Helper()
	var refusal *client.Error
	if !errors.As(err, &refusal) || refusal.Code != string(code) || refusal.Status != status {
		t.Fatalf("answered with %v, want %d %s", err, status, code)
	}
}

// socket is an events socket that has been read in order.
type socket struct {
	*client.Events
	t *testing.T
}

// connect opens an events socket and returns it with what it was greeted with.
func connect(t *testing.T, c *client.Client) (*socket, client.Welcome) {
	t.Helper()
	events, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(events.Close)
	s := &socket{events, t}
	var welcome client.Welcome
	s.until("WELCOME", &welcome, func() bool { return true })
	return s, welcome
}

// until reads on until a message of this type is as it should be.
func (s *socket) until(kind string, payload any, done func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	for {
		m, err := s.Next(ctx)
		if err != nil {
			s.t.Fatalf("waiting for %s: %v", kind, err)
		}
		if m.Type != kind {
			continue
		}
		if err := m.Decode(payload); err != nil {
			s.t.Fatal(err)
		}
		if done() {
			return
		}
	}
}

// publishing waits until this many publishers are listed.
func (s *socket) publishing(n int) []client.Participant {
	s.t.Helper()
	var state client.StageState
	var publishing []client.Participant
	s.until("STAGE_STATE", &state, func() bool {
		publishing = nil
		for _, p := range state.Participants {
			if p.Publishing {
				publishing = append(publishing, p)
			}
		}
		return len(publishing) == n
	})
	return publishing
}

// sentAway reads on until LEFT.
func (s *socket) sentAway() client.Left {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	for {
		_, err := s.Next(ctx)
		var left *client.Left
		if errors.As(err, &left) {
			return *left
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
}
