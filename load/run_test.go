package load

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"streamcat/load/footage"
	"streamcat/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a server in this process with a stage made for the test.
type house struct {
	*server.Server
	*server.Rehearsal
}

// open starts a server. Tokens lead through the front, if it is given, else straight to the server.
func open(t *testing.T, front func(target string) string, gated bool, hosts, viewers int) house {
	t.Helper()
	config := server.Config{HTTP: "127.0.0.1:0", UDP: "127.0.0.1:0", Data: t.TempDir(), Log: slog.New(slog.DiscardHandler), TrustProxy: true}
	s, err := server.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	url := s.URL()
	if front != nil {
		url = front(url)
	}
	r, err := server.Rehearse(t.Context(), config, url, gated, hosts, viewers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return house{s, r}
}

// config is a small test of this house.
func (h house) config() Config {
	return Config{
		HostTokens: h.Hosts, ViewerTokens: h.Guests, Hosts: len(h.Hosts), Viewers: len(h.Guests), Forwarded: true,
		Codec: "h264", Size: footage.Size{Width: 320, Height: 180}, VideoBits: 400_000, FPS: 30, KeyframeEvery: time.Second,
		Audio: true, AudioBits: 32_000, Slots: 2, Feedback: "auto", Joining: 4, Settle: 300 * time.Millisecond,
		Window: 600 * time.Millisecond, Windows: 2, Duration: time.Minute, MaxLoss: 0.001, Whole: 1,
	}
}

func run(t *testing.T, config Config) *Report {
	t.Helper()
	report, err := Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if report.Ended != "done" {
		t.Fatalf("ended: %s", report.Ended)
	}
	return report
}

// TestRun drives a server in each of the ways that there are.
func TestRun(t *testing.T) {
	for _, test := range []struct {
		name           string
		gated          bool
		hosts, viewers int
		change         func(*Config)
		streams        int // of media that each viewer receives
	}{
		{"whole stage", false, 1, 8, func(c *Config) { c.Probes = 2; c.Viewers -= 2 }, 2},
		{"gated, two hosts, VP8, joining while they send", true, 2, 4, func(c *Config) { c.Codec = "vp8"; c.BusyRamp = true; c.Loops = 2 }, 4},
		{"single publishers, sound only", false, 2, 4, func(c *Config) { c.Codec = "none"; c.PerPublisher = true }, 1},
		{"pictures only, with events, resting", false, 1, 3, func(c *Config) { c.Audio = false; c.Events = true; c.Rest = 2 * time.Millisecond }, 1},
		{"layers", false, 1, 3, func(c *Config) { c.Simulcast = true; c.Size = footage.Size{Width: 640, Height: 360} }, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := open(t, nil, test.gated, test.hosts, test.viewers)
			config := h.config()
			test.change(&config)
			r := run(t, config)
			if r.Join.Joined != config.Viewers || r.Join.Failed != 0 {
				t.Fatalf("join: %+v", r.Join)
			}
			if q := r.Join.OfferToDTLSMs; q.N != uint64(config.Viewers) || q.P50 <= 0 || q.P99 < q.P50 {
				t.Errorf("offer to DTLS: %+v", q)
			}
			if len(r.Windows) != config.Windows {
				t.Fatalf("%d windows", len(r.Windows))
			}
			// The slowest stream has 50 packets a second, or 30; a machine that is busy may be late, so half is enough.
			for _, w := range r.Windows {
				if w.PacketsPerSecond < float64(15*test.streams*config.Viewers) {
					t.Errorf("%v packets a second", w.PacketsPerSecond)
				}
				if w.Stalled != 0 || w.Forged != 0 || w.Verified == 0 || w.LossPercent != 0 || w.HolesPercent != 0 {
					t.Errorf("window: %+v", w)
				}
				if w.LatencyMs.N == 0 || w.LatencyMs.P50 <= 0 || (w.AudioMs.N > 0) != config.Audio || (w.VideoMs.N > 0) != config.video() {
					t.Errorf("latency: %+v", w)
				}
			}
			if r.Summary == nil || r.Summary.PacketsPerSecond.Median <= 0 || r.Summary.PacketsPerSecond.Min > r.Summary.PacketsPerSecond.Max {
				t.Errorf("summary: %+v", r.Summary)
			}
			if config.Probes > 0 && (r.Probes == nil || r.Probes.Joined != config.Probes || r.Probes.FirstKeyframeMs.N != uint64(config.Probes)) {
				t.Errorf("probes: %+v", r.Probes)
			}
			if config.BusyRamp && r.Join.FirstKeyframeMs.N != uint64(config.Viewers) {
				t.Errorf("first keyframes: %+v", r.Join.FirstKeyframeMs)
			}
		})
	}
}

func TestFind(t *testing.T) {
	h := open(t, nil, false, 1, 40)
	config := h.config()
	config.Find, config.Window, config.Settle = true, 500*time.Millisecond, 100*time.Millisecond
	r := run(t, config)
	if r.Find.Largest != 40 || !strings.Contains(r.Find.LimitedBy, "no more than 40") {
		t.Errorf("found %+v", r.Find)
	}
	var sizes []int
	for _, trial := range r.Find.Trials {
		sizes = append(sizes, trial.Window.Viewers)
	}
	if !slices.Equal(sizes, []int{25, 40}) {
		t.Errorf("tried %v", sizes)
	}
	// A bound that nothing can keep: even one viewer is too many, and the search has to let all others go.
	config.MaxLatency = time.Nanosecond
	r = run(t, config)
	if r.Find.Largest != 0 || !strings.Contains(r.Find.LimitedBy, "latency") || r.Find.Trials[len(r.Find.Trials)-1].Window.Viewers != 1 {
		t.Errorf("found %+v", r.Find)
	}
}

// TestInterrupted: who stops a test gets what was measured so far.
func TestInterrupted(t *testing.T) {
	h := open(t, nil, false, 1, 3)
	config := h.config()
	config.Windows = 1000
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	r, err := Run(ctx, config)
	if err != nil || r.Ended != "interrupted" || len(r.Windows) == 0 || r.Join.Joined != 3 {
		t.Errorf("%v, %+v", err, r)
	}
	config.Duration = 4 * time.Second
	if r, err = Run(t.Context(), config); err != nil || r.Ended != "out of time" {
		t.Errorf("%v, %+v", err, r)
	}
}

// TestReportShape keeps the names that scripts rely on.
func TestReportShape(t *testing.T) {
	h := open(t, nil, false, 1, 3)
	config := h.config()
	config.Viewers, config.Probes = 2, 1
	var progress strings.Builder
	config.Progress = &progress
	text, err := json.Marshal(run(t, config))
	if err != nil {
		t.Fatal(err)
	}
	var report map[string]any
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"schema", "ended", "server.url", "stream.viewers", "stream.profile", "machine.processors", "join.offerToDTLSMs.p95", "join.perSecond",
		"probes.firstKeyframeMs.p95", "summary.packetsPerSecond.median", "summary.lossPercent.max", "summary.latencyP99Ms.min", "keyframes.asked",
	} {
		var value any = report
		for key := range strings.SplitSeq(path, ".") {
			object, _ := value.(map[string]any)
			value = object[key]
		}
		if value == nil {
			t.Errorf("there is no %s in %s", path, text)
		}
	}
	if strings.Contains(string(text), "\n") || strings.Contains(string(text), h.Guests[0]) {
		t.Error("the report is more than a line, or shows a token")
	}
	if lines := strings.Split(strings.TrimSpace(progress.String()), "\n"); len(lines) < 3 || !strings.Contains(lines[0], "viewers") {
		t.Errorf("progress:\n%s", progress.String())
	}
}

func TestConfigIsChecked(t *testing.T) {
	good := Config{HostTokens: []string{"a"}, ViewerTokens: []string{"b"}, Hosts: 1, Viewers: 1, Codec: "none", Audio: true, AudioBits: 32000,
		FPS: 30, Slots: 1, Feedback: "none", Joining: 1, Window: time.Second, Windows: 1, Duration: time.Minute}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"hosts need": func(c *Config) { c.Hosts = 2 }, "probes need": func(c *Config) { c.Probes = 1 },
		"the codec": func(c *Config) { c.Codec = "av2" }, "left to send": func(c *Config) { c.Audio = false },
		"kbit/s to": func(c *Config) { c.Codec = "vp8" }, "frames a second": func(c *Config) { c.FPS = 0 }, "slots": func(c *Config) { c.Slots = 33 },
		"feedback": func(c *Config) { c.Feedback = "" }, "window": func(c *Config) { c.Windows = 0 }, "a second and a day": func(c *Config) { c.Duration = 0 },
		"at a time": func(c *Config) { c.Joining = 0 }, "Opus": func(c *Config) { c.AudioBits = 1 }, "viewers, not": func(c *Config) { c.Viewers = 0 },
		"pixels": func(c *Config) { c.Codec, c.VideoBits, c.Size.Width = "h264", 1e6, 15 },
	} {
		bad := good
		change(&bad)
		if err := bad.check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
