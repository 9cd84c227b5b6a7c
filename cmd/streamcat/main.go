// Command streamcat runs a self-hosted live streaming site: the stage service and the site on top of it, in one program.
package main

import (
	"log/slog"
	"os"

	"github.com/alecthomas/kong"
)

// commands is the command line; each command is in a file of its own.
type commands struct {
	LogLevel slog.Level `help:"What to log: debug, info, warn or error." default:"info" env:"STREAMCAT_LOG_LEVEL"`

	Serve serveCommand `cmd:"" default:"withargs" help:"Serve the site and its stages (the default command)."`
	Dev   devCommand   `cmd:"" help:"Serve a playground with made-up accounts, reading pages from the source tree."`
	User  userCommand  `cmd:"" help:"Work with accounts."`
	Load  loadCommand  `cmd:"" help:"Test how many viewers a server carries, with real WebRTC sessions."`
}

func main() {
	var line commands
	run := kong.Parse(&line,
		kong.Name("streamcat"),
		kong.Description("StreamCat: broadcast together, live. https on your own machine, nothing else needed."),
		kong.UsageOnError(),
	)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: line.LogLevel}))
	run.FatalIfErrorf(run.Run(log))
}
