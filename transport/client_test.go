package transport

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"streamcat/srtp"
)

func TestMain(m *testing.M) {
	if os.Getenv(audienceVariable) != "" {
		if err := runAudience(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what has to happen.
const patience = 20 * time.Second

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}

func listenFor(t testing.TB, config Config) *Transport {
	t.Helper()
	if config.Address == "" && config.Conns == nil {
		config.Address = "127.0.0.1:0"
	}
	config.Log = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
	tr, err := Listen(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return tr
}

// client is a whole WebRTC client.
type client struct {
	*webrtc.PeerConnection
	mux       ice.UDPMux
	connected chan struct{}
	tracks    chan *webrtc.TrackRemote
}

type clientOptions struct {
	network  string // udp4 or udp6
	profiles []dtls.SRTPProtectionProfile
	socket   net.PacketConn // instead of one of its own
	retry    time.Duration
}

func newClient(t testing.TB, o clientOptions) *client {
	t.Helper()
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	if o.socket == nil {
		address := "127.0.0.1:0"
		if o.network == "udp6" {
			address = "[::1]:0"
		}
		var err error
		if o.socket, err = net.ListenPacket("udp", address); err != nil {
			t.Fatal(err)
		}
	}
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: o.socket})
	var settings webrtc.SettingEngine
	settings.SetICEUDPMux(mux)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if o.profiles != nil {
		settings.SetSRTPProtectionProfiles(o.profiles...)
	}
	if o.retry > 0 {
		settings.SetDTLSRetransmissionInterval(o.retry)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(&interceptor.Registry{}), webrtc.WithSettingEngine(settings))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	c := &client{PeerConnection: pc, mux: mux, connected: make(chan struct{}), tracks: make(chan *webrtc.TrackRemote, 4)}
	once := sync.OnceFunc(func() { close(c.connected) })
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once()
		}
	})
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { c.tracks <- track })
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := errors.Join(c.GracefulClose(), mux.Close()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// offer creates one, without waiting for anything but the candidates of the socket.
func (c *client) offer(t testing.TB, o *webrtc.OfferOptions) string {
	t.Helper()
	offer, err := c.CreateOffer(o)
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

// attribute finds the first value of an attribute.
func attribute(description, name string) string {
	for lines := bufio.NewScanner(strings.NewReader(description)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "a="+name+":"); ok {
			return value
		}
	}
	return ""
}

func remoteOf(offer string) (Credentials, string) {
	return Credentials{Fragment: attribute(offer, "ice-ufrag"), Password: attribute(offer, "ice-pwd")}, attribute(offer, "fingerprint")
}

// SSRCs that the answers of the tests announce.
const (
	audioSSRC = 1111
	videoSSRC = 2222
)

// answer writes what the tests need.
func answer(tr *Transport, local Credentials, lite bool, relay string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1")
	if lite {
		line("a=ice-lite")
	}
	for i, m := range []string{"audio 9 UDP/TLS/RTP/SAVPF 111", "video 9 UDP/TLS/RTP/SAVPF 96"} {
		line("m=%s\r\nc=IN IP4 0.0.0.0\r\na=mid:%d\r\na=ice-ufrag:%s\r\na=ice-pwd:%s", m, i, local.Fragment, local.Password)
		line("a=fingerprint:%s\r\na=setup:passive\r\na=sendonly\r\na=rtcp-mux", tr.Fingerprint())
		if i == 0 {
			line("a=rtpmap:111 opus/48000/2\r\na=ssrc:%d cname:x\r\na=msid:s a", audioSSRC)
			for n, c := range tr.Candidates() {
				host, port := c.Addr().String(), fmt.Sprint(c.Port())
				if relay != "" {
					host, port, _ = net.SplitHostPort(relay)
				}
				line("a=candidate:%d 1 udp %d %s %s typ host", n+1, 2130706431-n, host, port)
			}
			line("a=end-of-candidates")
		} else {
			line("a=rtpmap:96 VP8/90000\r\na=ssrc:%d cname:x\r\na=msid:s v", videoSSRC)
		}
	}
	return b.String()
}

// served is a Peer and what it tells.
type served struct {
	*Peer
	connected chan srtp.Profile
	feedback  chan []byte
	closed    chan error
}

func serve(t testing.TB, tr *Transport, remote Credentials, fingerprint string) *served {
	t.Helper()
	s := &served{connected: make(chan srtp.Profile, 1), feedback: make(chan []byte, 100), closed: make(chan error, 2)}
	var err error
	s.Peer, err = tr.NewPeer(PeerConfig{Remote: remote, Fingerprint: fingerprint, Shard: -1, Callbacks: Callbacks{
		Connected: func(p srtp.Profile) { s.connected <- p },
		Feedback: func(_ *Batch, packet []byte) {
			select {
			case s.feedback <- append([]byte(nil), packet...):
			default:
			}
		},
		Closed: func(cause error) { s.closed <- cause },
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// connectTo offers, answers and waits for both sides.
func connectTo(t testing.TB, tr *Transport, c *client, lite bool, relay string) *served {
	t.Helper()
	remote, fingerprint := remoteOf(c.offer(t, nil))
	s := serve(t, tr, remote, fingerprint)
	c.accept(t, answer(tr, s.Local(), lite, relay))
	wait(t, "the server side", s.connected)
	wait(t, "the client side", c.connected)
	return s
}

func (c *client) accept(t testing.TB, answer string) {
	t.Helper()
	if err := c.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatalf("the answer is not accepted: %v\n%s", err, answer)
	}
}

func wait[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
	panic("unreachable")
}
