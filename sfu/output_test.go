package sfu

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtcp"

	"streamcat/stage"
)

func nackFor(ssrc uint32, numbers ...uint16) []rtcp.Packet {
	return []rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(numbers)}}
}

// TestHandOver: a slot goes on without a break from one publisher to another with another codec, and begins with a keyframe.
func TestHandOver(t *testing.T) {
	w := newWorld(t, 1)
	one, two := w.host("one"), w.host("two")
	w.router.apply(program(true, "one"))
	_, f := w.viewer(1, nil)
	if one.video.keyframes.wanted.Load() == 0 {
		t.Error("no keyframe was asked for the newcomer")
	}
	one.send(stage.Video, vp8Type, 10, 1000, vp8Delta+"before the keyframe")
	one.send(stage.Video, vp8Type, 11, 4000, vp8Key+"a")
	one.send(stage.Video, vp8Type, 12, 7000, vp8Delta+"b")
	one.send(stage.Audio, opusType, 7, 100, "sound")
	w.flush()
	w.router.apply(program(true, "two"))
	one.send(stage.Video, vp8Type, 13, 10000, vp8Delta+"too late")
	two.send(stage.Video, h264Type, 60000, 99, "\x41no keyframe")
	two.send(stage.Video, h264Type, 60001, 199, "\x67sps")
	two.send(stage.Video, h264Type, 60002, 199, "\x65idr")
	w.flush()

	var video []sentPacket
	for _, p := range f.take() {
		if p.section == 1 {
			video = append(video, p)
		}
	}
	want := []struct {
		payload     string
		payloadType uint8
	}{{vp8Key + "a", vp8Type}, {vp8Delta + "b", vp8Type}, {"\x67sps", h264Type}, {"\x65idr", h264Type}}
	if len(video) != len(want) {
		t.Fatalf("got %d video packets: %+v", len(video), video)
	}
	for i, p := range video {
		if p.payload != want[i].payload || p.header.PayloadType != want[i].payloadType || p.header.SSRC != 1001 {
			t.Errorf("packet %d is %+v, want %+v", i, p, want[i])
		}
		if p.header.SequenceNumber != video[0].header.SequenceNumber+uint16(i) {
			t.Errorf("packet %d has number %d after %d", i, p.header.SequenceNumber, video[0].header.SequenceNumber)
		}
	}
	if step := video[1].header.Timestamp - video[0].header.Timestamp; step != 3000 {
		t.Errorf("timestamps of one publisher are %d apart, want 3000", step)
	}
	if step := video[2].header.Timestamp - video[1].header.Timestamp; int32(step) < 900 || step > 90000*10 {
		t.Errorf("the timestamp goes on by %d at the hand-over", step)
	}
}

// TestKeyframeInPieces: where parameter sets and slices come in packets of their own, only the first is a start. Who comes in between
// waits for the next keyframe: without the parameter sets the slices are of no use.
func TestKeyframeInPieces(t *testing.T) {
	w := newWorld(t, 1)
	h := w.host("host")
	w.router.apply(program(true, "host"))
	h.send(stage.Video, h264Type, 1, 3000, "\x67sps")
	w.flush()
	_, f := w.viewer(1, nil)
	h.send(stage.Video, h264Type, 2, 3000, "\x65idr")
	w.flush()
	if got := f.take(); len(got) != 0 {
		t.Errorf("a viewer begins in the middle of a keyframe: %+v", got)
	}
	if n := h.video.keyframes.seen.Load(); n != 1 {
		t.Errorf("one keyframe counts as %d", n)
	}
	h.send(stage.Video, h264Type, 3, 6000, "\x65idr without parameter sets")
	w.flush()
	if got := f.take(); len(got) != 1 {
		t.Errorf("the next keyframe comes as %+v", got)
	}
}

func TestNackIsAnswered(t *testing.T) {
	w := newWorld(t, 1)
	h := w.host("host")
	w.router.apply(program(true, "host"))
	d, f := w.viewer(1, nil)
	h.send(stage.Video, vp8Type, 100, 3000, vp8Key+"a")
	h.send(stage.Video, vp8Type, 101, 3000, "\x00b")
	h.send(stage.Audio, opusType, 5, 960, "sound")
	w.flush()
	packets := f.take()
	if len(packets) != 3 {
		t.Fatalf("got %+v", packets)
	}
	first, audio := packets[0].header, packets[2].header

	say(d, nackFor(1001, first.SequenceNumber+1)...)
	again := f.take()
	if len(again) != 1 || again[0].header.SSRC != 2001 || again[0].header.PayloadType != vp8RTX || again[0].header.Timestamp != first.Timestamp {
		t.Fatalf("RTX: %+v", again)
	}
	number := first.SequenceNumber + 1
	if want := string([]byte{byte(number >> 8), byte(number)}) + "\x00b"; again[0].payload != want {
		t.Errorf("RTX payload %q, want %q", again[0].payload, want)
	}
	rtx := again[0].header.SequenceNumber
	say(d, nackFor(1001, first.SequenceNumber)...)
	if again = f.take(); len(again) != 1 || again[0].header.SequenceNumber != rtx+1 {
		t.Errorf("the second RTX packet is %+v after %d", again, rtx)
	}

	// Audio has no RTX here: the packet comes again as it was.
	say(d, nackFor(1000, audio.SequenceNumber)...)
	if again = f.take(); len(again) != 1 || !cmp.Equal(again[0].header, audio) || again[0].payload != "sound" {
		t.Errorf("without RTX: %+v, want %+v", again, audio)
	}

	// What never was, what belongs to another section, and what is no longer allowed is not sent.
	say(d, nackFor(1001, first.SequenceNumber+9)...)
	say(d, nackFor(1002, audio.SequenceNumber)...)
	d.outputs[1].credit = 10
	say(d, nackFor(1001, first.SequenceNumber+9)...)
	w.router.apply(stage.Program{})
	say(d, nackFor(1001, first.SequenceNumber)...)
	if again = f.take(); len(again) != 0 {
		t.Errorf("sent %+v", again)
	}
	if s := w.engine.Stats(); s.NacksAnswered != 3 || s.NacksMissed != 2 {
		t.Errorf("stats: %+v", s)
	}
}

// TestNackCredit: nobody gets more repeated than was sent to him.
func TestNackCredit(t *testing.T) {
	w := newWorld(t, 1)
	h := w.host("host")
	w.router.apply(program(true, "host"))
	d, f := w.viewer(1, nil)
	h.send(stage.Audio, opusType, 1, 1, "x")
	h.send(stage.Audio, opusType, 2, 2, "x")
	w.flush()
	number := f.take()[0].header.SequenceNumber
	for range 50 {
		say(d, nackFor(1000, number)...)
	}
	if n := len(f.take()); n != 2 {
		t.Errorf("%d packets were repeated, want 2", n)
	}
}

// TestUplinkLossIsRepaired: a hole that the publisher's network made is a hole at the same place for the viewer, and closes when the packet
// comes after all.
func TestUplinkLossIsRepaired(t *testing.T) {
	w := newWorld(t, 1)
	h := w.host("host")
	w.router.apply(program(true, "host"))
	d, f := w.viewer(1, nil)
	h.send(stage.Video, vp8Type, 65534, 1, vp8Key)
	h.send(stage.Video, vp8Type, 0, 1, "\x00c")
	w.flush()
	packets := f.take()
	if len(packets) != 2 || packets[1].header.SequenceNumber != packets[0].header.SequenceNumber+2 {
		t.Fatalf("the hole is not kept: %+v", packets)
	}
	missing := packets[0].header.SequenceNumber + 1
	say(d, nackFor(1001, missing)...)
	if len(f.take()) != 0 {
		t.Error("a packet that has not come was sent")
	}
	h.send(stage.Video, vp8Type, 65535, 1, "\x00b")
	w.flush()
	if late := f.take(); len(late) != 1 || late[0].header.SequenceNumber != missing || late[0].payload != "\x00b" {
		t.Errorf("the late packet came as %+v, want number %d", late, missing)
	}
}

// TestSelectionComesBackAtAKeyframe: AUDIO_ONLY and back.
func TestSelectionComesBackAtAKeyframe(t *testing.T) {
	w := newWorld(t, 1)
	h := w.host("host")
	w.router.apply(program(true, "host"))
	d, f := w.viewer(1, nil)
	h.send(stage.Video, vp8Type, 1, 3000, vp8Key)
	w.flush()
	first := f.take()[0].header
	choose := func(kind stage.SubscribeType) {
		w.router.update(d, func() { d.selection = stage.Selection{Default: kind} })
	}
	choose(stage.SubscribeAudioOnly)
	h.send(stage.Video, vp8Type, 2, 6000, vp8Delta)
	h.send(stage.Audio, opusType, 1, 1, "sound")
	w.flush()
	if got := f.take(); len(got) != 1 || got[0].payload != "sound" {
		t.Errorf("AUDIO_ONLY forwards %+v", got)
	}
	seen := h.video.keyframes.wanted.Load()
	choose(stage.SubscribeAudioVideo)
	if h.video.keyframes.wanted.Load() == seen {
		t.Error("no keyframe was asked for")
	}
	h.send(stage.Video, vp8Type, 3, 9000, vp8Delta)
	h.send(stage.Video, vp8Type, 4, 12000, vp8Key)
	w.flush()
	got := f.take()
	if len(got) != 1 || got[0].payload != vp8Key || got[0].header.SequenceNumber != first.SequenceNumber+1 || got[0].header.Timestamp != first.Timestamp+9000 {
		t.Errorf("back comes %+v after %+v; want the next number, and the time that has passed", got, first)
	}
}

func TestUnknownFormatIsNotForwarded(t *testing.T) {
	w := newWorld(t, 1)
	h := w.host("host")
	w.router.apply(program(true, "host"))
	f := &fakeTransport{}
	sections := fakeSections(1)
	sections[1].types[formatVP8].media = 0 // a viewer that cannot decode VP8
	d := &downlink{participant: "viewer", audience: true, ready: true, counters: &w.engine.counters, ended: func(error) {}, over: func() bool { return false }}
	d.open(f, sections)
	w.router.addDownlink(d)
	h.send(stage.Video, vp8Type, 1, 1, vp8Key)
	h.send(stage.Video, 55, 2, 1, vp8Key) // a payload type that was never agreed
	w.flush()
	if got := f.take(); len(got) != 0 {
		t.Errorf("sent %+v", got)
	}
	h.send(stage.Video, h264Type, 3, 9000, "\x67sps")
	w.flush()
	if got := f.take(); len(got) != 1 {
		t.Errorf("after the publisher changed its codec: %+v", got)
	}
}

// TestReports: audio and video of a slot are tied to one clock, whatever the publisher's clock and timestamps are.
func TestReports(t *testing.T) {
	w := newWorld(t, 1)
	h := w.host("host")
	w.router.apply(program(true, "host"))
	_, f := w.viewer(1, nil)
	now := time.Now()
	var clock wallClock
	theirs := now.Add(-1000 * time.Hour) // the publisher's clock is wrong
	h.audio.clock.set(clock.local(theirs, now), 48000)
	h.video.clock.set(clock.local(theirs.Add(-time.Second), now), 500) // of a second earlier
	h.send(stage.Audio, opusType, 1, 48000, "sound")                   // sampled when the video's timestamp was 90500
	h.send(stage.Video, vp8Type, 1, 90500, vp8Key)
	w.flush()
	sent := f.take()
	at := map[uint32]time.Time{} // what the viewer computes: when each packet was sampled
	for _, p := range f.takeReports() {
		report, ok := p.(*rtcp.SenderReport)
		if !ok {
			continue
		}
		packet, rate := sent[1].header, 48000.0 // pictures go first
		if report.SSRC == 1001 {
			packet, rate = sent[0].header, 90000
		}
		behind := float64(int32(report.RTPTime-packet.Timestamp)) / rate
		at[report.SSRC] = ntpTime(report.NTPTime).Add(-time.Duration(behind * float64(time.Second)))
	}
	if len(at) != 2 {
		t.Fatalf("reports for %v", at)
	}
	if difference := at[1000].Sub(at[1001]).Abs(); difference > time.Millisecond {
		t.Errorf("sound and picture of one moment play %v apart", difference)
	}
	if age := at[1000].Sub(now).Abs(); age > time.Minute {
		t.Errorf("the reports do not speak of the server's clock: %v off", age)
	}
}

// TestSlowShard: when a shard does not keep up, its viewers wait for a keyframe, and the publisher and other shards are not held up.
func TestSlowShard(t *testing.T) {
	w := newWorld(t, 2)
	h := w.host("host")
	w.router.apply(program(true, "host"))
	slow, slowSink := w.viewer(1, nil)
	fast, fastSink := w.viewer(1, nil)
	if slow.shard == fast.shard {
		t.Fatal("both viewers are on one shard")
	}
	run := func(d *downlink) {
		s := w.engine.shards[d.shard]
		flush(s)
	}
	h.send(stage.Video, vp8Type, 0, 0, vp8Key)
	run(slow)
	run(fast)
	for i := range queueSize + 100 {
		h.send(stage.Video, vp8Type, uint16(i+1), uint32(i+1)*3000, vp8Delta)
		run(fast)
	}
	if n := len(fastSink.take()); n != queueSize+101 {
		t.Errorf("the fast viewer got %d packets, want all %d", n, queueSize+101)
	}
	run(slow)
	slowSink.take()
	if w.engine.Stats().Overflows != 1 {
		t.Errorf("stats: %+v", w.engine.Stats())
	}
	h.send(stage.Video, vp8Type, queueSize+200, 5e6, vp8Delta)
	run(slow)
	if got := slowSink.take(); len(got) != 0 {
		t.Errorf("after the gap the slow viewer got %+v; it has to wait for a keyframe", got)
	}
	h.send(stage.Video, vp8Type, queueSize+201, 6e6, vp8Key)
	run(slow)
	if got := slowSink.take(); len(got) != 1 || got[0].payload != vp8Key {
		t.Errorf("the keyframe came as %+v", got)
	}
}
