package rtcapi

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/coder/websocket"

	"streamcat/stage"
)

// events is the events WebSocket of a stage, or, without Upgrade, the question whether it would be opened.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	id := stage.ID(r.PathValue("stage"))
	upgrade := r.Header.Get("Upgrade") != ""
	credential := bearer
	if upgrade {
		credential = subprotocol
	}
	token, err := credential(r)
	if err != nil {
		return err
	}
	client, err := clientOf(r)
	if err != nil {
		return err
	}
	if upgrade {
		if err := checkHandshake(r); err != nil {
			return err
		}
	}
	grant, err := s.stages.Authenticate(r.Context(), token, id)
	if err != nil {
		return err
	}
	if !upgrade {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return s.open(w, r, newSocket(grant, client), token)
}

// disconnect tells the service once that a socket is gone.
func (s *Server) disconnect(sock *socket, clean bool) {
	if !sock.reported {
		sock.reported = true
		s.stages.Disconnect(sock.grant, sock.client, clean)
	}
}

// checkHandshake finds what is wrong with an upgrade before anything is done for it. RFC 6455 4.2.1
func checkHandshake(r *http.Request) error {
	header := r.Header
	key, err := base64.StdEncoding.DecodeString(header.Get("Sec-WebSocket-Key"))
	if err != nil || len(key) != 16 || len(header.Values("Sec-WebSocket-Key")) != 1 ||
		header.Get("Sec-WebSocket-Version") != "13" || !r.ProtoAtLeast(1, 1) ||
		!hasToken(header, "Upgrade", "websocket") || !hasToken(header, "Connection", "upgrade") {
		return stage.Errorf(stage.InvalidInput, "This is not the opening of a WebSocket of version 13.")
	}
	return nil
}

// hasToken looks for a token in a header that is a list, RFC 9110 5.6.1.
func hasToken(header http.Header, name, token string) bool {
	for _, value := range header.Values(name) {
		for given := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(given), token) {
				return true
			}
		}
	}
	return false
}

// open brings a client onto its stage and leaves its socket with a goroutine of its own: that of the request would keep net/http's
// buffers alive for as long as the socket.
func (s *Server) open(w http.ResponseWriter, r *http.Request, sock *socket, token string) error {
	if err := s.admit(); err != nil {
		return err
	}
	room, welcome, err := s.arrive(r, sock)
	if err != nil {
		s.sockets.Done()
		return err
	}
	if err := accept(w, r, sock, token); err != nil {
		s.depart(room, sock)
		return err
	}
	go s.run(room, sock, welcome, logOf(r).With("stage", sock.grant.Stage, "participant", sock.grant.Participant))
	return nil
}

// arrive tells the room and then the service of a socket, or nobody.
func (s *Server) arrive(r *http.Request, sock *socket) (*room, stage.Welcome, error) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	room, err := s.hub.enter(ctx, sock.grant.Stage)
	if err != nil {
		return nil, stage.Welcome{}, err
	}
	room.register(sock)
	welcome, err := s.stages.Connect(ctx, sock.grant, sock.client, clientInfo(r))
	if err != nil {
		room.unregister(sock)
		s.hub.leave(room)
		return nil, stage.Welcome{}, err
	}
	if s.isClosing() { // the order of Close to leave may have been given before there was anybody to hear it
		sock.end(encode(leftMessage(stage.Left{Reason: stage.LeftShutdown})), statusLeft, string(stage.LeftShutdown))
	}
	return room, welcome, nil
}

// depart undoes admit and arrive.
func (s *Server) depart(room *room, sock *socket) {
	s.disconnect(sock, false)
	room.unregister(sock)
	s.hub.leave(room)
	s.sockets.Done()
}

// accept makes a WebSocket of the request.
func accept(w http.ResponseWriter, r *http.Request, sock *socket, token string) error {
	door := &upgrader{ResponseWriter: w}
	conn, err := websocket.Accept(door, r, &websocket.AcceptOptions{
		Subprotocols:       []string{token},
		InsecureSkipVerify: true, // any origin: the token is the credential, cookies are never looked at
		CompressionMode:    websocket.CompressionDisabled,
		// Pings of the client count as frames; above the rate they stay without answer.
		OnPingReceived: func(context.Context, []byte) bool { return sock.allow() },
	})
	if err != nil {
		return fmt.Errorf("accept WebSocket: %w", err)
	}
	conn.SetReadLimit(-1) // read has its own limit, with the close code of the protocol
	sock.attach(conn, door.wire)
	return nil
}

// run serves a socket until it ends.
func (s *Server) run(room *room, sock *socket, welcome stage.Welcome, log *slog.Logger) {
	defer s.depart(room, sock)
	defer sock.conn.CloseNow() // frees what the library holds; the connection is closed by then
	var writer sync.WaitGroup
	defer writer.Wait()
	writer.Go(sock.write)
	s.serveSocket(room, sock, welcome, log)
}

// serveSocket greets and reads until the socket ends. Whatever happens, the writer is told to end too.
func (s *Server) serveSocket(room *room, sock *socket, welcome stage.Welcome, log *slog.Logger) {
	defer func() {
		if v := recover(); v != nil {
			log.Error("socket failed", "error", fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			sock.end(nil, websocket.StatusInternalError, "our fault")
		}
	}()
	room.welcome(sock, welcome)
	err := sock.read(func(frame []byte) error { return s.obey(sock, log, frame) })
	var broken violation
	if errors.As(err, &broken) {
		sock.end(nil, websocket.StatusPolicyViolation, broken.Error())
	} else {
		sock.drop()
	}
	s.disconnect(sock, false)
}

// obey does what a frame asks for. Only a violation is returned; a refusal is answered.
func (s *Server) obey(sock *socket, log *slog.Logger, frame []byte) error {
	command, err := parseCommand(frame)
	var broken violation
	if errors.As(err, &broken) {
		return err
	}
	if err == nil {
		err = s.perform(sock, command)
	}
	if err != nil {
		if code, _ := describe(err); code == stage.Internal {
			log.Error("command failed", "error", err)
		}
		sock.send(encode(errorMessage(err)))
	}
	return nil
}

func (s *Server) perform(sock *socket, c command) error {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	switch c := c.(type) {
	case pingCommand:
		sock.send([]byte(`{"type":"PONG"}`))
	case leaveCommand:
		s.disconnect(sock, true)
		sock.end(nil, websocket.StatusNormalClosure, "goodbye")
	case muteCommand:
		return s.stages.SetMute(ctx, sock.grant, c.audioMuted, c.videoStopped)
	case selectCommand:
		return s.stages.Select(ctx, sock.grant, sock.client, c.selection)
	}
	return nil
}
