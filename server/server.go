package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"streamcat/bus"
	"streamcat/rtcapi"
	"streamcat/sdk"
	"streamcat/sfu"
	"streamcat/site"
	"streamcat/stage"
	"streamcat/store"
	"streamcat/web"
)

// Server is a running StreamCat.
type Server struct {
	log    *slog.Logger
	url    string
	admin  string // address of the admin listener, "" without one
	db     *store.DB
	bus    *bus.Bus
	engine *sfu.Engine
	stages *stage.Service
	site   *site.Service
	rtc    *rtcapi.Server

	listeners []*http.Server
	serving   sync.WaitGroup
	failed    chan error
}

// Start opens everything and serves until Close. What was opened is closed again when it fails.
func Start(ctx context.Context, config Config) (_ *Server, err error) {
	if config.Log == nil {
		config.Log = slog.Default()
	}
	if err := config.check(); err != nil {
		return nil, err
	}
	s := &Server{log: config.Log, failed: make(chan error, 4)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(ctx))
		}
	}()
	if s.db, err = openStore(ctx, config); err != nil {
		return nil, err
	}
	front, err := listenHTTP(config, s.db.CertCache())
	if err != nil {
		return nil, err
	}
	s.url = front.url
	if err := s.openMedia(config, front); err != nil {
		return nil, errors.Join(err, front.Close())
	}
	if err := s.openServices(ctx, config); err != nil {
		return nil, errors.Join(err, front.Close())
	}
	handler, err := s.routes(config, front)
	if err != nil {
		return nil, errors.Join(err, front.Close())
	}
	s.serve(front.listener, handler, answerTimeout)
	if front.challenge != nil {
		s.serve(front.challenge, front.redirect, answerTimeout)
	}
	if config.Admin != "" {
		if err := s.serveAdmin(config.Admin); err != nil {
			return nil, err
		}
	}
	front.warn(config)
	return s, nil
}

func openStore(ctx context.Context, config Config) (*store.DB, error) {
	if config.Data == "" {
		return nil, errors.New("a data directory is needed")
	}
	// Keys and password hashes live here: nobody else on the machine has to read them.
	if err := os.MkdirAll(config.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	return store.Open(ctx, config.database())
}

func (s *Server) openMedia(config Config, front *front) (err error) {
	address := config.UDP
	if address == "" {
		address = front.address
	}
	s.engine, err = sfu.New(sfu.Config{Address: address, PublicIPs: config.PublicIPs, Log: s.log})
	return err
}

func (s *Server) openServices(ctx context.Context, config Config) (err error) {
	if s.bus, err = bus.Open(bus.Config{URL: config.NATS, Log: s.log}); err != nil {
		return err
	}
	// Broadcasts are kept by a site without stages: stage.Open may already end some, and the other site needs its result.
	books := site.New(s.db, nil, s.log)
	s.stages, err = stage.Open(ctx, stage.Config{
		Store:         s.db,
		Engine:        s.engine,
		Bus:           s.bus,
		Log:           s.log,
		PublicURL:     s.url,
		MaxPublishers: config.MaxPublishers,
		EmptyTimeout:  config.EmptyTimeout,
		LiveChanged:   books.StageLiveChanged,
	})
	if err != nil {
		return err
	}
	s.site = site.New(s.db, s.stages, s.log)
	return s.site.Recover(ctx)
}

func (s *Server) routes(config Config, front *front) (http.Handler, error) {
	s.rtc = rtcapi.New(rtcapi.Config{
		Stages: s.stages, Notices: s.bus, Log: s.log, TrustProxy: config.TrustProxy,
		Rate: config.signallingRate(),
	})
	pages, err := web.New(web.Config{
		Site: s.site, SDK: sdk.Dist, Log: s.log, PublicURL: s.url,
		Dev: config.Dev, SecureCookies: front.https, TrustProxy: config.TrustProxy,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	mux.Handle("/rtc/", s.rtc.Handler())
	mux.Handle("/", pages.Handler())
	return mux, nil
}

// health answers 200 while the database does; its body is for people.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := s.db.Ping(ctx); err != nil {
		s.log.Error("health check", "error", err)
		http.Error(w, "database unreachable", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// URL is where browsers reach the site.
func (s *Server) URL() string { return s.url }

// Site is the site's service, for commands that prepare accounts.
func (s *Server) Site() *site.Service { return s.site }

// Failed delivers the error of a listener that stopped by itself.
func (s *Server) Failed() <-chan error { return s.failed }

// answerTimeout is how long somebody may take to send a request and take the answer. WebSockets have limits of their own.
const answerTimeout = 2 * time.Minute

// serve answers on a listener until Close. answerWithin bounds a request, its answer included; 0 does not.
func (s *Server) serve(listener net.Listener, handler http.Handler, answerWithin time.Duration) {
	h := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      answerWithin,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.listeners = append(s.listeners, h)
	s.serving.Go(func() {
		if err := h.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve %s: %w", listener.Addr(), err)
		}
	})
}

// Close ends the program in order; what still runs when ctx ends is cut off.
func (s *Server) Close(ctx context.Context) error {
	var errs []error
	// Sockets first: clients learn that the server goes, before their media stops.
	if s.rtc != nil {
		errs = append(errs, s.rtc.Close())
	}
	for _, h := range s.listeners {
		if err := h.Shutdown(ctx); err != nil {
			errs = append(errs, h.Close())
		}
	}
	s.serving.Wait()
	if s.stages != nil {
		errs = append(errs, s.stages.Close())
	}
	if s.engine != nil {
		errs = append(errs, s.engine.Close())
	}
	if s.bus != nil {
		errs = append(errs, s.bus.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}

// CreateAccount makes an account in the database that config names, beside a running server or without one.
func CreateAccount(ctx context.Context, config Config, name, password string) (account site.Account, err error) {
	db, err := openStore(ctx, config)
	if err != nil {
		return site.Account{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return site.New(db, nil, slog.Default()).Register(ctx, name, password)
}
