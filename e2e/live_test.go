package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// problem is a refusal of the stage service. RFC 9457
type problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
}

// offer makes a whole-stage offer in a page and posts it with a token, as a client that ignores all messages would.
func (tb *tab) subscribe(token string) problem {
	tb.t.Helper()
	return eval[problem](tb, `async (token) => {
		const connection = new RTCPeerConnection();
		for (const kind of ["audio", "video"]) connection.addTransceiver(kind, { direction: "recvonly" });
		await connection.setLocalDescription();
		const response = await fetch("/rtc/whip/subscribe", {
			method: "POST", body: connection.localDescription.sdp,
			headers: { "Content-Type": "application/sdp", Authorization: "Bearer " + token },
		});
		connection.close();
		const body = await response.text();
		return { status: response.status, code: response.ok ? "" : JSON.parse(body).code };
	}`, token)
}

// publish tries to publish with a token; the offer is good enough to be refused for the token alone.
func (s *server) publish(token string) (int, string) {
	s.t.Helper()
	offer := strings.ReplaceAll(`v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=sendonly
a=rtcp-mux
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 `+strings.TrimSuffix(strings.Repeat("AB:", 32), ":")+`
a=setup:actpass
a=rtpmap:111 opus/48000/2
`, "\n", "\r\n")
	var answer problem
	p := s.stranger()
	status, body := p.do(http.MethodPost, "/rtc/whip", "application/sdp", offer, http.Header{"Authorization": {"Bearer " + token}})
	if status >= 400 {
		decode(s.t, body, &answer)
	}
	return status, answer.Code
}

// Issue point 7 and StreamCat tutorial bug 1: before the host goes live the audience gets nothing, whatever its token says.
func TestNothingBeforeLive(t *testing.T) {
	sh := newShow(t)
	sh.host.awaitMoving(joinTimeout, tileVideo(sh.host.idOf("leo")), green)
	viewer := browsers.get(t, kind{}).watch(t, sh.server, nil, sh.mia)
	viewer.await(stateTimeout, "waiting", viewer.watching("offline"))
	if got := viewer.text("#channel-name"); got != "mia" {
		t.Errorf("the waiting page names %q", got)
	}
	if n := eval[int](viewer, `() => document.querySelector("#channel-picture")?.naturalWidth ?? 0`); n == 0 {
		t.Error("the waiting page shows no picture of the channel")
	}

	var pass entry
	if status := sh.server.stranger().api(http.MethodGet, "/api/watch/mia", nil, &pass); status != http.StatusOK {
		t.Fatalf("a viewer's token: status %d", status)
	}
	if capabilities := fmt.Sprint(pass.claims(t)["capabilities"]); capabilities != "map[allow_publish:false allow_subscribe:true]" {
		t.Errorf("a viewer's token allows %s", capabilities)
	}
	viewer.expect("status of 403")
	if got := viewer.subscribe(pass.Token); got.Status != http.StatusForbidden || got.Code != "STAGE_NOT_LIVE" {
		t.Errorf("a viewer subscribes before live: %+v", got)
	}
	if status, code := sh.server.publish(pass.Token); status != http.StatusForbidden || code != "INSUFFICIENT_CAPABILITIES" {
		t.Errorf("a viewer publishes: status %d, code %s", status, code)
	}
	always(t, 3*time.Second, "the audience gets nothing", func() error {
		if got := viewer.received(); got.AudioPackets+got.VideoPackets > 0 {
			return fmt.Errorf("received %+v", got)
		}
		return viewer.watching("offline")()
	})

	// Only the host has the button, and the server decides.
	if err := sh.one.hasNot("#go-live"); err != nil {
		t.Errorf("the guest's page: %v", err)
	}
	if status := sh.leo.api(http.MethodPost, "/api/live", map[string]any{"live": true}, nil); status < 400 {
		t.Errorf("a guest goes live: status %d", status)
	}
	if status := sh.server.stranger().api(http.MethodPost, "/api/live", map[string]any{"live": true}, nil); status != http.StatusUnauthorized {
		t.Errorf("a visitor goes live: status %d", status)
	}
	always(t, time.Second, "still waiting", viewer.watching("offline"))
}

// Issue point 7: on air shows, with time and viewers, and ends the same way.
func TestGoLiveAndEnd(t *testing.T) {
	sh := newShow(t)
	sh.host.awaitMoving(joinTimeout, tileVideo(sh.host.idOf("leo")), green)
	audience := browsers.get(t, kind{})
	first := audience.watch(t, sh.server, nil, sh.mia)
	first.await(stateTimeout, "waiting", first.watching("offline"))

	sh.host.goLive()
	sh.one.await(stateTimeout, "the guest sees it, too", func() error { return sh.one.has(`#on-air[data-live="true"]`) })
	first.await(joinTimeout, "live", first.watching("live"))
	second := audience.watch(t, sh.server, sh.zoe, sh.mia)
	second.await(joinTimeout, "live", second.watching("live"))
	for _, tb := range []*tab{sh.host, sh.one, first, second} {
		tb.await(stateTimeout, "two viewers", func() error {
			if got := tb.text("#viewer-count"); got != "2" {
				return fmt.Errorf("the count says %q", got)
			}
			return nil
		})
	}
	early := sh.host.text("#elapsed")
	sh.host.await(stateTimeout, "the clock runs", func() error {
		return sh.host.check("the clock says "+early, `(early) => { const now = document.querySelector("#elapsed").innerText; return /^\d\d:\d\d$/.test(now) && now > early; }`, early)
	})
	sh.host.screenshot("studio-live")

	// A guest who leaves ends nothing (StreamCat tutorial bug 6).
	sh.one.close()
	sh.host.await(stateTimeout, "the guest is gone", sh.host.showsTilesOf("mia"))
	always(t, time.Second, "still on air", func() error { return sh.host.has(`#on-air[data-live="true"]`) })
	if err := first.watching("live")(); err != nil {
		t.Errorf("the guest's leaving ended the broadcast: %v", err)
	}

	sh.host.endBroadcast()
	for _, tb := range []*tab{first, second} {
		tb.await(stateTimeout, "ended", tb.watching("ended"))
	}
	before := first.received()
	time.Sleep(time.Second)
	if after := first.received(); after.VideoPackets > before.VideoPackets || after.AudioPackets > before.AudioPackets {
		t.Errorf("packets after the end: %+v, then %+v", before, after)
	}
	if err := sh.host.inPhase("on-stage")(); err != nil {
		t.Errorf("the host left the stage: %v", err)
	}
}
