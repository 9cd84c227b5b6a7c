package transport

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"golang.org/x/sys/unix"
)

// processTime is what the process has used of all cores.
func processTime(b testing.TB) time.Duration {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// inUse is the memory of the heap and the stacks after a collection.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// invite makes peers for an audience.
func invite(b testing.TB, tr *Transport, a *audience, n int) ([]*Peer, []seat) {
	b.Helper()
	peers, seats := make([]*Peer, n), make([]seat, n)
	for i := range n {
		p, err := tr.NewPeer(PeerConfig{Remote: ours, Fingerprint: a.fingerprint, Shard: -1})
		if err != nil {
			b.Fatal(err)
		}
		local := p.Local()
		peers[i], seats[i] = p, seat{Server: tr.Candidates()[0], Fragment: local.Fragment, Password: local.Password}
	}
	return peers, seats
}

// BenchmarkJoin lets a thousand viewers connect and reports what a connected one costs.
func BenchmarkJoin(b *testing.B) {
	const viewers = 1000
	for b.Loop() {
		b.StopTimer()
		a := startAudience(b)
		tr := listenFor(b, Config{})
		a.connect(b, seatsOf(invite(b, tr, a, 50))) // so that what is made once is made
		before, goroutines, used := inUse(), runtime.NumGoroutine(), processTime(b)
		_, seats := invite(b, tr, a, viewers)
		b.StartTimer()
		began := time.Now()
		a.connect(b, seats)
		took, used := time.Since(began), processTime(b)-used
		b.ReportMetric(float64(used.Microseconds())/viewers, "cpu-µs/join")
		b.ReportMetric(viewers/took.Seconds(), "joins/s")
		b.ReportMetric(float64(inUse()-before)/viewers, "B/viewer")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/viewers, "goroutines/viewer")
		a.leave(b)
	}
}

func seatsOf(_ []*Peer, seats []seat) []seat { return seats }

// A frame of the streams that are compared: 8 packets of a picture, and every second frame one of sound, near 2.5 Mbit/s at 30 frames a second.
const (
	framePackets = 8
	packetSize   = 1188
	soundSize    = 120
)

// BenchmarkFanout sends frames to an audience, over this package and over pion as an application without one would, and reports the CPU time
// of the whole process for each packet. The receivers' share of the loopback device is included.
func BenchmarkFanout(b *testing.B) {
	for _, viewers := range []int{100, 300} {
		b.Run(fmt.Sprintf("transport/viewers=%d", viewers), func(b *testing.B) { benchmarkTransport(b, viewers) })
		b.Run(fmt.Sprintf("pion/viewers=%d", viewers), func(b *testing.B) { benchmarkPion(b, viewers) })
	}
}

// frames calls send for each frame, in the rhythm of a camera, and reports.
func frames(b *testing.B, a *audience, packets int, send func(frame int)) {
	interval := time.Second / 30
	before, used, began := a.count(b), processTime(b), time.Now()
	frame := 0
	for b.Loop() {
		if wait := time.Until(began.Add(time.Duration(frame) * interval)); wait > 0 {
			time.Sleep(wait)
		}
		send(frame)
		frame++
	}
	used = processTime(b) - used
	time.Sleep(100 * time.Millisecond)
	sent := float64(frame * packets)
	b.ReportMetric(float64(used.Nanoseconds())/sent, "cpu-ns/packet")
	b.ReportMetric(100*(1-float64(a.count(b)-before)/sent), "%lost")
	b.ReportMetric(0, "ns/op")
}

func benchmarkTransport(b *testing.B, viewers int) {
	a := startAudience(b)
	defer a.leave(b)
	tr := listenFor(b, Config{})
	peers, seats := invite(b, tr, a, viewers)
	a.connect(b, seats)
	batch := tr.NewBatch(0)
	headers, payloads := make([][]byte, framePackets+1), make([][]byte, framePackets+1)
	frames(b, a, viewers*(framePackets+1), func(frame int) {
		for i := range framePackets {
			headers[i], payloads[i] = packet(videoSSRC, 96, uint64(frame*framePackets+i), packetSize)
		}
		headers[framePackets], payloads[framePackets] = packet(audioSSRC, 111, uint64(frame), soundSize)
		for _, p := range peers {
			for i, header := range headers {
				index := uint64(frame*framePackets + i)
				if i == framePackets {
					index = uint64(frame)
				}
				if err := p.AppendRTP(batch, header, payloads[i], index); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := batch.Flush(); err != nil {
			b.Fatal(err)
		}
	})
}

// benchmarkPion is the same with a PeerConnection for each viewer and tracks that all of them share.
func benchmarkPion(b *testing.B, viewers int) {
	a := startAudience(b)
	defer a.leave(b)
	socket := listenUDP(b)
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: socket})
	defer mux.Close()
	var media webrtc.MediaEngine
	if err := media.RegisterDefaultCodecs(); err != nil {
		b.Fatal(err)
	}
	var interceptors interceptor.Registry
	if err := webrtc.RegisterDefaultInterceptors(&media, &interceptors); err != nil {
		b.Fatal(err)
	}
	var settings webrtc.SettingEngine
	settings.SetICEUDPMux(mux)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
	if err := settings.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		b.Fatal(err)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(&media), webrtc.WithInterceptorRegistry(&interceptors), webrtc.WithSettingEngine(settings))
	video, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "v", "s")
	if err != nil {
		b.Fatal(err)
	}
	audio, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "a", "s")
	if err != nil {
		b.Fatal(err)
	}
	seats := make([]seat, viewers)
	var all sync.WaitGroup
	defer all.Wait()
	for i := range seats {
		pc, err := api.NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			b.Fatal(err)
		}
		defer pc.Close()
		for _, track := range []webrtc.TrackLocal{audio, video} {
			sender, err := pc.AddTrack(track)
			if err != nil {
				b.Fatal(err)
			}
			all.Go(func() { // what comes back has to be read
				buf := make([]byte, maxDatagram)
				for {
					if _, _, err := sender.Read(buf); err != nil {
						return
					}
				}
			})
		}
		seats[i] = seatOf(b, pc, a.fingerprint)
	}
	a.connect(b, seats)
	frames(b, a, viewers*(framePackets+1), func(frame int) {
		for i := range framePackets {
			writePion(b, video, uint64(frame*framePackets+i), packetSize)
		}
		writePion(b, audio, uint64(frame), soundSize)
	})
}

func writePion(b *testing.B, track *webrtc.TrackLocalStaticRTP, index uint64, size int) {
	header, payload := packet(1, 96, index, size)
	var p rtp.Packet
	if err := p.Unmarshal(append(header, payload...)); err != nil {
		b.Fatal(err)
	}
	if err := track.WriteRTP(&p); err != nil {
		b.Fatal(err)
	}
}

// seatOf gives a PeerConnection the offer of a viewer and takes the answer.
func seatOf(b *testing.B, pc *webrtc.PeerConnection, fingerprint string) seat {
	var offer strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&offer, format+"\r\n", args...) }
	line("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1")
	for i, m := range []string{"audio 9 UDP/TLS/RTP/SAVPF 111", "video 9 UDP/TLS/RTP/SAVPF 96"} {
		line("m=%s\r\nc=IN IP4 0.0.0.0\r\na=mid:%d\r\na=ice-ufrag:%s\r\na=ice-pwd:%s", m, i, ours.Fragment, ours.Password)
		line("a=fingerprint:%s\r\na=setup:actpass\r\na=recvonly\r\na=rtcp-mux", fingerprint)
	}
	line("a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 transport-cc")
	text := strings.Replace(offer.String(), "m=video", "a=rtpmap:111 opus/48000/2\r\nm=video", 1)
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: text}); err != nil {
		b.Fatal(err)
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		b.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		b.Fatal(err)
	}
	<-gathered
	local, _ := remoteOf(pc.LocalDescription().SDP)
	candidate := strings.Fields(attribute(pc.LocalDescription().SDP, "candidate"))
	s := seat{Fragment: local.Fragment, Password: local.Password}
	if err := s.Server.UnmarshalText([]byte(candidate[4] + ":" + candidate[5])); err != nil {
		b.Fatal(err)
	}
	return s
}
