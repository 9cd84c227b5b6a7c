package rtcapi

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/coder/websocket"

	"streamcat/ratelimit"
	"streamcat/stage"
)

const (
	// statusLeft closes a socket whose participant was sent away: docs/protocol.md 4, LEFT.
	statusLeft websocket.StatusCode = 4000

	// maxQueued messages wait for a slow socket. A client that is further behind is told to come back: everything it
	// missed is in the greeting.
	maxQueued    = 64
	pingInterval = 20 * time.Second
	pingTimeout  = 10 * time.Second
)

// socket is one events WebSocket. Its reader runs read, its writer write; whoever wants to send something to it puts it into the
// queue and never waits.
type socket struct {
	grant  stage.Grant
	client string

	conn *websocket.Conn // set by attach, before reader and writer begin
	wake chan struct{}   // holds one when there is something for the writer

	reported bool // the service knows that it is gone; only the reader's goroutine looks

	mu     sync.Mutex
	wire   *wire // nil until attach
	queue  [][]byte
	ended  bool // nothing is queued any more
	broken bool // drop was called
	code   websocket.StatusCode
	reason string
	frames ratelimit.Bucket // what the client may still send
}

func newSocket(g stage.Grant, client string) *socket {
	return &socket{grant: g, client: client, wake: make(chan struct{}, 1)}
}

// send queues a frame. A socket with a full queue is ended.
func (s *socket) send(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if len(s.queue) == maxQueued {
		s.queue = nil
		s.finish(websocket.StatusTryAgainLater, "too slow")
		return
	}
	s.queue = append(s.queue, frame)
	s.signal()
}

// end queues a last frame, if any, after which the socket is closed. Only the first end counts.
func (s *socket) end(farewell []byte, code websocket.StatusCode, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if farewell != nil {
		s.queue = append(s.queue, farewell)
	}
	s.finish(code, reason)
}

// finish lets the writer close the socket after what is queued. s.mu is held.
func (s *socket) finish(code websocket.StatusCode, reason string) {
	s.ended, s.code, s.reason = true, code, reason
	s.signal()
}

func (s *socket) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// attach gives the socket its connection.
func (s *socket) attach(conn *websocket.Conn, wire wire) {
	s.conn = conn
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire = &wire
	if s.broken {
		_ = wire.Close()
	}
}

// drop ends the socket without a goodbye: it breaks the connection, or the one that will be attached.
func (s *socket) drop() {
	s.end(nil, websocket.StatusGoingAway, "")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = true
	if s.wire != nil {
		_ = s.wire.Close() // an error says that it was broken already
	}
}

// take returns what is queued and whether the socket ends after it.
func (s *socket) take() (frames [][]byte, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames, s.queue = s.queue, nil
	return frames, s.ended
}

// allow says whether the client may send another frame now.
func (s *socket) allow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frames.Take(frameRate(), time.Now()) == 0
}

// write sends what is queued and pings, until the socket ends, and closes the connection.
func (s *socket) write() {
	var pinging sync.WaitGroup
	defer pinging.Wait()
	pings := time.NewTicker(pingInterval)
	defer pings.Stop()
	for {
		select {
		case <-s.wake:
		case <-pings.C:
			pinging.Go(s.ping)
			continue
		}
		frames, ended := s.take()
		for _, frame := range frames {
			if err := s.conn.Write(context.Background(), websocket.MessageText, frame); err != nil {
				s.drop()
				return
			}
		}
		if ended {
			s.goodbye()
			return
		}
	}
}

// goodbye closes with a handshake, RFC 6455 7.1.2, for which the peer has some seconds.
func (s *socket) goodbye() {
	if err := s.wire.SetReadDeadline(time.Now().Add(closeTimeout)); err == nil {
		_ = s.conn.Close(s.code, s.reason) // an error says that the peer did not answer
	}
	_ = s.wire.Close()
}

// ping gives up on a peer that does not answer.
func (s *socket) ping() {
	ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
	defer cancel()
	if s.conn.Ping(ctx) != nil {
		s.drop()
	}
}

// read calls handle with each frame until the connection ends, which is the error, or a rule is broken, which is a violation.
func (s *socket) read(handle func(frame []byte) error) error {
	buffer := make([]byte, 0, 512)
	for {
		kind, reader, err := s.conn.Reader(context.Background())
		if err != nil {
			return err
		}
		if kind != websocket.MessageText {
			return violation("Frames have to be text.")
		}
		buffer, err = readFrame(reader, buffer[:0])
		if err != nil {
			return err
		}
		if !s.allow() {
			return violation("Too many frames.")
		}
		if err := handle(buffer); err != nil {
			return err
		}
	}
}

// readFrame reads one frame into buffer. It keeps a grown buffer only for as long as frames are large.
func readFrame(r io.Reader, buffer []byte) ([]byte, error) {
	if cap(buffer) > 4<<10 {
		buffer = make([]byte, 0, 512)
	}
	for {
		if len(buffer) == cap(buffer) {
			buffer = append(buffer, 0)[:len(buffer)]
		}
		n, err := r.Read(buffer[len(buffer):min(cap(buffer), maxFrame+1)])
		buffer = buffer[:len(buffer)+n]
		if len(buffer) > maxFrame {
			return buffer, violation("A frame has at most 16 KB.")
		}
		if err == io.EOF {
			return buffer, nil
		}
		if err != nil {
			return buffer, err
		}
	}
}
