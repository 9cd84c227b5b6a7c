package rtcapi

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamcat/jwt"
	"streamcat/ratelimit"
	"streamcat/stage"
)

const (
	offer   = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n"
	session = "/rtc/whip/sessions/res1234567890abc"
)

func TestRefusals(t *testing.T) {
	big := strings.Repeat("v=0\r\n", 13<<10) // 65 KB
	refusals := []struct {
		name                            string
		method, path, token, kind, body string
		header                          []string
		fail                            string // this method of the service answers with err
		err                             error
		status                          int
		code                            stage.Code
		retry                           string
	}{
		{name: "no token", method: "POST", path: "/rtc/whip", kind: mediaSDP, body: offer, status: 401, code: "TOKEN_MALFORMED"},
		{name: "basic credentials", method: "POST", path: "/rtc/whip", kind: mediaSDP, body: offer,
			header: []string{"Authorization", "Basic aG9zdDpob3N0"}, status: 401, code: "TOKEN_MALFORMED"},
		{name: "two tokens", method: "POST", path: "/rtc/whip", token: "host-a", kind: mediaSDP, body: offer,
			header: []string{"Authorization", "Bearer host-b"}, status: 401, code: "TOKEN_MALFORMED"},
		{name: "token with junk", method: "POST", path: "/rtc/whip", token: "host-a, host-b", kind: mediaSDP, body: offer, status: 401, code: "TOKEN_MALFORMED"},
		{name: "endless token", method: "POST", path: "/rtc/whip", token: "host-" + strings.Repeat("a", jwt.MaxSize), kind: mediaSDP, body: offer, status: 401, code: "TOKEN_MALFORMED"},
		{name: "a stranger's token", method: "POST", path: "/rtc/whip", token: "stranger", kind: mediaSDP, body: offer, status: 401, code: "TOKEN_MALFORMED"},
		{name: "another stage's token", method: "GET", path: "/rtc/events/stage2", token: "host-a", status: 401, code: "TOKEN_MALFORMED"},
		{name: "expired token", method: "POST", path: "/rtc/whip", token: "host-a", kind: mediaSDP, body: offer,
			fail: "Authenticate", err: stage.Errorf(stage.TokenExpired, "This token has expired."), status: 401, code: "TOKEN_EXPIRED"},
		{name: "removed participant", method: "GET", path: "/rtc/events/stage1", token: "host-a",
			fail: "Authenticate", err: stage.Errorf(stage.ParticipantDisconnected, "You were removed."), status: 403, code: "PARTICIPANT_DISCONNECTED"},
		{name: "deleted stage", method: "GET", path: "/rtc/events/stage1", token: "host-a",
			fail: "Authenticate", err: stage.Errorf(stage.StageDeleted, "There is no such stage."), status: 404, code: "STAGE_DELETED"},
		{name: "publish with a subscribe-only token", method: "POST", path: "/rtc/whip", token: "audience-a", kind: mediaSDP, body: offer, status: 403, code: "INSUFFICIENT_CAPABILITIES"},
		{name: "audience before live", method: "POST", path: "/rtc/whip/subscribe", token: "audience-a", kind: mediaSDP, body: offer,
			fail: "Subscribe", err: stage.Errorf(stage.NotLive, "The stage is not live."), status: 403, code: "STAGE_NOT_LIVE"},
		{name: "unknown publisher", method: "POST", path: "/rtc/whip/subscribe/nobody", token: "audience-a", kind: mediaSDP, body: offer,
			fail: "Subscribe", err: stage.Errorf(stage.PublisherNotFound, "There is no such publisher."), status: 404, code: "PUBLISHER_NOT_FOUND"},
		{name: "a publisher that cannot be", method: "POST", path: "/rtc/whip/subscribe/a%2Fb", token: "audience-a", kind: mediaSDP, body: offer, status: 404, code: "PUBLISHER_NOT_FOUND"},
		{name: "the thirteenth publisher", method: "POST", path: "/rtc/whip", token: "host-m", kind: mediaSDP, body: offer,
			fail: "Publish", err: stage.Errorf(stage.AtCapacity, "Twelve publish already."), status: 503, code: "STAGE_AT_CAPACITY", retry: "10"},
		{name: "malformed SDP", method: "POST", path: "/rtc/whip", token: "host-a", kind: mediaSDP, body: offer,
			fail: "Publish", err: stage.Errorf(stage.InvalidInput, "The offer is malformed."), status: 400, code: "INVALID_INPUT"},
		{name: "not SDP at all", method: "POST", path: "/rtc/whip", token: "host-a", kind: mediaSDP, body: "hello", status: 400, code: "INVALID_INPUT"},
		{name: "empty offer", method: "POST", path: "/rtc/whip", token: "host-a", kind: mediaSDP, status: 400, code: "INVALID_INPUT"},
		{name: "offer that is not UTF-8", method: "POST", path: "/rtc/whip", token: "host-a", kind: mediaSDP, body: "v=0\xff", status: 400, code: "INVALID_INPUT"},
		{name: "no known audio codec", method: "POST", path: "/rtc/whip", token: "host-a", kind: mediaSDP, body: offer,
			fail: "Publish", err: stage.Errorf(stage.InvalidAudioCodec, "Offer Opus."), status: 422, code: "INVALID_AUDIO_CODEC"},
		{name: "no known video codec", method: "POST", path: "/rtc/whip", token: "host-a", kind: mediaSDP, body: offer,
			fail: "Publish", err: stage.Errorf(stage.InvalidVideoCodec, "Offer H.264 or VP8."), status: 422, code: "INVALID_VIDEO_CODEC"},
		{name: "JSON for an offer", method: "POST", path: "/rtc/whip", token: "host-a", kind: "application/json", body: offer, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
		{name: "offer without a type", method: "POST", path: "/rtc/whip/subscribe", token: "host-a", body: offer, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
		{name: "zipped offer", method: "POST", path: "/rtc/whip", token: "host-a", kind: mediaSDP, body: offer,
			header: []string{"Content-Encoding", "gzip"}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
		{name: "offer too large", method: "POST", path: "/rtc/whip", token: "host-a", kind: mediaSDP, body: big, status: 413, code: "TOO_LARGE"},
		{name: "fragment too large", method: "PATCH", path: session, token: "host-a", kind: mediaFragment, body: big[:17<<10],
			header: []string{"If-Match", `"ice1"`}, status: 413, code: "TOO_LARGE"},
		{name: "client id too short", method: "POST", path: "/rtc/whip?client=short", token: "host-a", kind: mediaSDP, body: offer, status: 400, code: "INVALID_INPUT"},
		{name: "client id with a space", method: "GET", path: "/rtc/events/stage1?client=abcd%20efgh", token: "host-a", status: 400, code: "INVALID_INPUT"},
		{name: "two client ids", method: "POST", path: "/rtc/whip?client=abcdefgh&client=ijklmnop", token: "host-a", kind: mediaSDP, body: offer, status: 400, code: "INVALID_INPUT"},
		{name: "wrong ETag", method: "PATCH", path: session, token: "host-a", kind: mediaFragment, body: "a=x", header: []string{"If-Match", `"old"`}, status: 412, code: "PRECONDITION_FAILED"},
		{name: "weak ETag", method: "PATCH", path: session, token: "host-a", kind: mediaFragment, body: "a=x", header: []string{"If-Match", `W/"ice1"`}, status: 412, code: "PRECONDITION_FAILED"},
		{name: "bare ETag", method: "PATCH", path: session, token: "host-a", kind: mediaFragment, body: "a=x", header: []string{"If-Match", "ice1"}, status: 400, code: "INVALID_INPUT"},
		{name: "no If-Match", method: "PATCH", path: session, token: "host-a", kind: mediaFragment, body: "a=x", status: 428, code: "PRECONDITION_REQUIRED"},
		{name: "SDP for a fragment", method: "PATCH", path: session, token: "host-a", kind: mediaSDP, body: offer, header: []string{"If-Match", "*"}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
		{name: "malformed fragment", method: "PATCH", path: session, token: "host-a", kind: mediaFragment, body: "a=x", header: []string{"If-Match", "*"},
			fail: "PatchResource", err: stage.Errorf(stage.InvalidInput, "The fragment is malformed."), status: 400, code: "INVALID_INPUT"},
		{name: "delete what is not there", method: "DELETE", path: "/rtc/whip/sessions/other", token: "host-a", status: 404, code: "NOT_FOUND"},
		{name: "delete what cannot be", method: "DELETE", path: "/rtc/whip/sessions/%00", token: "host-a", status: 404, code: "NOT_FOUND"},
		{name: "delete without a token", method: "DELETE", path: session, status: 401, code: "TOKEN_MALFORMED"},
		{name: "get an endpoint", method: "GET", path: "/rtc/whip", token: "host-a", status: 405, code: "METHOD_NOT_ALLOWED"},
		{name: "put a session", method: "PUT", path: session, token: "host-a", status: 405, code: "METHOD_NOT_ALLOWED"},
		{name: "post to events", method: "POST", path: "/rtc/events/stage1", token: "host-a", status: 405, code: "METHOD_NOT_ALLOWED"},
		{name: "nowhere", method: "GET", path: "/rtc/nowhere", status: 404, code: "NOT_FOUND"},
		{name: "our fault", method: "POST", path: "/rtc/whip", token: "host-a", kind: mediaSDP, body: offer,
			fail: "Publish", err: errors.New("open /var/secret: no such file"), status: 500, code: "INTERNAL_SERVER_EXCEPTION"},
		{name: "our panic", method: "POST", path: "/rtc/whip", token: "panic-now", kind: mediaSDP, body: offer, status: 500, code: "INTERNAL_SERVER_EXCEPTION"},
	}
	b := newBench(t)
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			if test.fail != "" {
				b.stages.setRefusal(test.fail, test.err)
				defer b.stages.setRefusal(test.fail, nil)
			}
			response, body := b.do(test.method, test.path, test.token, test.kind, test.body, test.header...)
			checkProblem(t, response, body, test.status, test.code)
			if got := response.Header.Get("Retry-After"); got != test.retry {
				t.Errorf("Retry-After is %q, want %q", got, test.retry)
			}
			if test.status == 405 && response.Header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
			if test.status == 401 && response.Header.Get("WWW-Authenticate") != "Bearer" {
				t.Error("401 without WWW-Authenticate")
			}
			if strings.Contains(body, "/var/secret") || strings.Contains(body, "the fake") {
				t.Errorf("the answer tells what is inside: %s", body)
			}
			b.stages.setRefusal(test.fail, nil)
			checkServes(t, b)
		})
	}
	if log := b.log.String(); !strings.Contains(log, "/var/secret") || !strings.Contains(log, "the fake was told to") {
		t.Error("the log does not say what our fault was")
	}
}

// checkProblem checks an answer against docs/protocol.md 5.
func checkProblem(t *testing.T, response *http.Response, body string, status int, code stage.Code) {
	t.Helper()
	if response.StatusCode != status || response.Header.Get("Content-Type") != mediaProblem {
		t.Fatalf("%s %s, want %d %s: %s", response.Status, response.Header.Get("Content-Type"), status, mediaProblem, body)
	}
	var got problem
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	want := problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: got.Detail, Code: code}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problem (-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(got.Detail, ".") {
		t.Errorf("%q is not a sentence", got.Detail)
	}
	if response.Header.Get("Access-Control-Allow-Origin") != "*" || response.Header.Get("Cache-Control") != "no-store" || response.Header.Get("X-Request-Id") == "" {
		t.Errorf("headers of every answer are missing: %v", response.Header)
	}
}

// checkServes checks that the server goes on.
func checkServes(t *testing.T, b *bench) {
	t.Helper()
	if response, body := b.do("POST", "/rtc/whip?client=abcdefgh", "host-a", mediaSDP, offer); response.StatusCode != 201 {
		t.Fatalf("the server does not go on: %s %s", response.Status, body)
	}
}

func TestPublishSubscribePatchDelete(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"/rtc/whip", "/rtc/whip/subscribe", "/rtc/whip/subscribe/alice"} {
		response, body := b.do("POST", path+"?client=abc-DEF_123", "host-a", mediaSDP+"; charset=utf-8", offer)
		if response.StatusCode != 201 || body != "v=0 answer" || response.Header.Get("Content-Type") != mediaSDP {
			t.Fatalf("POST %s: %s %v %s", path, response.Status, response.Header, body)
		}
		location, err := response.Location()
		if err != nil || location.Path != session || response.Header.Get("ETag") != `"ice1"` {
			t.Fatalf("POST %s: Location %v (%v), ETag %s", path, location, err, response.Header.Get("ETag"))
		}
	}
	response, body := b.do("PATCH", session, "host-a", mediaFragment, "a=candidate", "If-Match", `"ice1"`)
	if response.StatusCode != 204 || body != "" {
		t.Fatalf("trickle: %s %s", response.Status, body)
	}
	for _, wildcard := range []string{`"*"`, "*"} {
		response, body = b.do("PATCH", session, "host-a", mediaFragment, "a=restart", "If-Match", wildcard)
		if response.StatusCode != 200 || body != "a=ice-ufrag:new" || response.Header.Get("ETag") != `"ice2"` || response.Header.Get("Content-Type") != mediaFragment {
			t.Fatalf("restart with %s: %s %v %s", wildcard, response.Status, response.Header, body)
		}
	}
	response, _ = b.do("DELETE", session, "host-a", "", "")
	if response.StatusCode != 200 {
		t.Fatalf("delete: %s", response.Status)
	}
	want := []string{"res1234567890abc ice1 a=candidate", "res1234567890abc * a=restart", "res1234567890abc * a=restart"}
	if diff := cmp.Diff(want, b.stages.patches); diff != "" {
		t.Errorf("patches (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"res1234567890abc"}, b.stages.deleted); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

func TestOptions(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Rate = ratelimit.Rate{PerSecond: 1, Burst: 1} })
	for range 3 { // preflights are not counted
		response, _ := b.do("OPTIONS", "/rtc/whip", "", "", "", "Origin", "https://elsewhere.example", "Access-Control-Request-Method", "POST")
		got := map[string]string{}
		for _, name := range []string{"Accept-Post", "Allow", "Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers"} {
			got[name] = response.Header.Get(name)
		}
		want := map[string]string{
			"Accept-Post": "application/sdp", "Allow": "POST, OPTIONS", "Access-Control-Allow-Origin": "*",
			"Access-Control-Allow-Methods": "POST, OPTIONS", "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
		}
		if diff := cmp.Diff(want, got); response.StatusCode != 204 || diff != "" {
			t.Fatalf("%s (-want +got):\n%s", response.Status, diff)
		}
	}
	response, _ := b.do("OPTIONS", session, "", "", "")
	if response.StatusCode != 204 || response.Header.Get("Allow") != "DELETE, PATCH, OPTIONS" || response.Header.Get("Accept-Patch") != mediaFragment {
		t.Fatalf("%s %v", response.Status, response.Header)
	}
}

// A body of ten megabytes is refused from its headers, without being read, and one of unknown length once it is over the limit.
func TestHugeBody(t *testing.T) {
	for _, test := range []struct{ name, framing, body string }{
		{"announced", "Content-Length: 10485760\r\n", ""},
		{"chunked", "Transfer-Encoding: chunked\r\n", "10001\r\nv=0\r\n" + strings.Repeat("a", 0x10001-5)},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			conn, err := net.Dial("tcp", b.http.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			request := "POST /rtc/whip HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer host-a\r\nContent-Type: application/sdp\r\n" + test.framing + "\r\n" + test.body
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			// The rest is never sent, so an answer shows that nobody waits for it.
			line := make([]byte, 12)
			if _, err := io.ReadFull(conn, line); err != nil || string(line) != "HTTP/1.1 413" {
				t.Fatalf("%q %v", line, err)
			}
			checkServes(t, b)
		})
	}
}

func TestRateLimit(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Rate = ratelimit.Rate{PerSecond: 0.5, Burst: 3}; c.TrustProxy = true })
	from := func(addr string) *http.Response {
		response, _ := b.do("GET", "/rtc/events/stage1", "host-a", "", "", "X-Forwarded-For", "203.0.113.9", "X-Forwarded-For", "198.51.100.1, "+addr)
		return response
	}
	for i := range 3 {
		if response := from("2001:db8::1"); response.StatusCode != 204 {
			t.Fatalf("request %d: %s", i, response.Status)
		}
	}
	if response := from("2001:db8::2"); response.StatusCode != 429 || response.Header.Get("Retry-After") != "2" {
		t.Fatalf("another address of the same network: %s, Retry-After %q", response.Status, response.Header.Get("Retry-After"))
	}
	if response := from("192.0.2.1"); response.StatusCode != 204 {
		t.Fatalf("another network: %s", response.Status)
	}
}
