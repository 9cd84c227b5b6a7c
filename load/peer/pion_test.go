package peer

import (
	"context"
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"streamcat/srtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what has to happen.
const patience = 20 * time.Second

func newPool(t *testing.T, o Options) *Pool {
	t.Helper()
	o.Local = netip.MustParseAddr("127.0.0.1")
	pool, err := NewPool(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return pool
}

// server is a stock peer connection that answers.
type server struct {
	*webrtc.PeerConnection
	t *testing.T
}

func newServer(t *testing.T, configure func(*webrtc.SettingEngine)) server {
	t.Helper()
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{uriMID, uriRID} {
		if err := media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			t.Fatal(err)
		}
	}
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetInterfaceFilter(func(name string) bool { return name == "lo" || name == "lo0" })
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if configure != nil {
		configure(&settings)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(settings), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pc.GracefulClose(); err != nil {
			t.Error(err)
		}
	})
	return server{pc, t}
}

// answer is a Signal.
func (s server) answer(_ context.Context, offer string, sending func()) (string, error) {
	sending()
	if err := s.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	answer, err := s.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(s.PeerConnection)
	if err := s.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	return s.LocalDescription().SDP, nil
}

// received is a handler that keeps what comes.
type received struct {
	conn *Conn

	mu       sync.Mutex
	payloads [][]byte // as far as Peek shows them
	lengths  []int
	forged   int
	opened   int
	controls []Control
	packets  atomic.Int64
	gone     chan error
}

func newReceived() *received { return &received{gone: make(chan error, 1)} }

func (r *received) serve(c *Conn) Handler { r.conn = c; return r }

func (r *received) RTP(packet []byte, length int, at int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var plain [PeekLen]byte
	ssrc, index := binary.BigEndian.Uint32(packet[8:]), uint64(binary.BigEndian.Uint16(packet[2:]))
	header := 12
	if packet[0]&0x10 != 0 {
		header += 4 + 4*int(binary.BigEndian.Uint16(packet[14:]))
	}
	n := r.conn.Peek(&plain, packet[header:], ssrc, index)
	n = min(n, length-header-r.conn.Overhead())
	r.payloads = append(r.payloads, append([]byte(nil), plain[:n]...))
	r.lengths = append(r.lengths, length)
	if len(packet) == length {
		if r.conn.Open(packet, header, ssrc, index) == nil {
			r.opened++
		} else {
			r.forged++
		}
		packet[length-1] ^= 1
		if r.conn.Open(packet, header, ssrc, index) == nil {
			r.forged++
		}
	}
	r.packets.Add(1)
}

func (r *received) RTCP(compound []byte, at int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	EachControl(compound, func(c Control) { r.controls = append(r.controls, c) })
}

func (r *received) Tick(int64)     {}
func (r *received) Gone(err error) { r.gone <- err }

func (r *received) control(match func(Control) bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.controls {
		if match(c) {
			return true
		}
	}
	return false
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for begin := time.Now(); !done(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatalf("%s: not after %v", what, patience)
		}
	}
}

// TestReceive connects to a stock peer that sends, with each profile, as a full and as a lite agent.
func TestReceive(t *testing.T) {
	for _, test := range []struct {
		name      string
		configure func(*webrtc.SettingEngine)
		profile   srtp.Profile
	}{
		{"AES-GCM", nil, srtp.AEADAES128GCM},
		{"AES-CM", func(s *webrtc.SettingEngine) { s.SetSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80) }, srtp.AES128CMHMACSHA180},
		{"ICE lite", func(s *webrtc.SettingEngine) { s.SetLite(true) }, srtp.AEADAES128GCM},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, func(settings *webrtc.SettingEngine) {
				settings.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
				if test.configure != nil {
					test.configure(settings)
				}
			})
			track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000,
				SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"}, "video", "stream")
			if err != nil {
				t.Fatal(err)
			}
			sender, err := s.AddTrack(track)
			if err != nil {
				t.Fatal(err)
			}
			pool := newPool(t, Options{Whole: 1})
			viewer := newReceived()
			conn, err := pool.Dial(t.Context(), Receiving(1, false, true, Feedback{}), s.answer, viewer.serve)
			if err != nil {
				t.Fatal(err)
			}
			if conn.Profile() != test.profile {
				t.Errorf("profile %v", conn.Profile())
			}
			if d := conn.Timing(); d.Offered.After(d.Answered) || d.Answered.After(d.Checked) || d.Checked.After(d.Connected) {
				t.Errorf("times %+v", d)
			}
			payload := make([]byte, 1000)
			for i := range payload {
				payload[i] = byte(i)
			}
			eventually(t, "packets", func() bool {
				if err := track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 102, SequenceNumber: 7}, Payload: payload}); err != nil {
					t.Fatal(err)
				}
				return viewer.packets.Load() > 0
			})
			viewer.mu.Lock()
			if string(viewer.payloads[0]) != string(payload[:PeekLen]) || viewer.opened == 0 || viewer.forged != 0 {
				t.Errorf("peeked %x, %d authentic, %d forged", viewer.payloads[0], viewer.opened, viewer.forged)
			}
			viewer.mu.Unlock()

			// What the viewer says arrives.
			heard := make(chan rtcp.Packet, 16)
			read := make(chan struct{})
			go func() {
				defer close(read)
				for {
					packets, _, err := sender.ReadRTCP()
					if err != nil {
						return
					}
					for _, p := range packets {
						select {
						case heard <- p:
						default:
						}
					}
				}
			}()
			media := uint32(sender.GetParameters().Encodings[0].SSRC)
			if got := conn.Answer().Sections[0].SSRC; got != media {
				t.Errorf("the answer declares %d, the track has %d", got, media)
			}
			conn.Loop().Call(func() {
				if _, err := conn.SendRTCP(nil, AppendPLI(AppendReceiverReport(nil, 1, []Report{{SSRC: media, Highest: 7}}), 1, media)); err != nil {
					t.Error(err)
				}
			})
			for pli := false; !pli; {
				select {
				case p := <-heard:
					_, pli = p.(*rtcp.PictureLossIndication)
				case <-time.After(patience):
					t.Fatal("no PLI")
				}
			}
			if err := s.GracefulClose(); err != nil {
				t.Fatal(err)
			}
			<-read
			select {
			case err := <-viewer.gone:
				if err != ErrHungUp {
					t.Error(err)
				}
			case <-time.After(patience):
				t.Error("the end was not noticed")
			}
		})
	}
}

// TestSend publishes to a stock peer, which asks for a keyframe.
func TestSend(t *testing.T) {
	s := newServer(t, nil)
	tracks := make(chan *webrtc.TrackRemote, 1)
	s.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { tracks <- track })
	pool := newPool(t, Options{})
	host := newReceived()
	offer := Offer{Sections: []Section{{Kind: Video, Send: 4242, Codec: Codec{"VP8/90000", ""}}}}
	conn, err := pool.Dial(t.Context(), offer, s.answer, host.serve)
	if err != nil {
		t.Fatal(err)
	}
	var track *webrtc.TrackRemote
	header := make([]byte, 12)
	header[0], header[1] = 0x80, PayloadVideo
	binary.BigEndian.PutUint32(header[8:], 4242)
	index := uint64(0)
	eventually(t, "a track", func() bool {
		binary.BigEndian.PutUint16(header[2:], uint16(index))
		if _, err := conn.SendRTP(nil, header, []byte("payload"), index); err != nil {
			t.Fatal(err)
		}
		index++
		select {
		case track = <-tracks:
			return true
		default:
			return false
		}
	})
	packet, _, err := track.ReadRTP()
	if err != nil || string(packet.Payload) != "payload" || track.SSRC() != 4242 {
		t.Errorf("received %v, %v", packet, err)
	}
	if err := s.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: 4242},
		&rtcp.TransportLayerNack{MediaSSRC: 4242, Nacks: []rtcp.NackPair{{PacketID: 3, LostPackets: 0x8001}}}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a keyframe request", func() bool {
		return host.control(func(c Control) bool { return c.Keyframe && c.Media == 4242 })
	})
	eventually(t, "a NACK", func() bool {
		return host.control(func(c Control) bool {
			var numbers []uint16
			c.EachLost(func(n uint16) { numbers = append(numbers, n) })
			return len(numbers) == 3 && numbers[0] == 3 && numbers[1] == 4 && numbers[2] == 19
		})
	})
	conn.Close()
	binary.BigEndian.PutUint16(header[2:], uint16(index))
	if _, err := conn.SendRTP(nil, header, []byte("payload"), index); err != nil {
		t.Errorf("sending after the end: %v", err)
	}
}

// TestDialFails: whatever goes wrong is said, and leaves nothing behind (goleak looks).
func TestDialFails(t *testing.T) {
	pool := newPool(t, Options{Loops: 2})
	good := "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 102\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:passive\r\n" +
		"a=fingerprint:sha-256 00:11\r\n"
	for name, reply := range map[string]string{
		"no candidate":    good,
		"nobody answers":  good + "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n",
		"IPv6 only":       good + "a=candidate:1 1 udp 1 ::1 9 typ host\r\n",
		"another section": "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 102\r\n",
		"empty":           "",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, err := pool.Dial(ctx, Receiving(1, false, true, Feedback{}), func(context.Context, string, func()) (string, error) { return reply, nil },
			func(*Conn) Handler { t.Errorf("%s: served", name); return newReceived() })
		cancel()
		if err == nil {
			t.Errorf("%s: connected", name)
		}
	}
	// A server that shows another certificate than it announced.
	s := newServer(t, nil)
	_, err := pool.Dial(t.Context(), Receiving(1, true, true, Feedback{TWCC: true, REMB: true}), func(ctx context.Context, offer string, sending func()) (string, error) {
		answer, err := s.answer(ctx, offer, sending)
		const key = "a=fingerprint:sha-256 "
		at := len(key) + indexOf(answer, key)
		return answer[:at] + "00:00:00" + answer[at+8:], err
	}, func(*Conn) Handler { t.Error("served"); return newReceived() })
	if err == nil {
		t.Error("a stranger was believed")
	}
}

func indexOf(text, part string) int {
	for i := range text {
		if len(text)-i >= len(part) && text[i:i+len(part)] == part {
			return i
		}
	}
	return -1
}
