package rtcapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"streamcat/ratelimit"
	"streamcat/stage"
)

// Stages is what this edge asks of the stage service.
type Stages interface {
	Authenticator
	Media
	Presence
}

// Authenticator verifies tokens.
type Authenticator interface {
	Authenticate(ctx context.Context, raw string, id stage.ID) (stage.Grant, error)
}

// Media answers offers and keeps the connections that came of them.
type Media interface {
	Publish(ctx context.Context, g stage.Grant, client, offer string) (stage.Resource, error)
	Subscribe(ctx context.Context, g stage.Grant, client string, publisher stage.ParticipantID, offer string) (stage.Resource, error)
	PatchResource(ctx context.Context, g stage.Grant, resource, ifMatch, fragment string) (answer, etag string, err error)
	DeleteResource(ctx context.Context, g stage.Grant, resource string) error
}

// Presence knows who is connected and what they say of themselves.
type Presence interface {
	Connect(ctx context.Context, g stage.Grant, client string, info stage.ClientInfo) (stage.Welcome, error)
	Disconnect(g stage.Grant, client string, clean bool)
	SetMute(ctx context.Context, g stage.Grant, audioMuted, videoStopped bool) error
	Select(ctx context.Context, g stage.Grant, client string, selection stage.Selection) error
}

// Notices tells what happens on a stage. When SubscribeNotices returns, no later notice is missed; fn is called in the order in
// which notices were published.
type Notices interface {
	SubscribeNotices(id stage.ID, fn func(stage.Notice)) (cancel func(), err error)
}

// Config is what a Server is made of.
type Config struct {
	Stages  Stages
	Notices Notices
	Log     *slog.Logger

	// TrustProxy takes the client's address from the last hop of X-Forwarded-For. Set it only behind a proxy that appends to
	// that header: without one, anybody could choose their address.
	TrustProxy bool
	// Rate limits the requests of one address; the zero value means 20 a second and bursts of 60.
	Rate ratelimit.Rate
}

const (
	// rememberedAddresses bounds the memory of the rate limit: about 100 bytes each.
	rememberedAddresses = 1 << 16
	// requestTimeout bounds the reading of a body and, apart from it, what the service takes to answer.
	requestTimeout = 10 * time.Second
	// shutdownTimeout is how long sockets get to say goodbye when the server closes, and once more after they were dropped.
	// The program promises to end within ten seconds.
	shutdownTimeout = 4 * time.Second
)

// Server is the edge. Its Handler serves until Close.
type Server struct {
	stages     Stages
	log        *slog.Logger
	trustProxy bool
	limits     *ratelimit.Limiter[netip.Prefix]
	hub        *hub
	handler    http.Handler

	mu      sync.Mutex
	closing bool
	sockets sync.WaitGroup // nothing is added once closing
}

// New makes a Server. It starts nothing; goroutines begin with sockets.
func New(config Config) *Server {
	rate := config.Rate
	if rate == (ratelimit.Rate{}) {
		rate = ratelimit.Rate{PerSecond: 20, Burst: 60}
	}
	s := &Server{
		stages:     config.Stages,
		log:        config.Log,
		trustProxy: config.TrustProxy,
		limits:     ratelimit.New[netip.Prefix](rate, rememberedAddresses),
		hub:        newHub(config.Notices),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.handler = s.routes()
	return s
}

// Handler serves everything below /rtc/.
func (s *Server) Handler() http.Handler { return s.handler }

// Close tells every socket to come back later and waits until all are gone; those that do not answer are dropped in the end.
// Sockets opened meanwhile are refused.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()

	s.hub.leaveAll(stage.Left{Reason: stage.LeftShutdown})
	gone := make(chan struct{})
	go func() {
		s.sockets.Wait()
		close(gone)
	}()
	for _, last := range []func() int{s.hub.dropAll, s.hub.count} {
		select {
		case <-gone:
			return nil
		case <-time.After(shutdownTimeout):
		}
		if n := last(); n > 0 {
			s.log.Warn("clients did not answer the goodbye", "sockets", n)
		}
	}
	return errors.New("close stage sockets: some did not end")
}

// admit counts one more socket, or says that the server is closing.
func (s *Server) admit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return stage.Errorf(shuttingDown, "The server is shutting down. Try again in a moment.")
	}
	s.sockets.Add(1)
	return nil
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}
