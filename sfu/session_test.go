package sfu

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"streamcat/sdpfrag"
	"streamcat/stage"
)

func awaitCause(t *testing.T, closed <-chan error, want error) {
	t.Helper()
	select {
	case cause := <-closed:
		if !errors.Is(cause, want) {
			t.Errorf("the session ended with %v, want %v", cause, want)
		}
	case <-time.After(patience):
		t.Fatalf("the session does not end; want %v", want)
	}
}

// TestWholeStage: two hosts and an audience, slots, hand-over and selection, over the network.
func TestWholeStage(t *testing.T) {
	e := newEngine(t)
	one, two := publish(t, e, "one", webrtc.MimeTypeVP8), publish(t, e, "two", webrtc.MimeTypeH264)
	e.Apply("stage", program(true, "one", "two"))
	pump(t, one, two)
	v := subscribe(t, e, stage.SubscribeSpec{Participant: "viewer", Audience: true}, 2)
	inSlot := func(slot int, from stage.ParticipantID) func(got) bool {
		return func(g got) bool { return g.slot == slot && g.from == from && g.kind == stage.Video && !g.repeated }
	}
	v.await(t, "video of two", inSlot(1, "two"))
	last := v.await(t, "video of one", inSlot(0, "one"))

	e.Apply("stage", program(true, "two", "one"))
	for g := (got{from: "one"}); g.from == "one"; last = g {
		g = v.await(t, "slot 0", func(g got) bool { return g.slot == 0 && g.kind == stage.Video })
		if step := g.header.SequenceNumber - last.header.SequenceNumber; step != 1 {
			t.Errorf("numbers of slot 0 go from %d to %d", last.header.SequenceNumber, g.header.SequenceNumber)
		}
		if g.from == "two" && (!g.keyframe || g.mime != webrtc.MimeTypeH264) {
			t.Errorf("the newcomer begins with %+v", g)
		}
	}
	v.await(t, "video of one in the other slot", inSlot(1, "one"))

	v.session.Select(stage.Selection{Default: stage.SubscribeNone})
	e.Apply("stage", program(false, "one", "two")) // a barrier: after it nothing is sent
	for {
		select {
		case <-v.packets:
			continue
		case <-time.After(300 * time.Millisecond):
		}
		break
	}
	v.session.Select(stage.Selection{Default: stage.SubscribeAudioOnly})
	e.Apply("stage", program(true, "one", "two"))
	if g := v.await(t, "anything", func(got) bool { return true }); g.kind != stage.Audio {
		t.Errorf("with AUDIO_ONLY the viewer gets %+v", g)
	}
	if s := e.Stats(); s.Publishers != 2 || s.Subscribers != 1 || s.PacketsIn == 0 || s.PacketsOut == 0 || s.KeyframeRequests == 0 {
		t.Errorf("stats: %+v", s)
	}
}

// TestRetransmission: a viewer asks over the network for a packet again and gets it, as RTX, from the cache.
func TestRetransmission(t *testing.T) {
	e := newEngine(t)
	h := publish(t, e, "host", webrtc.MimeTypeVP8)
	e.Apply("stage", program(true, "host"))
	pump(t, h)
	v := subscribe(t, e, stage.SubscribeSpec{Participant: "viewer", Audience: true}, 1)
	video := func(g got) bool { return g.kind == stage.Video }
	v.await(t, "video", video)
	want := v.await(t, "video", video)
	for tries := 0; ; tries++ {
		ask := &rtcp.TransportLayerNack{MediaSSRC: want.header.SSRC, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{want.header.SequenceNumber})}
		if err := v.pc.WriteRTCP([]rtcp.Packet{ask}); err != nil {
			t.Fatal(err)
		}
		again := v.await(t, "the packet again", func(g got) bool { return g.kind == stage.Video && (g.repeated || tries < 5 && g.marker()) })
		if !again.repeated {
			continue // the client hands repaired packets out only when it reads others
		}
		if again.header.SequenceNumber != want.header.SequenceNumber || string(again.payload) != string(want.payload) || again.header.Timestamp != want.header.Timestamp {
			t.Errorf("asked for %+v, got %+v", want, again)
		}
		break
	}
}

func (g got) marker() bool { return g.header.Marker }

// TestPLI: a viewer's request reaches the publisher.
func TestPLI(t *testing.T) {
	e := newEngine(t)
	h := publish(t, e, "host", webrtc.MimeTypeVP8)
	e.Apply("stage", program(true, "host"))
	pump(t, h)
	v := subscribe(t, e, stage.SubscribeSpec{Participant: "viewer", Audience: true}, 1)
	isKey := func(g got) bool { return g.kind == stage.Video && g.keyframe }
	first := v.await(t, "the first keyframe", isKey)
	if err := v.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: first.header.SSRC}}); err != nil {
		t.Fatal(err)
	}
	v.await(t, "another keyframe", isKey)
}

func TestEndings(t *testing.T) {
	e := newEngine(t)
	e.Apply("stage", program(true, "host"))

	t.Run("the client hangs up", func(t *testing.T) {
		h := publish(t, e, "host", webrtc.MimeTypeVP8)
		one := subscribe(t, e, stage.SubscribeSpec{Participant: "viewer", Publisher: "host", Audience: true}, 1)
		whole := subscribe(t, e, stage.SubscribeSpec{Participant: "viewer", Audience: true}, 1)
		if err := h.pc.Close(); err != nil {
			t.Fatal(err)
		}
		awaitCause(t, h.closed, ErrHungUp)
		awaitCause(t, one.closed, ErrPublisherStopped)
		if err := whole.pc.Close(); err != nil {
			t.Fatal(err)
		}
		awaitCause(t, whole.closed, ErrHungUp)
	})
	t.Run("the owner closes", func(t *testing.T) {
		h := publish(t, e, "host", webrtc.MimeTypeVP8)
		for range 2 {
			if err := h.session.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := h.session.Patch(context.Background(), "", false); stage.CodeOf(err) != stage.NotFound {
			t.Errorf("Patch after Close: %v", err)
		}
		_, err := e.Subscribe(context.Background(), stage.SubscribeSpec{Stage: "stage", Publisher: "host", Offer: subscribeOffer})
		if stage.CodeOf(err) != stage.PublisherNotFound {
			t.Errorf("Subscribe to a publisher who is gone: %v", err)
		}
		select {
		case cause := <-h.closed:
			t.Errorf("Closed was called with %v", cause)
		case <-time.After(200 * time.Millisecond):
		}
	})
	t.Run("the stage is forgotten", func(t *testing.T) {
		h := publish(t, e, "host", webrtc.MimeTypeVP8)
		v := subscribe(t, e, stage.SubscribeSpec{Participant: "viewer"}, 1)
		e.Forget("stage")
		awaitCause(t, h.closed, ErrForgotten)
		awaitCause(t, v.closed, ErrForgotten)
		e.Forget("stage")
	})
	t.Run("the engine is closed", func(t *testing.T) {
		e := newEngine(t)
		h := publish(t, e, "host", webrtc.MimeTypeVP8)
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		awaitCause(t, h.closed, ErrClosed)
		if _, err := e.Publish(context.Background(), stage.PublishSpec{Stage: "stage", Offer: publishOffer}); !errors.Is(err, ErrClosed) {
			t.Errorf("Publish after Close: %v", err)
		}
		e.Apply("stage", stage.Program{})
	})
}

// TestSilence: a publisher whose packets stop coming is taken out; one that never comes, too.
func TestSilence(t *testing.T) {
	e := newEngine(t)
	h := publish(t, e, "host", webrtc.MimeTypeVP8)
	h.pc.cable.cut.Store(true)
	awaitCause(t, h.closed, ErrDisconnected)

	e.connectWithin = 100 * time.Millisecond
	never := make(chan error, 1)
	if _, err := e.Publish(context.Background(), stage.PublishSpec{Stage: "stage", Participant: "never", Offer: publishOffer, Closed: func(cause error) { never <- cause }}); err != nil {
		t.Fatal(err)
	}
	awaitCause(t, never, ErrNeverConnected)
}

func TestTrickle(t *testing.T) {
	e := newEngine(t)
	pc := newClient(t)
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	session, err := e.Subscribe(context.Background(), stage.SubscribeSpec{Stage: "stage", Participant: "viewer", Offer: offerOf(t, pc)})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	f, err := answerFragment(pc.LocalDescription().SDP) // the client's own description, reduced to its ICE lines
	if err != nil {
		t.Fatal(err)
	}
	credentials, _, _ := f.ICE()
	candidate := "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n"
	head := "a=ice-ufrag:" + credentials.Ufrag + "\r\na=ice-pwd:" + credentials.Password + "\r\n"
	tests := []struct {
		name, fragment string
		restart        bool
		want           stage.Code
	}{
		{"candidates", f.String(), false, ""},
		{"without credentials", "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" + candidate + "a=end-of-candidates\r\n", false, ""},
		{"nothing", "", false, ""},
		{"TCP and names are left out", head + "m=audio 9 X 0\r\na=mid:0\r\na=candidate:1 1 tcp 1 127.0.0.1 9 typ host\r\na=candidate:1 1 udp 1 x.local 9 typ host\r\n", false, ""},
		{"another session", "a=ice-ufrag:other\r\na=ice-pwd:0123456789012345678901\r\n", false, stage.InvalidInput},
		{"unknown section", "m=audio 9 X 0\r\na=mid:nine\r\n" + candidate, false, stage.InvalidInput},
		{"not a fragment", "{}", false, stage.InvalidInput},
		{"not an address", "m=audio 9 X 0\r\na=mid:0\r\na=candidate:1 1 udp 1 nowhere x typ host\r\n", false, stage.InvalidInput},
		{"too many", "m=audio 9 X 0\r\na=mid:0\r\n" + strings.Repeat(candidate, 40), false, stage.InvalidInput},
		{"restart without credentials", "", true, stage.InvalidInput},
		{"restart with the old credentials", head, true, stage.InvalidInput},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answer, err := session.Patch(context.Background(), test.fragment, test.restart)
			if stage.CodeOf(err) != test.want || answer != "" {
				t.Errorf("Patch = %q, %v; want %q", answer, err, test.want)
			}
		})
	}
}

// TestRestart: ICE begins anew, and the media goes on.
func TestRestart(t *testing.T) {
	e := newEngine(t)
	h := publish(t, e, "host", webrtc.MimeTypeVP8)
	e.Apply("stage", program(true, "host"))
	pump(t, h)
	v := subscribe(t, e, stage.SubscribeSpec{Participant: "viewer", Audience: true}, 2)
	video := func(g got) bool { return g.kind == stage.Video }
	v.await(t, "video", video)

	restart(t, v.pc, v.session)
	for len(v.packets) > 0 {
		<-v.packets
	}
	v.await(t, "video after the restart", video)
}

// restart begins ICE anew from the client's side.
func restart(t *testing.T, pc client, session stage.MediaSession) {
	t.Helper()
	before := session.ETag()
	offer, err := pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc.PeerConnection)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	fragment, err := answerFragment(pc.LocalDescription().SDP)
	if err != nil {
		t.Fatal(err)
	}
	text, err := session.Patch(context.Background(), fragment.String(), true)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := sdpfrag.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	credentials, ok, err := answer.ICE()
	if !ok || err != nil || len(answer.Media) != 1 || len(answer.Media[0].Candidates) == 0 || !answer.Media[0].EndOfCandidates {
		t.Errorf("the answer to a restart is\n%s", text)
	}
	if after := session.ETag(); after == before || after != credentials.Ufrag {
		t.Errorf("the ETag was %q and is %q; the answer names %q", before, after, credentials.Ufrag)
	}
	answerTo(t, pc, session.Answer())
	connected := func() bool { return pc.ICEConnectionState() == webrtc.ICEConnectionStateConnected }
	for deadline := time.Now().Add(patience); !connected(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after the restart ICE is %s", pc.ICEConnectionState())
		}
	}
}

// TestUndeclaredPublisher: an encoder that declares no SSRC is told apart by payload type, and survives a restart of ICE.
func TestUndeclaredPublisher(t *testing.T) {
	e := newEngine(t)
	h := publishOffering(t, e, "host", webrtc.MimeTypeVP8, func(offer string) string {
		var kept strings.Builder
		for line := range strings.Lines(offer) {
			if !strings.HasPrefix(line, "a=ssrc") && !strings.HasPrefix(line, "a=msid") {
				kept.WriteString(line)
			}
		}
		return kept.String()
	})
	e.Apply("stage", program(true, "host"))
	pump(t, h)
	v := subscribe(t, e, stage.SubscribeSpec{Participant: "viewer", Audience: true}, 1)
	for _, kind := range []stage.Kind{stage.Audio, stage.Video} {
		v.await(t, string(kind), func(g got) bool { return g.kind == kind && g.from == "host" })
	}
	restart(t, h.pc, h.session)
	for len(v.packets) > 0 {
		<-v.packets
	}
	for _, kind := range []stage.Kind{stage.Audio, stage.Video} {
		v.await(t, string(kind), func(g got) bool { return g.kind == kind && g.from == "host" })
	}
}
