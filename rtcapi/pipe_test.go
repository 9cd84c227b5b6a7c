package rtcapi

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// pipeBench is a server reached through net.Pipe, which has no buffers and lives in a synctest bubble.
type pipeBench struct {
	stages *fakeStages
	server *Server
	http   *http.Server
	pipes  chan net.Conn
	closed chan struct{}
	served sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

func newPipeBench(t *testing.T) *pipeBench {
	bus := newFakeBus()
	b := &pipeBench{stages: newFakeStages(bus), pipes: make(chan net.Conn), closed: make(chan struct{})}
	b.server = New(Config{Stages: b.stages, Notices: bus})
	b.http = &http.Server{Handler: b.server.Handler()}
	b.served.Go(func() { _ = b.http.Serve(b) })
	return b
}

func (b *pipeBench) Accept() (net.Conn, error) {
	select {
	case conn := <-b.pipes:
		return conn, nil
	case <-b.closed:
		return nil, net.ErrClosed
	}
}

func (b *pipeBench) Close() error   { close(b.closed); return nil }
func (b *pipeBench) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

func (b *pipeBench) dial(t *testing.T, token string) *websocket.Conn {
	return b.dialWith(t, token, &websocket.DialOptions{})
}

func (b *pipeBench) dialWith(t *testing.T, token string, options *websocket.DialOptions) *websocket.Conn {
	options.Subprotocols = []string{token}
	options.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		b.pipes <- far
		b.mu.Lock()
		defer b.mu.Unlock()
		b.conns = append(b.conns, near)
		return near, nil
	}}}
	conn, _, err := websocket.Dial(t.Context(), "http://pipe/rtc/events/stage1", options)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// last is the client's end of the newest pipe.
func (b *pipeBench) last() net.Conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.conns[len(b.conns)-1]
}

func (b *pipeBench) lastWrite(p []byte) error {
	_, err := b.last().Write(p)
	return err
}

func (b *pipeBench) close() {
	b.server.Close()
	b.http.Close()
	b.served.Wait()
}
