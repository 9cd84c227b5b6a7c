package load

import (
	"errors"
	"fmt"
	"io"
	"time"

	"streamcat/load/footage"
)

// Config is what a test does. Sample values are those of the tables in docs/performance.md.
type Config struct {
	// HostTokens and ViewerTokens are participant tokens; each is good for one connection.
	HostTokens, ViewerTokens []string
	// WHIP and WHEP are endpoints to use instead of the stage protocol, for servers that know nothing else. Tokens go along if there are any.
	WHIP, WHEP string
	// PerPublisher subscribes to one publisher each, in turns, instead of to the whole stage.
	PerPublisher bool
	// Slots is how many publishers a whole-stage offer is ready for; browsers offer 12.
	Slots int
	// Forwarded gives every participant an address of its own in X-Forwarded-For, so that a server that trusts its proxy does not take them
	// all for one that asks too often.
	Forwarded bool
	// Events opens an events socket for each viewer.
	Events bool

	// Hosts publish. Viewers receive; in a search, it is the most there may be.
	Hosts, Viewers int
	// Codec is h264, vp8 or none.
	Codec string
	// Clip is played instead of synthetic H.264.
	Clip *footage.Clip
	// Size, VideoBits (a second), FPS and KeyframeEvery describe the pictures.
	Size          footage.Size
	VideoBits     int
	FPS           float64
	KeyframeEvery time.Duration
	// Simulcast publishes three layers: of this size, of half and of a quarter of it.
	Simulcast bool
	// Audio adds sound of AudioBits a second.
	Audio     bool
	AudioBits int
	// Feedback is what receivers offer for congestion control: auto (both), twcc, remb or none.
	Feedback string

	// Joining is how many viewers connect at a time, JoinRate how many a second at most; 0 is no limit.
	Joining  int
	JoinRate float64
	// BusyRamp keeps the hosts sending while viewers join. Else they pause, so that the CPU that joining costs can be told apart.
	BusyRamp bool
	// Settle is waited before measuring, Windows times Window is measured.
	Settle  time.Duration
	Window  time.Duration
	Windows int
	// Probes join one after the other while the audience is there and media flows.
	Probes int
	// Duration ends the test, whatever is still to be done.
	Duration time.Duration
	// Find searches the largest audience with at most MaxLoss (a share) lost and a 99th percentile of latency of at most MaxLatency.
	Find       bool
	MaxLoss    float64
	MaxLatency time.Duration

	// PID is the server's process, if it is on this machine; 0 when it is not to be measured.
	PID int
	// CPUs are those that this program uses; empty for all. ServerCPUs are those of the server, only to be named in the report.
	CPUs, ServerCPUs []int
	// Loops is how many goroutines receive; 0 is one. Rest and Whole are those of peer.Options.
	Loops int
	Rest  time.Duration
	Whole int

	// Progress gets a table while the test runs; nil for none.
	Progress io.Writer
}

// Limits of a test, which only guard against slips of the keyboard.
const (
	maxViewers = 100_000
	maxHosts   = 64
	maxJoining = 1024
	maxProbes  = 1000
)

// check refuses what cannot work, and sets what was left out.
func (c *Config) check() error {
	switch {
	case c.Hosts < 0 || c.Hosts > maxHosts:
		return fmt.Errorf("there are 0 to %d hosts, not %d", maxHosts, c.Hosts)
	case c.Viewers < 1 || c.Viewers > maxViewers:
		return fmt.Errorf("there are 1 to %d viewers, not %d", maxViewers, c.Viewers)
	case c.Probes < 0 || c.Probes > maxProbes:
		return fmt.Errorf("there are 0 to %d probes, not %d", maxProbes, c.Probes)
	case c.Codec != "h264" && c.Codec != "vp8" && c.Codec != "none":
		return fmt.Errorf("the codec is h264, vp8 or none, not %q", c.Codec)
	case c.Codec == "none" && !c.Audio:
		return errors.New("without pictures and without sound nothing is left to send")
	case c.Clip != nil && (c.Codec != "h264" || c.Simulcast):
		return errors.New("a clip is H.264 in one layer")
	case c.video() && c.Clip == nil && c.VideoBits < 10_000 || c.VideoBits > 100_000_000:
		return errors.New("pictures have 10 kbit/s to 100 Mbit/s")
	case c.FPS <= 0 || c.FPS > 240:
		return errors.New("there are up to 240 frames a second, and more than none")
	case c.Audio && (c.AudioBits < 6000 || c.AudioBits > 510_000):
		return errors.New("sound in Opus has 6 to 510 kbit/s") // RFC 6716 2.1.1
	case c.Slots < 1 || c.Slots > 32:
		return errors.New("an offer has 1 to 32 slots")
	case c.Feedback != "auto" && c.Feedback != "twcc" && c.Feedback != "remb" && c.Feedback != "none":
		return fmt.Errorf("feedback is auto, twcc, remb or none, not %q", c.Feedback)
	case c.WHIP == "" && c.Hosts > len(c.HostTokens):
		return fmt.Errorf("%d hosts need as many tokens, there are %d", c.Hosts, len(c.HostTokens))
	case c.WHEP == "" && c.Viewers+c.Probes > len(c.ViewerTokens):
		return fmt.Errorf("%d viewers and probes need as many tokens, there are %d", c.Viewers+c.Probes, len(c.ViewerTokens))
	case c.PerPublisher && (c.WHEP != "" || len(c.HostTokens) == 0):
		return errors.New("whoever subscribes to publishers has to know their tokens")
	case c.Window < 100*time.Millisecond || c.Windows < 1 || c.Windows > 1000:
		return errors.New("there is one window at least, of 100 ms at least")
	case c.Duration < time.Second || c.Duration > 24*time.Hour:
		return errors.New("a test takes between a second and a day")
	case c.Joining < 1 || c.Joining > maxJoining || c.JoinRate < 0:
		return fmt.Errorf("1 to %d viewers join at a time", maxJoining)
	case c.MaxLoss < 0 || c.MaxLoss >= 1:
		return errors.New("a loss is a share, at least 0 and below 1")
	case c.Loops < 0 || c.Loops > 64:
		return errors.New("there are at most 64 loops")
	}
	if c.video() {
		if err := c.Size.Check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) video() bool { return c.Codec != "none" }

// keyframeInterval is how many frames there are from one keyframe to the next.
func (c *Config) keyframeInterval() int {
	return max(1, int(c.KeyframeEvery.Seconds()*c.FPS+0.5))
}

// footageOf makes the pictures of a layer, the largest being 0.
func (c *Config) footageOf(layer int) footage.Video {
	if c.Clip != nil {
		return footage.NewClip(c.Clip)
	}
	// A layer of a quarter of the pixels has a quarter of the rate.
	size := footage.Size{Width: max(16, c.Size.Width>>layer&^1), Height: max(16, c.Size.Height>>layer&^1)}
	bits := max(10_000, c.VideoBits>>(2*layer))
	if c.Codec == "vp8" {
		return footage.NewVP8(size, bits, c.FPS, c.keyframeInterval())
	}
	return footage.NewH264(size, bits, c.FPS, c.keyframeInterval())
}
