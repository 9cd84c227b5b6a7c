package sfu

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp"

	"streamcat/stage"
)

// TestWhoReceives is the table of the rule: the audience gets who is on air while the stage is live, hosts get each other.
func TestWhoReceives(t *testing.T) {
	entries := map[stage.ParticipantID]stage.ProgramEntry{
		"air":  {Slot: 0, OnAir: true},
		"back": {Slot: 1, OnAir: false},
		"far":  {Slot: 5, OnAir: true}, // beyond the slots that are offered
	}
	audio := stage.Selection{Default: stage.SubscribeAudioOnly}
	tests := []struct {
		name string
		live bool
		as   func(*downlink)
		want string
	}{
		{"audience, live", true, nil, "air audio@0 air video@1"},
		{"audience, not live", false, nil, ""},
		{"host, live", true, func(d *downlink) { d.participant, d.audience = "guest", false },
			"air audio@0 air video@1 back audio@2 back video@3"},
		{"host, not live", false, func(d *downlink) { d.participant, d.audience = "guest", false },
			"air audio@0 air video@1 back audio@2 back video@3"},
		{"host does not get itself", true, func(d *downlink) { d.participant, d.audience = "air", false },
			"back audio@2 back video@3"},
		{"audience with a publisher's own name", true, func(d *downlink) { d.participant = "air" }, ""},
		{"audio only", true, func(d *downlink) { d.selection = audio }, "air audio@0"},
		{"audio only but for one", true, func(d *downlink) {
			d.participant, d.audience = "guest", false
			d.selection = stage.Selection{Default: stage.SubscribeAudioOnly, Participants: map[stage.ParticipantID]stage.SubscribeType{"back": stage.SubscribeAudioVideo}}
		}, "air audio@0 back audio@2 back video@3"},
		{"nothing but one", true, func(d *downlink) {
			d.selection = stage.Selection{Default: stage.SubscribeNone, Participants: map[stage.ParticipantID]stage.SubscribeType{"air": stage.SubscribeAudioOnly}}
		}, "air audio@0"},
		{"not connected", true, func(d *downlink) { d.ready = false }, ""},
		{"one publisher, in the first sections", true, func(d *downlink) { d.publisher = "far" }, "far audio@0 far video@1"},
		{"one publisher backstage", true, func(d *downlink) { d.publisher = "back" }, ""},
		{"one publisher backstage, for a host", true, func(d *downlink) { d.participant, d.audience, d.publisher = "guest", false, "back" },
			"back audio@0 back video@1"},
		{"one publisher, not live", false, func(d *downlink) { d.publisher = "air" }, ""},
		{"one publisher, selection does not count", true, func(d *downlink) { d.publisher, d.selection = "air", audio }, "air audio@0 air video@1"},
		{"oneself", true, func(d *downlink) { d.participant, d.audience, d.publisher = "air", false, "air" }, ""},
		{"one publisher who has no entry", true, func(d *downlink) { d.audience, d.publisher = false, "stranger" }, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, 1)
			hosts := map[stage.ParticipantID]*fakeHost{}
			for _, id := range []stage.ParticipantID{"air", "back", "far", "stranger"} {
				hosts[id] = w.host(id)
			}
			w.router.apply(stage.Program{Live: test.live, Publishers: entries})
			_, f := w.viewer(2, test.as)
			for _, id := range []stage.ParticipantID{"air", "back", "far", "stranger"} {
				hosts[id].send(stage.Audio, opusType, 1, 1, string(id)+" audio")
				hosts[id].send(stage.Video, vp8Type, 1, 1, vp8Key+string(id)+" video")
			}
			w.flush()
			var got string
			packets := f.take()
			slices.SortFunc(packets, func(a, b sentPacket) int { return a.section - b.section })
			for _, p := range packets {
				payload := p.payload
				if p.header.PayloadType == vp8Type {
					payload = payload[2:]
				}
				got += fmt.Sprintf(" %s@%d", payload, p.section)
			}
			if got != "" {
				got = got[1:]
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestApplyIsABarrier: while packets and retransmissions fly on several shards, nothing of a publisher is sent once the Apply that
// forbids it has returned.
func TestApplyIsABarrier(t *testing.T) {
	w := newWorld(t, 3)
	stop := make(chan struct{})
	var running sync.WaitGroup
	end := sync.OnceFunc(func() { close(stop); running.Wait() })
	defer end()
	for _, s := range w.engine.shards {
		running.Go(func() { s.run(stop) })
	}
	hosts := map[stage.ParticipantID]*fakeHost{"a": w.host("a"), "b": w.host("b"), "c": w.host("c")}
	var allowed [256]atomic.Bool // by the publisher's letter
	var violations, sent atomic.Int64
	for range 4 {
		d, f := w.viewer(3, nil)
		var newest [6]atomic.Uint32
		f.hook = func(section int, header *rtp.Header, payload []byte) {
			who := payload[len(payload)-1]
			if !allowed[who].Load() {
				violations.Add(1)
			}
			sent.Add(1)
			if header.SSRC < 2000 {
				newest[section].Store(uint32(header.SequenceNumber))
			}
		}
		running.Go(func() { // a viewer that asks for everything again
			for {
				select {
				case <-stop:
					return
				default:
				}
				for section := range d.outputs {
					say(d, nackFor(d.outputs[section].ssrc, uint16(newest[section].Load()))...)
				}
				time.Sleep(20 * time.Microsecond) // the lock is for others, too
			}
		})
	}
	for id, h := range hosts {
		running.Go(func() {
			for i := uint16(0); ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				h.send(stage.Audio, opusType, i, uint32(i)*960, string(id))
				h.send(stage.Video, vp8Type, i, uint32(i)*3000, vp8Key+string(id))
				time.Sleep(20 * time.Microsecond)
			}
		})
	}
	ids := []stage.ParticipantID{"a", "b", "c"}
	for round := range 500 {
		p := stage.Program{Live: round%7 != 0, Publishers: map[stage.ParticipantID]stage.ProgramEntry{}}
		for i, id := range ids {
			if (round>>i)&3 != 0 {
				p.Publishers[id] = stage.ProgramEntry{Slot: (i + round) % 3, OnAir: (round>>i)&5 != 0}
			}
		}
		for _, id := range ids { // what becomes allowed may be sent as soon as Apply begins
			if entry, ok := p.Publishers[id]; ok && entry.OnAir && p.Live {
				allowed[id[0]].Store(true)
			}
		}
		w.router.apply(p)
		some := false
		for _, id := range ids { // and what is not must not once it has returned
			if entry, ok := p.Publishers[id]; !ok || !entry.OnAir || !p.Live {
				allowed[id[0]].Store(false)
			} else {
				some = true
			}
		}
		// The next Apply has to find packets on their way.
		for before, deadline := sent.Load(), time.Now().Add(patience); some && sent.Load() < before+20; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatalf("round %d: nothing is sent", round)
			}
		}
	}
	end()
	if violations.Load() > 0 {
		t.Errorf("%d of %d packets were sent after Apply had forbidden them", violations.Load(), sent.Load())
	}
}

func TestForget(t *testing.T) {
	w := newWorld(t, 1)
	ended := map[string]error{}
	h := w.host("host")
	h.ended = func(cause error) { ended["host"] = cause }
	newer := w.host("host")
	newer.ended = func(cause error) { ended["newer"] = cause }
	w.viewer(1, func(d *downlink) { d.ended = func(cause error) { ended["viewer"] = cause } })
	w.router.forget(ErrForgotten)
	for _, who := range []string{"host", "newer", "viewer"} {
		if !errors.Is(ended[who], ErrForgotten) {
			t.Errorf("%s ended with %v", who, ended[who])
		}
	}
	if w.router.apply(stage.Program{}) || w.router.addUplink(h.uplink) {
		t.Error("a forgotten router takes something in")
	}
}

func TestPublisherIsReplaced(t *testing.T) {
	w := newWorld(t, 1)
	old := w.host("host")
	w.router.apply(program(true, "host"))
	var ended error
	_, f := w.viewer(1, func(d *downlink) { d.publisher = "host"; d.ended = func(cause error) { ended = cause } })
	newer := w.host("host")
	old.send(stage.Audio, opusType, 1, 1, "old")
	newer.send(stage.Audio, opusType, 900, 900, "new")
	w.flush()
	if packets := f.take(); len(packets) != 1 || packets[0].payload != "new" {
		t.Errorf("after the replacement the viewer got %+v", packets)
	}
	if !w.router.removeUplink(old.uplink) || ended != nil {
		t.Errorf("the end of the older session ended the viewer: %v", ended)
	}
	if !w.router.removeUplink(newer.uplink) || !errors.Is(ended, ErrPublisherStopped) {
		t.Errorf("the end of the publisher ended the viewer with %v", ended)
	}
	if w.router.removeUplink(newer.uplink) {
		t.Error("a session left twice")
	}
}

func TestViewerLeaves(t *testing.T) {
	w := newWorld(t, 1)
	h := w.host("host")
	w.router.apply(program(true, "host"))
	_, stays := w.viewer(1, nil)
	d, leaves := w.viewer(1, nil)
	h.send(stage.Audio, opusType, 1, 1, "x")
	if !w.router.removeDownlink(d) || w.router.removeDownlink(d) {
		t.Error("removeDownlink does not say whether the viewer was in")
	}
	w.flush()
	if len(leaves.take()) != 0 || len(stays.take()) != 1 {
		t.Error("a packet that was queued went to a viewer who had left, or not to the one who stays")
	}
}
