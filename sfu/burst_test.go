package sfu

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp"

	"streamcat/stage"
)

// frame publishes a VP8 picture whose packets have the given sizes; the last one has the marker if whole.
func (h *fakeHost) frame(first uint16, timestamp uint32, key, whole bool, sizes ...int) {
	for i, size := range sizes {
		payload := []byte("\x00\x00" + strings.Repeat("x", size-2))
		if i == 0 {
			copy(payload, vp8Delta)
			if key {
				copy(payload, vp8Key)
			}
		}
		h.video.take(&rtp.Packet{Header: rtp.Header{
			PayloadType: vp8Type, SequenceNumber: first + uint16(i), Timestamp: timestamp, Marker: whole && i == len(sizes)-1,
		}, Payload: payload})
	}
}

// released lets a shard look at what is queued, some time after it was, and returns how many packets went out.
func (w *world) released(f *fakeTransport, after time.Duration) int {
	s := w.engine.shards[0]
	s.drain()
	s.release(time.Now().Add(after))
	return len(f.take())
}

func TestFramesGoOutWhole(t *testing.T) {
	setUp := func(t *testing.T) (*world, *fakeHost, *fakeTransport) {
		w := newWorld(t, 1)
		h := w.host("host")
		w.router.apply(program(true, "host"))
		_, f := w.viewer(1, nil)
		return w, h, f
	}
	const soon, late = -time.Hour, holdFrame
	t.Run("a whole frame at once", func(t *testing.T) {
		w, h, f := setUp(t)
		h.frame(1, 3000, true, true, 100, 100)
		if n := w.released(f, soon); n != 2 {
			t.Errorf("%d packets", n)
		}
	})
	t.Run("half a frame waits for the rest", func(t *testing.T) {
		w, h, f := setUp(t)
		h.frame(1, 3000, true, false, 100, 100)
		if n := w.released(f, soon); n != 0 {
			t.Errorf("%d packets before the frame is whole", n)
		}
		h.frame(3, 3000, false, true, 100)
		if n := w.released(f, soon); n != 3 {
			t.Errorf("%d packets", n)
		}
	})
	t.Run("but not for long", func(t *testing.T) {
		w, h, f := setUp(t)
		h.frame(1, 3000, true, false, 100, 100)
		if n := w.released(f, late); n != 2 {
			t.Errorf("%d packets", n)
		}
	})
	t.Run("nor when it is large", func(t *testing.T) {
		w, h, f := setUp(t)
		sizes := make([]int, maxFrame)
		for i := range sizes {
			sizes[i] = 100
		}
		h.frame(1, 3000, true, false, sizes...)
		if n := w.released(f, soon); n != maxFrame {
			t.Errorf("%d packets", n)
		}
	})
	t.Run("sound does not wait", func(t *testing.T) {
		w, h, f := setUp(t)
		h.send(stage.Audio, opusType, 1, 960, "sound")
		if n := w.released(f, soon); n != 1 {
			t.Errorf("%d packets", n)
		}
	})
	t.Run("more than a burst", func(t *testing.T) {
		w, h, f := setUp(t)
		for i := range 3*maxBurst + 1 {
			h.frame(uint16(i), uint32(i)*3000, true, true, 100)
		}
		if n := w.released(f, soon); n != 3*maxBurst+1 {
			t.Errorf("%d packets", n)
		}
		if s := w.engine.shards[0]; len(s.gathering) != 0 || len(s.idle) != 1 {
			t.Errorf("%d bursts are gathered, %d idle", len(s.gathering), len(s.idle))
		}
	})
}

// TestEqualSizes: the packets of a frame are padded to one size for viewers to whom lost ones are repeated as RTX, and for nobody else.
func TestEqualSizes(t *testing.T) {
	w := newWorld(t, 1)
	h := w.host("host")
	w.router.apply(program(true, "host"))
	_, withRTX := w.viewer(1, nil)
	plain := fakeSections(1)
	plain[1].rtx = 0
	without := &fakeTransport{}
	d := &downlink{participant: "viewer", audience: true, ready: true, counters: &w.engine.counters, ended: func(error) {}, over: func() bool { return false }}
	d.open(without, plain)
	w.router.addDownlink(d)
	sizes := func(f *fakeTransport) (sizes []int) {
		for _, p := range f.take() {
			if p.section == 1 {
				sizes = append(sizes, p.size)
			}
			if p.section == 1 && strings.Trim(p.payload[2:], "x") != "" {
				t.Errorf("padding is in the payload %q", p.payload)
			}
		}
		return sizes
	}
	for _, test := range []struct {
		name      string
		sound     bool
		sent, got []int
	}{
		{"equal", false, []int{100, 100, 100}, []int{100, 100, 100}},
		{"by a byte", false, []int{100, 99, 100, 99}, []int{100, 100, 100, 99}},
		{"followed by sound", true, []int{100, 99, 100, 99}, []int{100, 100, 100, 100}},
		{"the last one is short", true, []int{100, 99, 30}, []int{100, 100, 30}},
		{"too different", false, []int{40, 100, 100 - maxPadding, 100 - maxPadding - 1, 100}, []int{40, 100, 100, 100 - maxPadding - 1, 100}},
	} {
		t.Run(test.name, func(t *testing.T) {
			number, _ := h.video.cache.Newest()
			h.frame(uint16(number)+1, uint32(number)*3000, true, false, test.sent...)
			if test.sound {
				number, _ := h.audio.cache.Newest()
				h.send(stage.Audio, opusType, uint16(number)+1, 1, "sound")
			}
			w.flush()
			if diff := cmp.Diff(test.got, sizes(withRTX)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.sent, sizes(without)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestArrange puts sound behind pictures.
func TestArrange(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "v": "v", "a": "a", "av": "va", "vav": "vav", "vvaa": "vava", "aaavv": "vavaa", "vvva": "vavv",
	} {
		var b burst
		for _, kind := range in {
			track := &track{kind: stage.Video}
			if kind == 'a' {
				track.kind = stage.Audio
			}
			b.group(track)
		}
		for range 2 { // the second time in an order that is right
			b.arrange()
			got := ""
			for _, g := range b.groups {
				got += string(g.track.kind)[:1]
			}
			if got != want {
				t.Errorf("%q is arranged as %q, want %q", in, got, want)
			}
		}
	}
}

// TestApplyWaitsForWhatIsQueued: a packet that lies in a batch is sent before Apply returns.
func TestApplyWaitsForWhatIsQueued(t *testing.T) {
	e := newEngine(t)
	s := e.shards[len(e.shards)-1]
	s.sending.Lock()
	applied := make(chan struct{})
	go func() {
		e.Apply("stage", program(true))
		close(applied)
	}()
	select {
	case <-applied:
		t.Error("Apply returned while a batch was being filled")
	case <-time.After(100 * time.Millisecond):
	}
	s.sending.Unlock()
	<-applied
}
