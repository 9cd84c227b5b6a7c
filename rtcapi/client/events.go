package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	// quiet is how long the server may say nothing before it is asked: it pings every 20 seconds.
	quiet = 30 * time.Second
	// patience is how long it has to answer then.
	patience = 10 * time.Second

	firstBackOff = 250 * time.Millisecond
	maxBackOff   = 8 * time.Second
	maxMessage   = 1 << 20
)

// Events is one events socket. Next is called by one goroutine, everything else by any.
type Events struct {
	conn *websocket.Conn

	mu    sync.Mutex
	watch *time.Timer // fires when the server has been quiet
	asked bool        // PING was sent and nothing has come since
	ended bool        // nobody watches any more
}

// Connect opens an events socket. A refusal is an [Error].
func (c *Client) Connect(ctx context.Context) (*Events, error) {
	e := &Events{}
	conn, response, err := websocket.Dial(ctx, c.with(c.Events), &websocket.DialOptions{
		HTTPClient:     c.HTTP,
		Subprotocols:   []string{c.Token},
		OnPingReceived: func(context.Context, []byte) bool { e.heard(); return true },
	})
	if err != nil {
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
			err = refusal(response)
		}
		return nil, fmt.Errorf("open events socket: %w", err)
	}
	conn.SetReadLimit(maxMessage)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.conn = conn
	e.watch = time.AfterFunc(quiet, e.worry)
	return e, nil
}

// heard notes that the server is there.
func (e *Events) heard() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = false
	if !e.ended {
		e.watch.Reset(quiet)
	}
}

// unwatch stops the timer for good.
func (e *Events) unwatch() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = true
	e.watch.Stop()
}

// worry asks a quiet server whether it is there, and gives up on one that did not answer.
func (e *Events) worry() {
	e.mu.Lock()
	giveUp := e.asked
	e.asked = true
	if !e.ended {
		e.watch.Reset(patience)
	}
	e.mu.Unlock()
	if giveUp || e.send(context.Background(), "PING", nil) != nil {
		e.Close()
	}
}

// Next waits for the next message; PONG is not one. After LEFT the error is the [Left]. When ctx ends the socket is closed.
func (e *Events) Next(ctx context.Context) (Message, error) {
	for {
		_, data, err := e.conn.Read(ctx)
		if err != nil {
			e.Close()
			return Message{}, fmt.Errorf("read events: %w", err)
		}
		e.heard()
		var m Message
		if err := json.Unmarshal(data, &m); err != nil {
			e.Close()
			return Message{}, fmt.Errorf("read events: %w", err)
		}
		switch m.Type {
		case "PONG":
		case "LEFT":
			e.goodbye()
			var left Left
			if err := m.Decode(&left); err != nil {
				return Message{}, err
			}
			return Message{}, &left
		default:
			return m, nil
		}
	}
}

// Mute tells the others what this publisher has muted.
func (e *Events) Mute(ctx context.Context, audioMuted, videoStopped bool) error {
	return e.send(ctx, "MUTE", map[string]bool{"audioMuted": audioMuted, "videoStopped": videoStopped})
}

// Select sets what whole-stage connections of this client receive.
func (e *Events) Select(ctx context.Context, selection Selection) error {
	return e.send(ctx, "SELECT", selection)
}

// Leave says goodbye and closes the socket. The media of this client ends at once.
func (e *Events) Leave(ctx context.Context) error {
	err := e.send(ctx, "LEAVE", nil)
	e.goodbye()
	return err
}

// Close breaks the socket without a goodbye: the media goes on for three seconds and waits for a resume.
func (e *Events) Close() {
	e.unwatch()
	_ = e.conn.CloseNow() // an error says that it is closed
}

// goodbye closes with a handshake. The server may have been faster.
func (e *Events) goodbye() {
	e.unwatch()
	_ = e.conn.Close(websocket.StatusNormalClosure, "")
}

func (e *Events) send(ctx context.Context, kind string, payload any) error {
	frame, err := json.Marshal(struct {
		Type    string `json:"type"`
		Payload any    `json:"payload,omitempty"`
	}{kind, payload})
	if err != nil {
		return fmt.Errorf("send %s: %w", kind, err)
	}
	if err := e.conn.Write(ctx, websocket.MessageText, frame); err != nil {
		return fmt.Errorf("send %s: %w", kind, err)
	}
	return nil
}

// Listen keeps an events socket open and calls handle with every message and the socket it came on. When the socket breaks it
// opens the next one, later and later while that fails. It returns when ctx ends, when handle fails, and when the server says that
// coming back is of no use: an [Error] or a [Left].
func (c *Client) Listen(ctx context.Context, handle func(*Events, Message) error) error {
	backOff := firstBackOff
	for {
		greeted, err := c.listenOnce(ctx, handle)
		if greeted {
			backOff = firstBackOff
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var stop handlerError
		if errors.As(err, &stop) {
			return stop.error
		}
		wait := backOff/2 + rand.N(backOff/2) // so that thousands do not come back in step
		var refused *Error
		var left *Left
		switch {
		case errors.As(err, &refused):
			if !refused.Temporary() {
				return refused
			}
			wait = max(wait, refused.RetryAfter)
		case errors.As(err, &left) && !left.Temporary():
			return left
		}
		backOff = min(2*backOff, maxBackOff)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// handlerError is an error of the function given to Listen.
type handlerError struct{ error }

// listenOnce serves one socket; greeted says that it was a good one.
func (c *Client) listenOnce(ctx context.Context, handle func(*Events, Message) error) (greeted bool, err error) {
	e, err := c.Connect(ctx)
	if err != nil {
		return false, err
	}
	defer e.Close()
	for {
		m, err := e.Next(ctx)
		if err != nil {
			return greeted, err
		}
		greeted = true
		if err := handle(e, m); err != nil {
			return greeted, handlerError{err}
		}
	}
}
