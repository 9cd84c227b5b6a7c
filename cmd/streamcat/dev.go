package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"

	"streamcat/server"
	"streamcat/site"
)

type devCommand struct {
	listen
	Data string `help:"Keep the playground here. Default: a temporary directory, removed at the end." type:"path" env:"STREAMCAT_DATA"`
}

// playground are the accounts that the dev command makes.
var playground = []struct{ name, role string }{
	{"mia", "host"},
	{"leo", "second host; invite him from mia's studio"},
	{"vera", "viewer"},
}

// Run serves a playground until SIGINT or SIGTERM.
func (c *devCommand) Run(log *slog.Logger) error {
	if _, err := os.Stat("web/templates"); err != nil {
		return fmt.Errorf("dev reads pages from the source tree: run it from the root of the repository: %w", err)
	}
	config := c.config(log)
	config.Dev = true
	config.Data = c.Data
	if config.Data == "" {
		directory, err := os.MkdirTemp("", "streamcat-dev-")
		if err != nil {
			return fmt.Errorf("make the playground's directory: %w", err)
		}
		defer os.RemoveAll(directory)
		config.Data = directory
	}
	return serve(config, func(s *server.Server) error {
		fmt.Println("StreamCat is at " + s.URL())
		return seed(s)
	})
}

// seed makes the playground's accounts and prints how to log in. An account that is there already keeps its password.
func seed(s *server.Server) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ACCOUNT\tPASSWORD\tROLE")
	for _, account := range playground {
		password := strings.ToLower(rand.Text()[:12])
		_, err := s.Site().Register(context.Background(), account.name, password)
		switch {
		case site.CodeOf(err) == site.Conflict:
			password = "(as before)"
		case err != nil:
			return fmt.Errorf("make the account %s: %w", account.name, err)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", account.name, password, account.role)
	}
	return table.Flush()
}
