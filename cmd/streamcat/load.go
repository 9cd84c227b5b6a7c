package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"streamcat/load"
	"streamcat/server"
)

// announcement is what serve prints before its address.
const announcement = "StreamCat is at "

type loadCommand struct {
	loadTarget `embed:"" group:"Server"`
	loadStream `embed:"" group:"Media"`
	loadCourse `embed:"" group:"Course"`
}

// Help is shown by --help.
func (c *loadCommand) Help() string {
	return `Publishes hosts and connects viewers with real WebRTC sessions, and prints one JSON line about what arrived and what it cost.

  streamcat load --self --server-cpus 0 --load-cpus 1 --viewers 300
  streamcat load --self --find
  streamcat load --data ./data --url http://localhost:8080 --pid $(pidof streamcat)
  streamcat load --tokens tokens.jsonl --viewers 500

docs/load.md explains the figures.`
}

// Run tests until it is done, out of time, or interrupted, and then prints what was measured.
func (c *loadCommand) Run(_ *slog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	config, err := c.config()
	if err != nil {
		return err
	}
	closers, err := c.prepare(ctx, &config)
	if err == nil {
		var report *load.Report
		report, err = load.Run(ctx, config)
		if report != nil {
			err = errors.Join(json.NewEncoder(os.Stdout).Encode(report), err)
		}
	}
	for i := len(closers) - 1; i >= 0; i-- {
		err = errors.Join(err, closers[i]())
	}
	return err
}

// prepare finds or starts the server, and makes tokens. What it returns is to be called at the end, the last one first, also after an error.
func (c *loadCommand) prepare(ctx context.Context, config *load.Config) (closers []func() error, err error) {
	keep := server.Config{Data: c.Data, DB: c.DB}
	url := c.URL
	switch {
	case c.Self:
		if keep.Data, err = os.MkdirTemp("", "streamcat-load-"); err != nil {
			return nil, fmt.Errorf("make a data directory: %w", err)
		}
		keep.DB = ""
		closers = append(closers, func() error { return os.RemoveAll(keep.Data) })
		program, err := os.Executable()
		if err != nil {
			return closers, fmt.Errorf("find the own program: %w", err)
		}
		// Every viewer gets an address of its own in X-Forwarded-For: the limit on requests is for real ones.
		child, err := load.StartChild(ctx, config.ServerCPUs, announcement, program, "--log-level=warn", "serve",
			"--http=127.0.0.1:0", "--udp=127.0.0.1:0", "--admin="+c.Admin, "--data="+keep.Data, "--trust-proxy", fmt.Sprintf("--max-publishers=%d", max(12, config.Hosts)))
		if err != nil {
			return closers, err
		}
		closers = append(closers, child.Stop)
		url, config.PID, config.Forwarded = child.URL, child.PID(), true
	case c.Data == "" && c.DB == "":
		return nil, nil
	}
	rehearsal, err := server.Rehearse(ctx, keep, url, c.Gated, config.Hosts, config.Viewers+config.Probes)
	if err != nil {
		return closers, err
	}
	config.HostTokens, config.ViewerTokens = rehearsal.Hosts, rehearsal.Guests
	return append(closers, rehearsal.Close), nil
}
