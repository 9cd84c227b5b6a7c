package rtcapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"streamcat/ratelimit"
	"streamcat/stage"
)

// peer is a client's end of an events socket.
type peer struct {
	*testing.T
	conn *websocket.Conn
}

// dial opens a socket; query is "" or begins with "?".
func (b *bench) dial(t *testing.T, token, query string) *peer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, b.http.URL+"/rtc/events/stage1"+query, &websocket.DialOptions{
		Subprotocols: []string{token}, HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	if conn.Subprotocol() != token {
		t.Fatalf("the server chose the sub-protocol %q", conn.Subprotocol())
	}
	return &peer{t, conn}
}

// next returns the next frame.
func (p *peer) next() string {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), 5*time.Second)
	defer cancel()
	_, data, err := p.conn.Read(ctx)
	if err != nil {
		p.Fatal(err)
	}
	return string(data)
}

// types returns the types of the next n frames.
func (p *peer) types(n int) string {
	p.Helper()
	var types []string
	for range n {
		var m message
		if err := json.Unmarshal([]byte(p.next()), &m); err != nil {
			p.Fatal(err)
		}
		types = append(types, m.Type)
	}
	return strings.Join(types, " ")
}

func (p *peer) greeted() *peer {
	p.Helper()
	if got, want := p.types(5), "WELCOME STAGE_STATE LIVE LAYOUT VIEWER_COUNT"; got != want {
		p.Fatalf("greeted with %s, want %s", got, want)
	}
	return p
}

func (p *peer) say(frame string) {
	p.Helper()
	if err := p.conn.Write(p.Context(), websocket.MessageText, []byte(frame)); err != nil {
		p.Fatal(err)
	}
}

// closed reads on until the socket is closed and returns the code and the reason. A LEFT on the way is one too many.
func (p *peer) closed() (websocket.StatusCode, string) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), 10*time.Second)
	defer cancel()
	for {
		_, data, err := p.conn.Read(ctx)
		if strings.Contains(string(data), `"LEFT"`) {
			p.Fatalf("told to leave: %s", data)
		}
		var end websocket.CloseError
		switch {
		case errors.As(err, &end):
			return end.Code, end.Reason
		case err != nil:
			p.Fatal(err)
		}
	}
}

// eventually waits for what happens soon on another goroutine.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("this did not happen: %s", what)
		}
	}
}

func host(id string, slot int) stage.Publisher {
	return stage.Publisher{ID: stage.ParticipantID(id), UserID: id, Publishing: true, Slot: slot, HasAudio: true, HasVideo: true, OnAir: true}
}

// liveStage is a snapshot of a live stage.
func liveStage(version uint64, publishers ...stage.Publisher) *stage.Snapshot {
	return &stage.Snapshot{
		Stage: testStage, Session: "st-1", Version: version, Gated: true, Slots: 12, Publishers: publishers,
		LiveSince: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Layout: stage.Compose(publishers), Viewers: 7,
	}
}

func TestGreeting(t *testing.T) {
	b := newBench(t)
	b.stages.snapshot = liveStage(1, host("alice", 0))
	p := b.dial(t, "audience-zoe", "?client=abcdefgh&sdk=1.2.3")
	for _, want := range []string{
		`{"type":"WELCOME","payload":{"participantId":"zoe","sessionId":"st-1","slots":12,"resources":["res1"]}}`,
		`{"type":"STAGE_STATE","payload":{"stageId":"stage1","slots":12,"participants":[{"id":"alice","userId":"alice","attributes":{},"isPublishing":true,"slot":0,"hasAudio":true,"hasVideo":true,"audioMuted":false,"videoStopped":false,"onAir":true}]}}`,
		`{"type":"LIVE","payload":{"live":true,"since":"2026-01-02T03:04:05Z"}}`,
		`{"type":"LAYOUT","payload":{"columns":24,"rows":24,"tiles":[{"participantId":"alice","column":1,"row":1,"columnSpan":24,"rowSpan":24,"featured":false}]}}`,
		`{"type":"VIEWER_COUNT","payload":{"count":7}}`,
	} {
		if got := p.next(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if info := b.stages.info; info.SDKVersion != "1.2.3" || info.Protocol != "UNKNOWN" {
		t.Errorf("client info %+v", info)
	}
}

func TestAudienceSeesNothingBeforeLive(t *testing.T) {
	b := newBench(t)
	backstage := host("bob", 1)
	backstage.OnAir = false
	off := liveStage(1, host("alice", 0), backstage)
	off.LiveSince = time.Time{}
	b.stages.snapshot = off
	p := b.dial(t, "audience-zoe", "")
	p.next()
	for _, want := range []string{
		`{"type":"STAGE_STATE","payload":{"stageId":"stage1","slots":12,"participants":[]}}`,
		`{"type":"LIVE","payload":{"live":false}}`,
		`{"type":"LAYOUT","payload":{"columns":24,"rows":24,"tiles":[]}}`,
		`{"type":"VIEWER_COUNT","payload":{"count":7}}`,
	} {
		if got := p.next(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	h := b.dial(t, "host-alice", "").greeted()

	b.bus.publish(stage.Notice{Snapshot: liveStage(2, host("alice", 0), backstage)})
	if got := p.types(3); got != "STAGE_STATE LIVE LAYOUT" {
		t.Errorf("the audience was told %s", got)
	}
	// A host sees those backstage all the time, so nobody came for it.
	if got := h.types(1); got != "LIVE" {
		t.Errorf("the host was told %s", got)
	}
}

func TestChanges(t *testing.T) {
	b := newBench(t)
	b.stages.snapshot = liveStage(1, host("alice", 0), host("bob", 1))
	p := b.dial(t, "host-alice", "").greeted()

	muted := host("bob", 1)
	muted.AudioMuted = true
	b.bus.publish(stage.Notice{Snapshot: liveStage(2, host("alice", 0), muted)})
	if got, want := p.next(), `{"type":"MUTE_CHANGED","payload":{"participantId":"bob","audioMuted":true,"videoStopped":false}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// A snapshot that was overtaken, one that was seen already, and one in which nothing changed: silence.
	b.bus.publish(stage.Notice{Snapshot: liveStage(1)})
	b.bus.publish(stage.Notice{Snapshot: liveStage(2)})
	b.bus.publish(stage.Notice{Snapshot: liveStage(3, host("alice", 0), muted)})
	b.bus.publish(stage.Notice{Snapshot: liveStage(4, host("alice", 0))})
	if got := p.types(2); got != "STAGE_STATE LAYOUT" {
		t.Errorf("told %s when bob left", got)
	}
}

// The welcome of a newcomer may be older than what the room knows, or newer.
func TestWelcomeAgainstNotices(t *testing.T) {
	b := newBench(t)
	b.stages.snapshot = liveStage(1)
	first := b.dial(t, "host-alice", "").greeted()

	b.stages.onConnect = func() { b.bus.publish(stage.Notice{Snapshot: liveStage(3, host("alice", 0))}) }
	late := b.dial(t, "host-bob", "") // Connect answers with version 1, after version 3 was published
	late.next()
	if got := late.next(); !strings.Contains(got, `"id":"alice"`) {
		t.Errorf("the newcomer was greeted with the past: %s", got)
	}
	if got := first.types(2); got != "STAGE_STATE LAYOUT" {
		t.Errorf("the first was told %s", got)
	}

	b.stages.mu.Lock()
	b.stages.onConnect = nil
	b.stages.snapshot = liveStage(4, host("bob", 1))
	b.stages.mu.Unlock()
	b.dial(t, "host-carol", "").greeted()
	if got := first.next(); !strings.Contains(got, `"id":"bob"`) {
		t.Errorf("the first missed what a newcomer's welcome brought: %s", got)
	}
	b.bus.publish(stage.Notice{Snapshot: liveStage(4, host("bob", 1))}) // the same, by its own way
	b.bus.publish(stage.Notice{Snapshot: liveStage(5)})
	if got := first.types(3); got != "LAYOUT STAGE_STATE LAYOUT" {
		t.Errorf("the first was told %s", got)
	}
}

func TestLeft(t *testing.T) {
	for _, test := range []struct {
		name  string
		left  stage.Left
		told  bool // alice on client-one
		other bool // alice on client-two
		bob   bool
	}{
		{"removed", stage.Left{Participant: "alice", Reason: stage.LeftDisconnected, Message: "Be nice."}, true, true, false},
		{"taken over", stage.Left{Participant: "alice", Keep: "client-two", Reason: stage.LeftTokenReused}, true, false, false},
		{"deleted", stage.Left{Reason: stage.LeftStageDeleted}, true, true, true},
		{"keep is about take-overs only", stage.Left{Participant: "alice", Keep: "client-two", Reason: stage.LeftDisconnected}, true, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			one := b.dial(t, "host-alice", "?client=client-one").greeted()
			two := b.dial(t, "host-alice", "?client=client-two").greeted()
			bob := b.dial(t, "host-bob", "").greeted()
			b.bus.publish(stage.Notice{Left: &test.left})
			for _, p := range []struct {
				*peer
				told bool
			}{{one, test.told}, {two, test.other}, {bob, test.bob}} {
				if !p.told {
					p.say(`{"type":"PING"}`)
					if got := p.types(1); got != "PONG" {
						t.Errorf("one who stays was told %s", got)
					}
					continue
				}
				want := fmt.Sprintf(`{"type":"LEFT","payload":{"reason":%q,"message":%q}}`, test.left.Reason, test.left.Message)
				if got := p.next(); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
				if code, reason := p.closed(); code != 4000 || reason != string(test.left.Reason) {
					t.Errorf("closed with %d %s", code, reason)
				}
			}
		})
	}
}

// An order to leave that comes while the service is still answering Connect is not lost.
func TestLeftWhileConnecting(t *testing.T) {
	b := newBench(t)
	b.stages.onConnect = func() {
		b.bus.publish(stage.Notice{Left: &stage.Left{Participant: "alice", Reason: stage.LeftDisconnected}})
	}
	p := b.dial(t, "host-alice", "")
	if got := p.types(1); got != "LEFT" {
		t.Fatalf("told %s", got)
	}
	if code, _ := p.closed(); code != 4000 {
		t.Fatalf("closed with %d", code)
	}
	eventually(t, "the service hears of the end", func() bool { return b.stages.sockets("alice/") == 0 })
}

func TestResumeReplacesTheOldSocket(t *testing.T) {
	b := newBench(t)
	old := b.dial(t, "host-alice", "?client=abcdefgh").greeted()
	b.dial(t, "host-alice", "?client=abcdefgh").greeted()
	if code, _ := old.closed(); code != websocket.StatusNormalClosure {
		t.Fatalf("closed with %d", code)
	}
	eventually(t, "one socket is left", func() bool { return b.stages.sockets("alice/abcdefgh") == 1 })
}

func TestCommands(t *testing.T) {
	b := newBench(t)
	p := b.dial(t, "host-alice", "?client=abcdefgh").greeted()
	p.say(`{"type":"PING"}`)
	if got := p.next(); got != `{"type":"PONG"}` {
		t.Errorf("got %s", got)
	}
	p.say(`{"type":"DANCE","payload":{}}`)
	if got, want := p.next(), `{"type":"ERROR","payload":{"code":"INVALID_INPUT","message":"This type of message is not known here."}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	p.say(`{"type":"MUTE","payload":{"audioMuted":true}}`)
	if got := p.next(); !strings.Contains(got, "INVALID_INPUT") {
		t.Errorf("half a MUTE was answered with %s", got)
	}
	p.say(`{"type":"MUTE","payload":{"audioMuted":true,"videoStopped":false}}`)
	p.say(`{"type":"SELECT","payload":{"default":"NONE","participants":{"bob":"AUDIO_ONLY"}}}`)
	p.say(`{"type":"PING"}`)
	if got := p.types(1); got != "PONG" {
		t.Errorf("got %s", got)
	}
	want := stage.Selection{Default: stage.SubscribeNone, Participants: map[stage.ParticipantID]stage.SubscribeType{"bob": stage.SubscribeAudioOnly}}
	if diff := cmp.Diff(want, b.stages.selected); b.stages.mutes != 1 || diff != "" {
		t.Errorf("%d mutes; selection (-want +got):\n%s", b.stages.mutes, diff)
	}

	b.stages.setRefusal("Select", errors.New("dial tcp 10.0.0.1: refused"))
	p.say(`{"type":"SELECT","payload":{"default":"NONE"}}`)
	if got := p.next(); !strings.Contains(got, "INTERNAL_SERVER_EXCEPTION") || strings.Contains(got, "10.0.0.1") {
		t.Errorf("our fault was told as %s", got)
	}
	viewer := b.dial(t, "audience-zoe", "").greeted()
	viewer.say(`{"type":"MUTE","payload":{"audioMuted":true,"videoStopped":false}}`)
	if got := viewer.next(); !strings.Contains(got, "INSUFFICIENT_CAPABILITIES") {
		t.Errorf("a viewer's MUTE was answered with %s", got)
	}

	p.say(`{"type":"LEAVE"}`)
	if code, _ := p.closed(); code != websocket.StatusNormalClosure {
		t.Errorf("LEAVE was answered with %d", code)
	}
	if b.stages.sockets("alice/abcdefgh") != 0 || !b.stages.said("alice/abcdefgh") {
		t.Error("the service did not hear of a clean goodbye")
	}
	viewer.conn.CloseNow()
	eventually(t, "the service hears of the broken socket", func() bool { return b.stages.sockets("zoe/") == 0 })
	if b.stages.said("zoe/") {
		t.Error("a broken socket was taken for a goodbye")
	}
	eventually(t, "the subscription ends with the last socket", func() bool { return b.bus.subscribers() == 0 })
}

func TestViolations(t *testing.T) {
	b := newBench(t)
	for _, test := range []struct {
		name   string
		frames []string
		kind   websocket.MessageType
	}{
		{"not JSON", []string{"hello"}, websocket.MessageText},
		{"an array", []string{`[{"type":"PING"}]`}, websocket.MessageText},
		{"null", []string{`null`}, websocket.MessageText},
		{"two objects", []string{`{"type":"PING"}{"type":"PING"}`}, websocket.MessageText},
		{"no type", []string{`{"payload":{}}`}, websocket.MessageText},
		{"a number as type", []string{`{"type":1}`}, websocket.MessageText},
		{"not UTF-8", []string{"{\"type\":\"\xff\"}"}, websocket.MessageText},
		{"binary", []string{`{"type":"PING"}`}, websocket.MessageBinary},
		{"too long", []string{`{"type":"PING","payload":"` + strings.Repeat("a", maxFrame) + `"}`}, websocket.MessageText},
		{"empty", []string{``}, websocket.MessageText},
		{"too many", strings.SplitAfter(strings.Repeat(`{"type":"MUTE","payload":{"audioMuted":true,"videoStopped":true}}`, 100), "}}"), websocket.MessageText},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := b.dial(t, "host-alice", "").greeted()
			for _, frame := range test.frames {
				if p.conn.Write(t.Context(), test.kind, []byte(frame)) != nil {
					break // closed already
				}
			}
			if code, reason := p.closed(); code != websocket.StatusPolicyViolation || !strings.HasSuffix(reason, ".") {
				t.Fatalf("closed with %d %q", code, reason)
			}
			b.dial(t, "host-bob", "").greeted() // the server goes on
		})
	}
}

func TestPanicEndsOneSocket(t *testing.T) {
	b := newBench(t)
	b.stages.panics = true
	p := b.dial(t, "host-alice", "").greeted()
	bob := b.dial(t, "host-bob", "").greeted()
	p.say(`{"type":"MUTE","payload":{"audioMuted":true,"videoStopped":false}}`)
	if code, _ := p.closed(); code != websocket.StatusInternalError {
		t.Fatalf("closed with %d", code)
	}
	bob.say(`{"type":"PING"}`)
	if got := bob.types(1); got != "PONG" {
		t.Fatalf("the other socket got %s", got)
	}
}

func TestRefusedSockets(t *testing.T) {
	b := newBench(t)
	for _, test := range []struct {
		name, path, token string
		header            http.Header
		fail              string
		err               error
		status            int
		code              stage.Code
	}{
		{name: "no token", path: "/rtc/events/stage1", status: 401, code: "TOKEN_MALFORMED"},
		{name: "two sub-protocols", path: "/rtc/events/stage1", token: "host-a, host-b", status: 401, code: "TOKEN_MALFORMED"},
		{name: "a token in the header does not count", path: "/rtc/events/stage1", header: http.Header{"Authorization": {"Bearer host-a"}}, status: 401, code: "TOKEN_MALFORMED"},
		{name: "a stranger's token", path: "/rtc/events/stage1", token: "stranger", status: 401, code: "TOKEN_MALFORMED"},
		{name: "another stage", path: "/rtc/events/stage2", token: "host-a", status: 401, code: "TOKEN_MALFORMED"},
		{name: "removed", path: "/rtc/events/stage1", token: "host-a", fail: "Connect",
			err: stage.Errorf(stage.ParticipantDisconnected, "You were removed."), status: 403, code: "PARTICIPANT_DISCONNECTED"},
		{name: "client id", path: "/rtc/events/stage1?client=a", token: "host-a", status: 400, code: "INVALID_INPUT"},
		{name: "old WebSocket", path: "/rtc/events/stage1", token: "host-a", header: http.Header{"Sec-Websocket-Version": {"8"}}, status: 400, code: "INVALID_INPUT"},
		{name: "no key", path: "/rtc/events/stage1", token: "host-a", header: http.Header{"Sec-Websocket-Key": {"x"}}, status: 400, code: "INVALID_INPUT"},
		{name: "another protocol", path: "/rtc/events/stage1", token: "host-a", header: http.Header{"Upgrade": {"h2c"}}, status: 400, code: "INVALID_INPUT"},
		{name: "no Connection", path: "/rtc/events/stage1", token: "host-a", header: http.Header{"Connection": {"close"}}, status: 400, code: "INVALID_INPUT"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b.stages.setRefusal(test.fail, test.err)
			defer b.stages.setRefusal(test.fail, nil)
			header := []string{}
			for name, value := range map[string]string{
				"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-Websocket-Protocol": test.token,
			} {
				if test.header.Get(name) == "" && value != "" {
					header = append(header, name, value)
				}
			}
			for name, values := range test.header {
				header = append(header, name, values[0])
			}
			response, body := b.do("GET", test.path, "", "", "", header...)
			checkProblem(t, response, body, test.status, test.code)
			b.stages.setRefusal(test.fail, nil)
			b.dial(t, "host-bob", "").greeted()
		})
	}
	eventually(t, "nothing is left of the refused", func() bool { return b.stages.sockets("a/") == 0 })
}

func TestBusFailureIsOurFault(t *testing.T) {
	b := newBench(t)
	b.bus.err = errors.New("no servers")
	_, response, err := websocket.Dial(t.Context(), b.http.URL+"/rtc/events/stage1", &websocket.DialOptions{Subprotocols: []string{"host-a"}})
	if err == nil || response.StatusCode != 500 {
		t.Fatalf("%v %v", response, err)
	}
	b.bus.mu.Lock()
	b.bus.err = nil
	b.bus.mu.Unlock()
	b.dial(t, "host-a", "").greeted()
}

func TestServerClose(t *testing.T) {
	b := newBench(t)
	one := b.dial(t, "host-alice", "").greeted()
	two := b.dial(t, "audience-zoe", "").greeted()
	done := make(chan error)
	go func() {
		b.bus.publish(stage.Notice{Left: &stage.Left{Reason: stage.LeftShutdown}}) // the service says so too
		done <- b.server.Close()
	}()
	for _, p := range []*peer{one, two} {
		if got, want := p.next(), `{"type":"LEFT","payload":{"reason":"server-shutdown","message":""}}`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if code, _ := p.closed(); code != 4000 {
			t.Errorf("closed with %d", code)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if b.stages.sockets("alice/") != 0 || b.stages.sockets("zoe/") != 0 {
		t.Error("the service did not hear of the ends")
	}
	_, response, err := websocket.Dial(t.Context(), b.http.URL+"/rtc/events/stage1", &websocket.DialOptions{Subprotocols: []string{"host-a"}})
	if err == nil || response.StatusCode != 503 || response.Header.Get("Retry-After") == "" {
		t.Fatalf("after Close: %v %v", response, err)
	}
}

func TestEventsAreRateLimited(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Rate = ratelimit.Rate{PerSecond: 0.1, Burst: 1} })
	b.dial(t, "host-alice", "").greeted()
	_, response, err := websocket.Dial(t.Context(), b.http.URL+"/rtc/events/stage1", &websocket.DialOptions{Subprotocols: []string{"host-a"}})
	if err == nil || response.StatusCode != 429 || response.Header.Get("Retry-After") != "10" {
		t.Fatalf("%v %v", response, err)
	}
}
