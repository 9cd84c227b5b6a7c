package e2e

import (
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// link stands between one browser and the server and can be cut, as a pulled cable would: nothing is refused, nothing is
// closed, nothing arrives. HTTP and WebSockets pass a reverse proxy; media pass a UDP relay, to which the proxy points the
// browser by putting the relay's address into the server's SDP. Neither side learns another address of the other, so there
// is no way around the link.
type link struct {
	gate    gate
	http    net.Listener
	media   *net.UDPConn
	server  *net.UDPAddr
	mu      sync.Mutex
	streams map[string]*net.UDPConn // by the browser's address: our socket towards the server
}

// newLink makes a link to a server, and the kind of browser that takes it.
func newLink(t *testing.T, s *server, camera paint) (*link, kind) {
	t.Helper()
	origin, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	l := &link{streams: map[string]*net.UDPConn{}}
	l.gate.open()
	if l.server, err = net.ResolveUDPAddr("udp4", "127.0.0.1:"+origin.Port()); err != nil {
		t.Fatal(err)
	}
	if l.media, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	if l.http, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	proxy := &http.Server{Handler: l.proxy(origin), ErrorLog: log.New(io.Discard, "", 0)}
	var running sync.WaitGroup
	running.Go(func() { proxy.Serve(gatedListener{l.http, &l.gate}) })
	running.Go(func() { l.relay(&running) })
	t.Cleanup(func() {
		l.gate.open()
		proxy.Close()
		l.media.Close()
		l.mu.Lock()
		for _, stream := range l.streams {
			stream.Close()
		}
		l.mu.Unlock()
		running.Wait()
	})
	return l, kind{camera: camera, resolve: "MAP " + origin.Host + " " + l.http.Addr().String()}
}

func (l *link) cut()  { l.gate.close() }
func (l *link) mend() { l.gate.open() }

// relay carries datagrams from browsers to the server.
func (l *link) relay(running *sync.WaitGroup) {
	packet := make([]byte, 2048)
	for {
		n, from, err := l.media.ReadFromUDP(packet)
		if err != nil {
			return
		}
		if !l.gate.isOpen() {
			continue
		}
		l.mu.Lock()
		stream := l.streams[from.String()]
		if stream == nil {
			if stream, err = net.DialUDP("udp4", nil, l.server); err != nil {
				l.mu.Unlock()
				return
			}
			l.streams[from.String()] = stream
			running.Go(func() { l.back(stream, from) })
		}
		l.mu.Unlock()
		stream.Write(packet[:n])
	}
}

// back carries datagrams from the server to one browser address.
func (l *link) back(stream *net.UDPConn, to *net.UDPAddr) {
	packet := make([]byte, 2048)
	for {
		n, err := stream.Read(packet)
		if opErr, ok := err.(*net.OpError); ok && opErr.Err.Error() != net.ErrClosed.Error() {
			continue // the server restarts: its port is closed for a moment
		}
		if err != nil {
			return
		}
		if l.gate.isOpen() {
			l.media.WriteToUDP(packet[:n], to)
		}
	}
}

// proxy carries HTTP and rewrites the candidates in what passes.
func (l *link) proxy(origin *url.URL) http.Handler {
	relay := l.media.LocalAddr().(*net.UDPAddr)
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "127.0.0.1:"+origin.Port()
			r.Out.Host = r.In.Host
			if carriesCandidates(r.In.Header) {
				body, _ := io.ReadAll(r.In.Body)
				setBody(candidate.ReplaceAll(body, nil), &r.Out.Body, &r.Out.ContentLength, r.Out.Header)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if !carriesCandidates(r.Header) {
				return nil
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			r.Body.Close()
			setBody(pointTo(body, relay), &r.Body, &r.ContentLength, r.Header)
			return nil
		},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
	}
}

// candidate matches a line of SDP that tells an address. RFC 8839 5.1
var candidate = regexp.MustCompile(`(?m)^a=candidate:(\S+) (\d+) (\S+) (\d+) (\S+) (\d+) typ host[^\r\n]*\r?\n`)

func carriesCandidates(header http.Header) bool {
	kind := header.Get("Content-Type")
	return strings.HasPrefix(kind, "application/sdp") || strings.HasPrefix(kind, "application/trickle-ice-sdpfrag")
}

// pointTo leaves one candidate: the relay.
func pointTo(sdp []byte, relay *net.UDPAddr) []byte {
	first := true
	return candidate.ReplaceAllFunc(sdp, func(line []byte) []byte {
		match := candidate.FindSubmatch(line)
		if !first || !strings.EqualFold(string(match[3]), "udp") {
			return nil
		}
		first = false
		return []byte("a=candidate:1 1 udp 2130706431 " + relay.IP.String() + " " + strconv.Itoa(relay.Port) + " typ host\r\n")
	})
}

func setBody(body []byte, to *io.ReadCloser, length *int64, header http.Header) {
	*to, *length = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	header.Set("Content-Length", strconv.Itoa(len(body)))
}

// gate makes whoever passes wait while it is closed.
type gate struct {
	mu   sync.Mutex
	pass chan struct{} // closed while the gate is open
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pass == nil {
		g.pass = make(chan struct{})
	}
	select {
	case <-g.pass:
	default:
		close(g.pass)
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pass = make(chan struct{})
}

func (g *gate) isOpen() bool {
	select {
	case <-g.current():
		return true
	default:
		return false
	}
}

func (g *gate) wait() { <-g.current() }

func (g *gate) current() chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pass
}

type gatedListener struct {
	net.Listener
	gate *gate
}

func (l gatedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return gatedConn{conn, l.gate}, nil
}

type gatedConn struct {
	net.Conn
	gate *gate
}

func (c gatedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.gate.wait()
	return n, err
}

func (c gatedConn) Write(p []byte) (int, error) {
	c.gate.wait()
	return c.Conn.Write(p)
}
