package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNew(t *testing.T) {
	token := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	c, err := New(token(`{"jti":"me","topic":"st/1","events_url":"wss://x.example/rtc/events","whip_url":"https://x.example/rtc/whip"}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Participant != "me" || c.Events != "wss://x.example/rtc/events/st%2F1" || c.WHIP != "https://x.example/rtc/whip" || len(c.ID) < 8 || len(c.ID) > 64 {
		t.Errorf("%+v", c)
	}
	for name, bad := range map[string]string{
		"not a JWT": "hello", "not base64": "a.%.c", "not JSON": "a.e3.c", "claims of the wrong type": token(`{"topic":1}`), "no addresses": token(`{"topic":"x"}`),
	} {
		if _, err := New(bad); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), bad) {
			t.Errorf("%s: the error shows the token: %v", name, err)
		}
	}
}

func TestResource(t *testing.T) {
	var log []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		log = append(log, strings.Join([]string{
			r.Method, r.URL.String(), r.Header.Get("Authorization"), r.Header.Get("Content-Type"), r.Header.Get("If-Match"), string(body),
		}, "|"))
		switch r.Method {
		case "POST":
			w.Header().Set("Location", "../sessions/r1")
			w.Header().Set("ETag", `"one"`)
			w.WriteHeader(201)
			io.WriteString(w, "answer")
		case "PATCH":
			w.Header().Set("ETag", `"two"`)
			io.WriteString(w, "fragment")
		}
	}))
	defer server.Close()
	c := &Client{WHIP: server.URL + "/rtc/whip", Token: "secret", ID: "client-1", HTTP: server.Client()}
	resource, err := c.SubscribeTo(t.Context(), "a b", "offer")
	if err != nil {
		t.Fatal(err)
	}
	if resource.ID() != "r1" || resource.Answer != "answer" || resource.ETag != `"one"` {
		t.Errorf("%+v", resource)
	}
	if err := resource.Trickle(t.Context(), "more"); err != nil {
		t.Error(err)
	}
	if answer, err := resource.Restart(t.Context(), "again"); err != nil || answer != "fragment" || resource.ETag != `"two"` {
		t.Errorf("%q %v %s", answer, err, resource.ETag)
	}
	if err := resource.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	want := []string{
		"POST|/rtc/whip/subscribe/a%20b?client=client-1|Bearer secret|application/sdp||offer",
		`PATCH|/rtc/whip/sessions/r1|Bearer secret|application/trickle-ice-sdpfrag|"one"|more`,
		`PATCH|/rtc/whip/sessions/r1|Bearer secret|application/trickle-ice-sdpfrag|"*"|again`,
		"DELETE|/rtc/whip/sessions/r1|Bearer secret|||",
	}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestError(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		retry  string
		body   string
		want   Error
		text   string
		later  bool
	}{
		{"a refusal", 403, "", `{"code":"STAGE_NOT_LIVE","detail":"Wait."}`, Error{Status: 403, Code: "STAGE_NOT_LIVE", Detail: "Wait."}, "STAGE_NOT_LIVE: Wait.", false},
		{"full", 503, "10", `{"code":"STAGE_AT_CAPACITY","detail":"Full."}`, Error{503, "STAGE_AT_CAPACITY", "Full.", 10 * time.Second}, "STAGE_AT_CAPACITY: Full.", true},
		{"a proxy's page", 502, "soon", "<html>", Error{Status: 502}, "the server answered 502 Bad Gateway", true},
		{"endless", 429, "-1", strings.Repeat(" ", 1<<20), Error{Status: 429}, "the server answered 429 Too Many Requests", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", test.retry)
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			}))
			defer server.Close()
			c := &Client{WHIP: server.URL, Events: server.URL, Token: "t", HTTP: server.Client()}
			_, publishErr := c.Publish(t.Context(), "offer")
			_, connectErr := c.Connect(t.Context())
			for _, err := range []error{publishErr, connectErr, c.Check(t.Context())} {
				var got *Error
				if !errors.As(err, &got) || *got != test.want || got.Error() != test.text || got.Temporary() != test.later {
					t.Errorf("got %v, want %v", err, &test.want)
				}
			}
		})
	}
}

// scripted is an events endpoint that does something else at each connect.
type scripted struct {
	http   *http.Server
	pipes  chan net.Conn
	closed chan struct{}
	served sync.WaitGroup

	mu    sync.Mutex
	dials []time.Time
}

type act func(w http.ResponseWriter, r *http.Request)

func script(acts ...act) *scripted {
	s := &scripted{pipes: make(chan net.Conn), closed: make(chan struct{})}
	s.http = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.dials = append(s.dials, time.Now())
		n := len(s.dials) - 1
		s.mu.Unlock()
		acts[min(n, len(acts)-1)](w, r)
	})}
	s.served.Go(func() { _ = s.http.Serve(s) })
	return s
}

func (s *scripted) Accept() (net.Conn, error) {
	select {
	case conn := <-s.pipes:
		return conn, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *scripted) Close() error   { close(s.closed); return nil }
func (s *scripted) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (s *scripted) end() {
	s.http.Close()
	s.served.Wait()
}

func (s *scripted) client() *Client {
	return &Client{Events: "ws://pipe/events/st", Token: "t", HTTP: &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			s.pipes <- far
			return near, nil
		},
	}}}
}

// says greets, says some frames, and then breaks the connection, or stays silent until the client goes.
func says(stay bool, frames ...string) act {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"t"}})
		if err != nil {
			return
		}
		defer conn.CloseNow()
		for _, frame := range append([]string{`{"type":"WELCOME","payload":{}}`}, frames...) {
			if conn.Write(context.Background(), websocket.MessageText, []byte(frame)) != nil {
				return
			}
		}
		for stay {
			if _, _, err := conn.Read(context.Background()); err != nil {
				return
			}
		}
	}
}

func refuses(status int, retry string) act {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", retry)
		w.WriteHeader(status)
		io.WriteString(w, `{"code":"NO","detail":"No."}`)
	}
}

func left(reason string) string {
	return fmt.Sprintf(`{"type":"LEFT","payload":{"reason":%q,"message":"m"}}`, reason)
}

func TestListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := script(says(false), refuses(503, "7"), says(true, left("server-shutdown")), says(true, `{"type":"LIVE","payload":{"live":true}}`, left("token-reused")))
		var types []string
		err := s.client().Listen(t.Context(), func(e *Events, m Message) error {
			types = append(types, m.Type)
			return nil
		})
		var sent *Left
		if !errors.As(err, &sent) || *sent != (Left{"token-reused", "m"}) {
			t.Errorf("ended with %v", err)
		}
		if got := strings.Join(types, " "); got != "WELCOME WELCOME WELCOME LIVE" {
			t.Errorf("heard %s", got)
		}
		if gap := s.dials[2].Sub(s.dials[1]); gap < 7*time.Second {
			t.Errorf("came back after %v though told 7 s", gap)
		}
		if gap := s.dials[3].Sub(s.dials[2]); gap > time.Second {
			t.Errorf("took %v to come back from a good connection", gap)
		}
		s.end()
	})
}

func TestListenEnds(t *testing.T) {
	stop := errors.New("enough")
	for _, test := range []struct {
		name string
		act  act
		want string
	}{
		{"when it is refused for good", refuses(403, ""), "NO: No."},
		{"when it was removed", says(true, left("participant-disconnected")), "sent away: participant-disconnected: m"},
		{"when its function fails", says(true, `{"type":"LIVE","payload":{"live":true}}`), "enough"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := script(test.act)
				err := s.client().Listen(t.Context(), func(e *Events, m Message) error {
					if m.Type == "LIVE" {
						return stop
					}
					return nil
				})
				if err == nil || err.Error() != test.want || len(s.dials) != 1 {
					t.Errorf("ended with %v after %d connects, want %s", err, len(s.dials), test.want)
				}
				s.end()
			})
		})
	}
}

func TestBackOffGrowsAndContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := script(refuses(500, ""))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.client().Listen(ctx, func(*Events, Message) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
		// 0.125 to 8 seconds: at least 8 and at most 20 times in a minute.
		if n := len(s.dials); n < 8 || n > 20 {
			t.Errorf("%d connects in a minute", n)
		}
		s.end()
	})
}

// A server that neither pings nor answers PING is given up after forty seconds.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := script(says(true))
		e, err := s.client().Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m, err := e.Next(t.Context()); err != nil || m.Type != "WELCOME" {
			t.Fatal(m, err)
		}
		begin := time.Now()
		if m, err := e.Next(t.Context()); err == nil {
			t.Errorf("heard %v", m)
		}
		if after := time.Since(begin); after != quiet+patience {
			t.Errorf("given up after %v", after)
		}
		s.end()
	})
}

func TestPingsKeepItOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := script(func(w http.ResponseWriter, r *http.Request) {
			conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"t"}})
			if err != nil {
				return
			}
			ctx := conn.CloseRead(context.Background())
			for range 100 {
				time.Sleep(20 * time.Second)
				if conn.Ping(ctx) != nil {
					return
				}
			}
			conn.Write(ctx, websocket.MessageText, []byte(`{"type":"LIVE","payload":{"live":true}}`))
			conn.Close(websocket.StatusNormalClosure, "")
		})
		e, err := s.client().Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m, err := e.Next(t.Context()); err != nil || m.Type != "LIVE" {
			t.Errorf("%v %v", m, err)
		}
		if _, err := e.Next(t.Context()); err == nil {
			t.Error("the end was not noticed")
		}
		s.end()
	})
}
