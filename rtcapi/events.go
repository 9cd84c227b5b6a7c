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
	if err := s.admit(); err != nil {
		return err
	}
	defer s.open.Done()
	return s.connect(w, r, newSocket(grant, client), token)
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

// connect brings a client onto its stage and serves its socket until that ends.
func (s *Server) connect(w http.ResponseWriter, r *http.Request, sock *socket, token string) error {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	room, err := s.hub.enter(ctx, sock.grant.Stage)
	if err != nil {
		return err
	}
	defer s.hub.leave(room)
	room.register(sock)
	defer room.unregister(sock)
	welcome, err := s.stages.Connect(ctx, sock.grant, sock.client, clientInfo(r))
	if err != nil {
		return err
	}
	defer s.disconnect(sock, false)
	// Between admission and registration the order of Close to leave could have been missed.
	if s.isClosing() {
		return stage.Errorf(shuttingDown, "The server is shutting down. Try again in a moment.")
	}
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
	defer conn.CloseNow() // frees what the library holds; the connection is closed by then
	room.welcome(sock, welcome)

	var writer sync.WaitGroup
	writer.Go(sock.write)
	defer writer.Wait()
	s.serveSocket(r, sock)
	return nil
}

// serveSocket reads until the socket ends. Whatever happens, the writer is told to end too.
func (s *Server) serveSocket(r *http.Request, sock *socket) {
	log := logOf(r).With("stage", sock.grant.Stage, "participant", sock.grant.Participant)
	defer func() {
		if v := recover(); v != nil {
			log.Error("socket failed", "error", fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			sock.end(nil, websocket.StatusInternalError, "our fault")
		}
	}()
	ctx := context.WithoutCancel(r.Context())
	err := sock.read(func(frame []byte) error { return s.obey(ctx, log, sock, frame) })
	var broken violation
	if errors.As(err, &broken) {
		sock.end(nil, websocket.StatusPolicyViolation, broken.Error())
	} else {
		sock.drop()
	}
	s.disconnect(sock, false)
}

// obey does what a frame asks for. Only a violation is returned; a refusal is answered.
func (s *Server) obey(ctx context.Context, log *slog.Logger, sock *socket, frame []byte) error {
	command, err := parseCommand(frame)
	var broken violation
	if errors.As(err, &broken) {
		return err
	}
	if err == nil {
		err = s.perform(ctx, sock, command)
	}
	if err != nil {
		if code, _ := describe(err); code == stage.Internal {
			log.Error("command failed", "error", err)
		}
		sock.send(encode(errorMessage(err)))
	}
	return nil
}

func (s *Server) perform(ctx context.Context, sock *socket, c command) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
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
