package load

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"streamcat/load/footage"
	"streamcat/load/peer"
	"streamcat/rtcapi/client"
)

const (
	// keyframeRest is the shortest time between two keyframes of a layer, as encoders have it.
	keyframeRest = 300 * time.Millisecond
	// senderReportEvery is how often browsers report a stream.
	senderReportEvery = time.Second
	// behind is how late a host may be before it gives up to catch up.
	behind = 500 * time.Millisecond
)

// layers are the names of the three layers, from the largest on.
var layers = []string{"f", "h", "q"}

// host is one publisher.
type host struct {
	index    int
	client   *client.Client
	config   *Config
	run      footage.Run
	conn     *peer.Conn
	resource *client.Resource
	videos   []*source // the layers, from the largest on
	audio    *source

	paused atomic.Bool
	resume atomic.Bool // the next picture is a keyframe
	late   atomic.Int64
	gone   atomic.Bool
	reason error
	done   chan struct{}
}

func newHost(index int, c *client.Client, config *Config, run footage.Run) *host {
	h := &host{index: index, client: c, config: config, run: run, done: make(chan struct{})}
	id := uint16(index) << 3
	if config.video() {
		n := 1
		if config.Simulcast {
			n = len(layers)
		}
		for layer := range n {
			s := newSource(id|uint16(layer+1), peer.PayloadVideo)
			s.video = config.footageOf(layer)
			h.videos = append(h.videos, s)
		}
	}
	if config.Audio {
		h.audio = newSource(id, peer.PayloadOpus)
		h.audio.audio = footage.NewOpus(config.AudioBits)
	}
	return h
}

// offer is what the host sends.
func (h *host) offer() peer.Offer {
	var o peer.Offer
	if h.audio != nil {
		o.Sections = append(o.Sections, peer.Section{Kind: peer.Audio, Send: h.audio.ssrc})
	}
	if len(h.videos) > 0 {
		v := h.videos[0]
		s := peer.Section{Kind: peer.Video, Send: v.ssrc, Codec: peer.Codec{Name: v.video.Codec(), Format: v.video.Format()}}
		if len(h.videos) > 1 {
			s.RIDs = layers
		}
		o.Sections = append(o.Sections, s)
	}
	return o
}

// serve is called by the loop when the connection is there.
func (h *host) serve(c *peer.Conn) peer.Handler {
	h.conn = c
	for i, s := range c.Answer().Sections {
		if s.Kind == peer.Audio && h.audio != nil {
			h.audio.extend(s.Level, string([]byte{level}))
			continue
		}
		if len(h.videos) > 1 && len(s.RIDs) == 0 {
			h.videos = h.videos[:1] // the server knows nothing of layers: it gets the largest
			continue
		}
		for layer, v := range h.videos {
			if len(h.videos) > 1 {
				v.extend(s.MID, fmt.Sprint(i))
				v.extend(s.RID, layers[layer])
			}
		}
	}
	return h
}

// RTP is not for hosts.
func (h *host) RTP([]byte, int, int64) {}

// RTCP takes what the server asks for.
func (h *host) RTCP(compound []byte, _ int64) {
	peer.EachControl(compound, func(c peer.Control) {
		for _, s := range h.videos {
			if s.ssrc != c.Media {
				continue
			}
			if c.Keyframe {
				s.asked.Add(1)
				s.wanted.Store(true)
			}
			c.EachLost(func(sequence uint16) { s.repeat(h.conn, sequence) })
		}
		if h.audio != nil && h.audio.ssrc == c.Media {
			c.EachLost(func(sequence uint16) { h.audio.repeat(h.conn, sequence) })
		}
	})
}

// Tick is not needed.
func (h *host) Tick(int64) {}

// Gone notes that the server has ended the connection.
func (h *host) Gone(err error) {
	h.reason = err
	h.gone.Store(true)
}

// pause stops sending, or goes on with a keyframe.
func (h *host) pause(pause bool) {
	h.resume.Store(!pause)
	h.paused.Store(pause)
}

// play sends until the context ends.
func (h *host) play(ctx context.Context) {
	defer close(h.done)
	begin := time.Now()
	frame := time.Duration(float64(time.Second) / h.config.FPS)
	const packet = time.Second / footage.PacketsPerSecond
	// Hosts are not in step with each other.
	nextFrame := begin.Add(time.Duration(h.index) * 7 * time.Millisecond % frame)
	nextPacket := begin.Add(time.Duration(h.index) * 3 * time.Millisecond % packet)
	nextReport := begin.Add(senderReportEvery / 10)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !h.gone.Load() {
		next := nextReport
		if len(h.videos) > 0 && nextFrame.Before(next) {
			next = nextFrame
		}
		if h.audio != nil && nextPacket.Before(next) {
			next = nextPacket
		}
		timer.Reset(time.Until(next))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		var err error
		if h.audio != nil && !now.Before(nextPacket) {
			err = h.sound(nextPacket.Sub(begin), now)
			nextPacket = h.after(nextPacket, packet, now)
		}
		if len(h.videos) > 0 && err == nil && !now.Before(nextFrame) {
			err = h.picture(nextFrame.Sub(begin), now)
			nextFrame = h.after(nextFrame, frame, now)
		}
		if err == nil && !now.Before(nextReport) {
			err = h.report(now.Sub(begin), now)
			nextReport = now.Add(senderReportEvery)
		}
		if err != nil {
			return // the numbers of the protocol are used up, after years
		}
	}
}

// after is when the next one is due. A host that is far behind leaves some out.
func (h *host) after(due time.Time, interval time.Duration, now time.Time) time.Time {
	due = due.Add(interval)
	if now.Sub(due) < behind {
		return due
	}
	h.late.Add(1)
	missed := now.Sub(due) / interval
	return due.Add(missed * interval)
}

func (h *host) sound(at time.Duration, now time.Time) error {
	if h.paused.Load() {
		return nil
	}
	return h.audio.send(h.conn, h.run, h.audio.audio.Payload(), timestamp(at, 48000), false, now.UnixNano())
}

func (h *host) picture(at time.Duration, now time.Time) error {
	if h.paused.Load() {
		return nil
	}
	resumed := h.resume.Swap(false)
	for _, s := range h.videos {
		since := time.Duration(now.UnixNano() - s.keyAt)
		due := s.keyAt == 0 || resumed
		if h.config.Clip == nil && since >= h.config.KeyframeEvery-time.Duration(float64(time.Second)/h.config.FPS)/2 {
			due = true // half a frame early rather than late
		}
		asked := s.wanted.Load() && since >= keyframeRest
		payloads, key := s.video.Frame(due || asked)
		if key {
			s.keyAt = now.UnixNano()
			if s.wanted.Swap(false) && !due {
				s.answered.Add(1)
			}
		}
		sent := time.Now().UnixNano()
		for i, payload := range payloads {
			if err := s.send(h.conn, h.run, payload, timestamp(at, 90000), i == len(payloads)-1, sent); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *host) report(at time.Duration, now time.Time) error {
	for _, s := range h.videos {
		if err := s.report(h.conn, timestamp(at, 90000), now.UnixNano()); err != nil {
			return err
		}
	}
	if h.audio == nil {
		return nil
	}
	return h.audio.report(h.conn, timestamp(at, 48000), now.UnixNano())
}

// timestamp counts time in units of a clock rate.
func timestamp(at time.Duration, rate int64) uint32 {
	return uint32(int64(at/time.Microsecond) * rate / 1_000_000)
}
