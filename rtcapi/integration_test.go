package rtcapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"streamcat/rtcapi/client"
	"streamcat/stage"
)

// The main job: two hosts see each other at once, the audience from when the stage is live until it is not.
func TestLiveGate(t *testing.T) {
	h := newHouse(t)
	alice, bob, viewer := h.token(true), h.token(true), h.token(false)

	aliceEvents, welcome := connect(t, alice)
	if welcome.Participant != alice.Participant || welcome.Slots != 12 {
		t.Errorf("welcomed with %+v", welcome)
	}
	viewerEvents, _ := connect(t, viewer)
	publish(t, alice)
	aliceEvents.publishing(1)
	publish(t, bob)
	if got := aliceEvents.publishing(2); got[0].ID != alice.Participant || got[1].ID != bob.Participant || got[0].Slot == got[1].Slot || !got[1].OnAir {
		t.Errorf("publishers %+v", got)
	}
	subscribe(t, alice, 12).flows(t)
	one := receiver(t, 1)
	resource, err := bob.SubscribeTo(t.Context(), alice.Participant, one.offer(t))
	if err != nil {
		t.Fatal(err)
	}
	one.establish(t, resource)
	one.flows(t)

	// Not live: no offer of the audience is answered, whoever it asks for.
	early := receiver(t, 2)
	_, err = viewer.Subscribe(t.Context(), early.offer(t))
	refused(t, err, stage.NotLive, 403)
	_, err = viewer.SubscribeTo(t.Context(), alice.Participant, early.LocalDescription().SDP)
	refused(t, err, stage.NotLive, 403)

	if err := h.stages.SetLive(t.Context(), h.id, true); err != nil {
		t.Fatal(err)
	}
	if got := viewerEvents.publishing(2); got[0].ID != alice.Participant {
		t.Errorf("the audience sees %+v", got)
	}
	var live client.Live
	viewerEvents.until("LIVE", &live, func() bool { return live.Live })
	if since := time.Since(live.Since); since < -time.Minute || since > time.Minute {
		t.Errorf("live since %v", live.Since)
	}
	var layout client.Layout
	viewerEvents.until("LAYOUT", &layout, func() bool { return len(layout.Tiles) == 2 })
	watching := subscribe(t, viewer, 12)
	watching.flows(t)

	// Backstage, nobody of the audience gets bob; alice goes on.
	if err := h.stages.SetOnAir(t.Context(), h.id, stage.ParticipantID(bob.Participant), false); err != nil {
		t.Fatal(err)
	}
	viewerEvents.publishing(1)
	_, err = viewer.SubscribeTo(t.Context(), bob.Participant, early.LocalDescription().SDP)
	refused(t, err, stage.PublisherNotFound, 404)
	watching.flows(t)

	if err := h.stages.SetLive(t.Context(), h.id, false); err != nil {
		t.Fatal(err)
	}
	viewerEvents.publishing(0)
	watching.stops(t)
	one.flows(t) // the hosts do not notice
}

func TestMuteSelectAndCount(t *testing.T) {
	h := newHouse(t)
	alice, viewer := h.token(true), h.token(false)
	aliceEvents, _ := connect(t, alice)
	publish(t, alice)
	aliceEvents.publishing(1)
	if err := h.stages.SetLive(t.Context(), h.id, true); err != nil {
		t.Fatal(err)
	}
	viewerEvents, _ := connect(t, viewer)
	var count client.ViewerCount
	aliceEvents.until("VIEWER_COUNT", &count, func() bool { return count.Count == 1 })

	watching := subscribe(t, viewer, 1)
	watching.flows(t)
	if err := viewerEvents.Select(t.Context(), client.Selection{Default: "NONE"}); err != nil {
		t.Fatal(err)
	}
	watching.stops(t)
	if err := viewerEvents.Select(t.Context(), client.Selection{Default: "NONE", Participants: map[string]string{alice.Participant: "AUDIO_VIDEO"}}); err != nil {
		t.Fatal(err)
	}
	watching.flows(t)

	if err := aliceEvents.Mute(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	var mute client.MuteChanged
	viewerEvents.until("MUTE_CHANGED", &mute, func() bool { return true })
	if want := (client.MuteChanged{Participant: alice.Participant, AudioMuted: true}); mute != want {
		t.Errorf("told %+v, want %+v", mute, want)
	}
	if err := viewerEvents.Mute(t.Context(), true, true); err != nil {
		t.Fatal(err)
	}
	var refusal client.Refusal
	viewerEvents.until("ERROR", &refusal, func() bool { return true })
	if refusal.Code != string(stage.InsufficientCapabilities) {
		t.Errorf("a viewer who mutes is told %+v", refusal)
	}
	if err := viewerEvents.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	aliceEvents.until("VIEWER_COUNT", &count, func() bool { return count.Count == 0 })
}

func TestKick(t *testing.T) {
	h := newHouse(t)
	alice, bob := h.token(true), h.token(true)
	aliceEvents, _ := connect(t, alice)
	bobEvents, _ := connect(t, bob)
	sent := publish(t, bob)
	aliceEvents.publishing(1)
	watching := subscribe(t, alice, 2)
	watching.flows(t)

	if err := h.stages.DisconnectParticipant(t.Context(), h.id, stage.ParticipantID(bob.Participant), "Be nice."); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(client.Left{Reason: "participant-disconnected", Message: "Be nice."}, bobEvents.sentAway()); diff != "" {
		t.Errorf("LEFT (-want +got):\n%s", diff)
	}
	aliceEvents.publishing(0)
	watching.stops(t)
	// The token is dead everywhere.
	_, err := bob.Connect(t.Context())
	refused(t, err, stage.ParticipantDisconnected, 403)
	refused(t, bob.Check(t.Context()), stage.ParticipantDisconnected, 403)
	_, err = bob.Publish(t.Context(), sent.LocalDescription().SDP)
	refused(t, err, stage.ParticipantDisconnected, 403)
	if err := alice.Check(t.Context()); err != nil {
		t.Errorf("the other: %v", err)
	}
}

func TestTokenReuse(t *testing.T) {
	h := newHouse(t)
	first := h.token(true)
	second := sibling(first, "another-tab")
	firstEvents, _ := connect(t, first)
	sent := publish(t, first)
	firstEvents.publishing(1)

	secondEvents, welcome := connect(t, second)
	if left := firstEvents.sentAway(); left.Reason != "token-reused" {
		t.Errorf("the first was told %+v", left)
	}
	if len(welcome.Resources) != 0 {
		t.Errorf("the second was given the resources of the first: %v", welcome.Resources)
	}
	secondEvents.publishing(0)
	refused(t, sent.resource.Delete(t.Context()), stage.NotFound, 404)
	publish(t, second)
	secondEvents.publishing(1)

	// The late end of the first one's socket does no harm.
	firstEvents.Close()
	subscribe(t, h.token(true), 1).flows(t)
}

// A socket that breaks without a goodbye: the media waits three seconds for a resume, and ends without one.
func TestUncleanDisconnectAndResume(t *testing.T) {
	h := newHouse(t)
	alice, bob := h.token(true), h.token(true)
	aliceEvents, _ := connect(t, alice)
	bobEvents, _ := connect(t, bob)
	sent := publish(t, bob)
	aliceEvents.publishing(1)
	watching := subscribe(t, alice, 2)
	watching.flows(t)

	bobEvents.Close()
	bobEvents, welcome := connect(t, bob)
	if diff := cmp.Diff([]string{sent.resource.ID()}, welcome.Resources); diff != "" {
		t.Errorf("resources on resume (-want +got):\n%s", diff)
	}
	time.Sleep(4 * time.Second) // longer than the grace
	watching.flows(t)

	gone := time.Now()
	bobEvents.Close()
	watching.flows(t)
	aliceEvents.publishing(0)
	watching.stops(t)
	if after := time.Since(gone); after < 2*time.Second {
		t.Errorf("the media ended after %v, without waiting for a resume", after)
	}
	refused(t, sent.resource.Delete(t.Context()), stage.NotFound, 404)
}

func TestLeaveEndsMediaAtOnce(t *testing.T) {
	h := newHouse(t)
	alice, bob := h.token(true), h.token(true)
	aliceEvents, _ := connect(t, alice)
	bobEvents, _ := connect(t, bob)
	sent := publish(t, bob)
	aliceEvents.publishing(1)
	if err := bobEvents.Leave(t.Context()); err != nil { // returns when the server has closed the socket
		t.Fatal(err)
	}
	refused(t, sent.resource.Delete(t.Context()), stage.NotFound, 404)
	aliceEvents.publishing(0)
}

func TestResources(t *testing.T) {
	h := newHouse(t)
	alice, bob := h.token(true), h.token(true)
	sent := publish(t, alice)

	// Another participant's resource is none of one's own.
	refused(t, sent.resource.As(bob).Delete(t.Context()), stage.NotFound, 404)
	refused(t, sent.resource.As(bob).Trickle(t.Context(), fragment(sent.LocalDescription().SDP, "")), stage.NotFound, 404)

	old := sent.resource.As(alice)
	if err := old.Trickle(t.Context(), fragment(sent.LocalDescription().SDP, "")); err != nil {
		t.Fatal(err)
	}
	restarted, err := sent.resource.Restart(t.Context(), fragment(sent.LocalDescription().SDP, "a=ice-ufrag:abcdefgh\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"))
	if err != nil || !strings.Contains(restarted, "a=ice-ufrag:") {
		t.Fatalf("restart: %v\n%s", err, restarted)
	}
	// The old ETag names the ICE session of before.
	refused(t, old.Trickle(t.Context(), fragment(sent.LocalDescription().SDP, "")), stage.PreconditionFailed, 412)
	if err := sent.resource.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused(t, sent.resource.Delete(t.Context()), stage.NotFound, 404)
}

// fragment is a trickle-ice-sdpfrag for the first section of an offer, RFC 8840 9. Without credentials it has those of the offer.
func fragment(offer, credentials string) string {
	var lines strings.Builder
	for line := range strings.Lines(offer) {
		if credentials == "" && (strings.HasPrefix(line, "a=ice-ufrag:") || strings.HasPrefix(line, "a=ice-pwd:")) && strings.Count(lines.String(), line) == 0 {
			lines.WriteString(line)
		}
	}
	candidate := "a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n"
	return lines.String() + credentials + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" + candidate
}

// Hostile offers and tokens against the real thing.
func TestHostile(t *testing.T) {
	h := newHouse(t)
	good := h.token(true)
	conn := receiver(t, 1)
	offer := conn.offer(t)
	publishing := strings.ReplaceAll(offer, "a=recvonly", "a=sendonly")
	other, err := h.stages.CreateStage(t.Context(), "other", true, nil)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := sibling(good, "elsewhere")
	elsewhere.Events = strings.ReplaceAll(good.Events, string(h.id), string(other.ID))
	stranger := sibling(good, "stranger")
	dot := strings.LastIndexByte(good.Token, '.')
	stranger.Token = good.Token[:dot+1] + strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'B'
		}
		return 'A'
	}, good.Token[dot+1:])
	tampered := sibling(good, "tampered")
	tampered.Token = good.Token[:dot-2] + "AA" + good.Token[dot:]

	post := func(c *client.Client, offer string) error {
		_, err := c.Publish(t.Context(), offer)
		return err
	}
	for _, test := range []struct {
		name   string
		try    func() error
		code   stage.Code
		status int
	}{
		{"malformed SDP", func() error { return post(good, "v=0\r\nthis is not SDP\r\n") }, stage.InvalidInput, 400},
		{"SDP without media", func() error { return post(good, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n") }, stage.InvalidInput, 400},
		{"no known audio codec", func() error { return post(good, strings.ReplaceAll(publishing, "opus/48000/2", "speex/8000")) }, stage.InvalidAudioCodec, 422},
		{"no known video codec", func() error {
			return post(good, strings.NewReplacer("VP8/90000", "H261/90000", "H264/90000", "H263/90000").Replace(publishing))
		}, stage.InvalidVideoCodec, 422},
		{"subscribe-only token", func() error { return post(h.token(false), publishing) }, stage.InsufficientCapabilities, 403},
		{"another stage's token", func() error { return elsewhere.Check(t.Context()) }, stage.TokenMalformed, 401},
		{"another stage's socket", func() error { _, err := elsewhere.Connect(t.Context()); return err }, stage.TokenMalformed, 401},
		{"a stranger's signature", func() error { return post(stranger, publishing) }, stage.TokenMalformed, 401},
		{"a changed claim", func() error { return tampered.Check(t.Context()) }, stage.TokenMalformed, 401},
		{"unknown publisher", func() error { _, err := good.SubscribeTo(t.Context(), "nobody", offer); return err }, stage.PublisherNotFound, 404},
		{"offer to send where one receives", func() error { _, err := good.Subscribe(t.Context(), publishing); return err }, stage.InvalidInput, 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			refused(t, test.try(), test.code, test.status)
			if err := good.Check(t.Context()); err != nil {
				t.Errorf("the server does not go on: %v", err)
			}
		})
	}
	t.Run("the thirteenth publisher", func(t *testing.T) {
		for i := range 12 {
			if err := post(h.token(true), publishing); err != nil {
				t.Fatalf("publisher %d: %v", i+1, err)
			}
		}
		refused(t, post(h.token(true), publishing), stage.AtCapacity, 503)
	})
	t.Run("a deleted stage", func(t *testing.T) {
		events, _ := connect(t, good)
		if err := h.stages.DeleteStage(t.Context(), h.id); err != nil {
			t.Fatal(err)
		}
		if left := events.sentAway(); left.Reason != "stage-deleted" {
			t.Errorf("told %+v", left)
		}
		refused(t, good.Check(t.Context()), stage.StageDeleted, 404)
	})
}

// Whatever token the stage service signs gets in: JSON writes some characters with six, so that one with all the attributes it may have
// is several times as long as usual.
func TestLongestToken(t *testing.T) {
	h := newHouse(t)
	token, err := h.stages.CreateParticipantToken(t.Context(), h.id, stage.TokenRequest{
		UserID:       strings.Repeat("<", 128),
		Attributes:   map[string]string{"k": strings.Repeat("<", 1023)},
		Capabilities: stage.Capabilities{Publish: true, Subscribe: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(string(token.Raw))
	if err != nil {
		t.Fatal(err)
	}
	c.HTTP = h.http
	connect(t, c)
	if err := c.Check(t.Context()); err != nil {
		t.Errorf("a token of %d bytes is refused: %v", len(token.Raw), err)
	}
}
