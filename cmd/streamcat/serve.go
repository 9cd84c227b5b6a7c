package main

import (
	"context"
	"fmt"
	"log/slog"
	"os/signal"
	"syscall"
	"time"

	"streamcat/server"
)

// listen are the flags that say where and how to serve; every one is an environment variable too.
type listen struct {
	HTTP      string   `help:"Address of the site: localhost:8080, or :443 with --acme." placeholder:"ADDR" env:"STREAMCAT_HTTP"`
	UDP       string   `help:"Address of the media port. Default: the host and port of --http." placeholder:"ADDR" env:"STREAMCAT_UDP"`
	Admin     string   `help:"Address of /metrics and /debug/pprof; 'off' for none." default:"localhost:8081" placeholder:"ADDR" env:"STREAMCAT_ADMIN"`
	PublicURL string   `help:"Where browsers reach the site. Default: from the certificate or the machine's address." placeholder:"URL" env:"STREAMCAT_PUBLIC_URL"`
	PublicIP  []string `help:"Address that a NAT in front maps to this machine (may be repeated)." placeholder:"IP" env:"STREAMCAT_PUBLIC_IP"`
	TLSCert   string   `help:"Certificate chain, a PEM file." type:"path" placeholder:"FILE" env:"STREAMCAT_TLS_CERT"`
	TLSKey    string   `help:"Its private key, a PEM file." type:"path" placeholder:"FILE" env:"STREAMCAT_TLS_KEY"`
	ACME      string   `help:"Get a certificate for this domain by itself (Let's Encrypt)." placeholder:"DOMAIN" env:"STREAMCAT_ACME"`

	MaxPublishers int           `help:"How many may publish on one stage, 24 at most." default:"12" env:"STREAMCAT_MAX_PUBLISHERS"`
	RequestRate   float64       `help:"Signalling requests a second that one address may make, with bursts of three times that." default:"20" env:"STREAMCAT_REQUEST_RATE"`
	TrustProxy    bool          `help:"Believe X-Forwarded-For: there is a proxy in front, and no other way in." env:"STREAMCAT_TRUST_PROXY"`
	EmptyTimeout  time.Duration `help:"End a broadcast whose last publisher has been gone for this long." default:"1m" env:"STREAMCAT_EMPTY_TIMEOUT"`
}

// keep are the flags that say where things are kept.
type keep struct {
	Data string `help:"Directory of everything that is kept." default:"data" type:"path" env:"STREAMCAT_DATA"`
	DB   string `help:"Database: postgres://… Default: SQLite in --data." placeholder:"URL" env:"STREAMCAT_DB"`
}

type serveCommand struct {
	listen
	keep
	NATS string `help:"Message bus: nats://… Default: one inside this process." placeholder:"URL" env:"STREAMCAT_NATS"`
}

// Run serves until SIGINT or SIGTERM.
func (c *serveCommand) Run(log *slog.Logger) error {
	config := c.config(log)
	config.Data, config.DB, config.NATS = c.Data, c.DB, c.NATS
	return serve(config, func(s *server.Server) error {
		fmt.Println("StreamCat is at " + s.URL())
		return nil
	})
}

func (l *listen) config(log *slog.Logger) server.Config {
	admin := l.Admin
	if admin == "off" {
		admin = ""
	}
	return server.Config{
		HTTP: l.HTTP, UDP: l.UDP, Admin: admin, PublicURL: l.PublicURL, PublicIPs: l.PublicIP,
		TLSCert: l.TLSCert, TLSKey: l.TLSKey, ACME: l.ACME,
		MaxPublishers: l.MaxPublishers, RequestRate: l.RequestRate, TrustProxy: l.TrustProxy, EmptyTimeout: l.EmptyTimeout,
		Log: log,
	}
}

// serve starts a server, says so through started, and ends it within ten seconds of a signal, or with the next one.
func serve(config server.Config, started func(*server.Server) error) error {
	signals, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	s, err := server.Start(signals, config)
	if err != nil {
		return err
	}
	if err = started(s); err == nil {
		select {
		case <-signals.Done():
		case err = <-s.Failed():
		}
	}
	stop() // a second signal ends the program at once
	drain, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	if closing := s.Close(drain); err == nil {
		err = closing
	}
	return err
}
