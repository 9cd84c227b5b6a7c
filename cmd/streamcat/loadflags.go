package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"streamcat/load"
	"streamcat/load/footage"
)

// loadTarget says which server is tested, and as whom.
type loadTarget struct {
	Self        bool     `help:"Start a server for the test, on free loopback ports with a temporary data directory."`
	Data        string   `help:"Make a stage and tokens in the data directory of a server on this machine, which --url leads to." type:"path" placeholder:"DIR"`
	DB          string   `help:"The database of that server, if it is not SQLite in --data." placeholder:"URL"`
	URL         string   `help:"Where that server is reached." default:"http://localhost:8080" placeholder:"URL"`
	Gated       bool     `help:"Make a gated stage, and have it live, as those of the site."`
	HostToken   []string `help:"Participant token of a host (may be repeated)." placeholder:"TOKEN"`
	ViewerToken []string `help:"Participant token of a viewer (may be repeated)." placeholder:"TOKEN"`
	Tokens      string   `help:"File of participant tokens, one a line, hosts' and viewers'." type:"existingfile" placeholder:"FILE"`
	WHIP        string   `help:"Publish to this WHIP endpoint instead." name:"whip" placeholder:"URL"`
	WHEP        string   `help:"Receive from this WHEP endpoint instead." name:"whep" placeholder:"URL"`
	PID         int      `help:"Process of the server, to measure what it uses." name:"pid"`
	ServerCPUs  string   `help:"Processors for the server of --self, like 0 or 0-3,6." name:"server-cpus" placeholder:"LIST"`
	LoadCPUs    string   `help:"Processors for this program." name:"load-cpus" placeholder:"LIST"`
	Forwarded   bool     `help:"Send an X-Forwarded-For of its own for each viewer, to a server with --trust-proxy."`
	Admin       string   `help:"Address of the metrics and profiles of the server of --self; 'off' for none." default:"off" placeholder:"ADDR"`
}

// loadStream says what is sent and received.
type loadStream struct {
	Hosts     int           `help:"How many publish." default:"1"`
	Viewers   int           `help:"How many watch; with --find, how many at most." default:"100"`
	Codec     string        `help:"Pictures: h264, vp8 or none." enum:"h264,vp8,none" default:"h264"`
	Clip      string        `help:"Play this H.264 byte stream (Annex B) instead of a grey picture." type:"existingfile" placeholder:"FILE"`
	Size      string        `help:"Of the pictures." default:"1280x720"`
	VideoKbps int           `help:"Of the pictures, in kbit/s." default:"2500" name:"video-kbps"`
	FPS       float64       `help:"Frames a second." default:"30" name:"fps"`
	Keyframe  time.Duration `help:"Time between keyframes." default:"2s"`
	Simulcast bool          `help:"Publish three layers."`
	Audio     bool          `help:"Send sound." default:"true" negatable:""`
	AudioKbps int           `help:"Of the sound, in kbit/s." default:"32" name:"audio-kbps"`
	Slots     int           `help:"How many publishers a viewer's offer is ready for. A page offers 12." default:"12"`
	Separate  bool          `help:"Subscribe to single publishers instead of the whole stage."`
	Feedback  string        `help:"Congestion control that viewers offer: auto, twcc, remb or none." enum:"auto,twcc,remb,none" default:"auto"`
	Events    bool          `help:"Open an events socket for each viewer."`
}

// loadCourse says what is done and measured.
type loadCourse struct {
	Joining    int           `help:"How many viewers connect at a time." default:"32"`
	JoinRate   float64       `help:"How many viewers come a second at most; 0 for no limit." default:"0"`
	BusyRamp   bool          `help:"Send media while viewers join, instead of measuring the price of joining alone."`
	Settle     time.Duration `help:"Wait after joining." default:"3s"`
	Window     time.Duration `help:"Length of a measurement." default:"5s"`
	Windows    int           `help:"How many measurements." default:"3"`
	Probes     int           `help:"How many viewers join one by one at the end, to time the first picture." default:"20"`
	Duration   time.Duration `help:"End after this time whatever is left to do." default:"5m"`
	Find       bool          `help:"Search the largest audience."`
	MaxLoss    float64       `help:"Percent that may be lost." default:"0.1"`
	MaxLatency time.Duration `help:"What 99 of 100 packets may take; 0 for anything." default:"100ms"`
	Loops      int           `help:"How many threads receive. Default: one for each processor." default:"0"`
	Rest       time.Duration `help:"Look for packets this often, instead of being woken by each: the server on this machine pays for waking." default:"0"`
	Verify     string        `help:"Authenticate every so many batches of packets, or all." default:"64" placeholder:"N|all"`
}

func (c *loadCommand) config() (load.Config, error) {
	config := load.Config{
		HostTokens: c.HostToken, ViewerTokens: c.ViewerToken, WHIP: c.WHIP, WHEP: c.WHEP, PID: c.PID, Forwarded: c.Forwarded,
		Hosts: c.Hosts, Viewers: c.Viewers, Codec: c.Codec, VideoBits: c.VideoKbps * 1000, FPS: c.FPS, KeyframeEvery: c.Keyframe,
		Simulcast: c.Simulcast, Audio: c.Audio, AudioBits: c.AudioKbps * 1000, Slots: c.Slots, PerPublisher: c.Separate,
		Feedback: c.Feedback, Events: c.Events, Joining: c.Joining, JoinRate: c.JoinRate, BusyRamp: c.BusyRamp,
		Settle: c.Settle, Window: c.Window, Windows: c.Windows, Probes: c.Probes, Duration: c.Duration,
		Find: c.Find, MaxLoss: c.MaxLoss / 100, MaxLatency: c.MaxLatency, Loops: c.Loops, Rest: c.Rest,
	}
	if c.Find {
		config.Probes = 0
	}
	_, sizeErr := fmt.Sscanf(c.Size, "%dx%d", &config.Size.Width, &config.Size.Height)
	var cpuErr, serverErr, verifyErr error
	config.CPUs, cpuErr = processors(c.LoadCPUs)
	config.ServerCPUs, serverErr = processors(c.ServerCPUs)
	if config.Whole = 1; c.Verify != "all" {
		config.Whole, verifyErr = strconv.Atoi(c.Verify)
	}
	if err := errors.Join(sizeErr, cpuErr, serverErr, verifyErr); err != nil {
		return config, fmt.Errorf("read flags: %w", err)
	}
	if config.Loops == 0 {
		if config.Loops = len(config.CPUs); config.Loops == 0 {
			config.Loops = runtime.NumCPU()
		}
	}
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		config.Progress = os.Stderr
	}
	return config, c.files(&config)
}

// files reads the tokens and the clip.
func (c *loadCommand) files(config *load.Config) error {
	if c.Tokens != "" {
		file, err := os.Open(c.Tokens)
		if err != nil {
			return err
		}
		hosts, viewers, err := load.ReadTokens(file)
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
		config.HostTokens, config.ViewerTokens = append(config.HostTokens, hosts...), append(config.ViewerTokens, viewers...)
	}
	if c.Clip != "" {
		data, err := os.ReadFile(c.Clip)
		if err != nil {
			return err
		}
		config.Clip, err = footage.ReadClip(data)
		return err
	}
	return nil
}

// processors reads a list like 0,2-3.
func processors(list string) (cpus []int, err error) {
	if list == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, fromErr := strconv.ParseUint(first, 10, 10)
		to, toErr := strconv.ParseUint(last, 10, 10)
		if fromErr != nil || toErr != nil || from > to {
			return nil, fmt.Errorf("%q is no list of processors", list)
		}
		for cpu := from; cpu <= to; cpu++ {
			cpus = append(cpus, int(cpu))
		}
	}
	return cpus, nil
}
