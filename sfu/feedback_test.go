package sfu

import (
	"testing"

	"github.com/pion/rtcp"

	"streamcat/stage"
)

func TestKeyframesWanted(t *testing.T) {
	for name, packet := range map[string]rtcp.Packet{
		"PLI": &rtcp.PictureLossIndication{MediaSSRC: 1001},
		"FIR": &rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 7}, {SSRC: 1001}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1)
			h := w.host("host")
			w.router.apply(program(true, "host"))
			d, _ := w.viewer(1, nil)
			h.frame(1, 3000, true, true, 100)
			w.flush()
			before := h.video.keyframes.wanted.Load()
			say(d, &rtcp.PictureLossIndication{MediaSSRC: 1000}, &rtcp.PictureLossIndication{MediaSSRC: 2001}) // sound and repairs have none
			if h.video.keyframes.wanted.Load() != before {
				t.Error("a keyframe of another stream was asked for")
			}
			say(d, &rtcp.ReceiverReport{SSRC: 1}, packet)
			if h.video.keyframes.wanted.Load() == before {
				t.Error("no keyframe was asked for")
			}
		})
	}
}

func TestNackOfSeveral(t *testing.T) {
	w := newWorld(t, 1)
	h := w.host("host")
	w.router.apply(program(true, "host"))
	d, f := w.viewer(1, nil)
	h.frame(1, 3000, true, true, 100, 100, 100, 100, 100)
	w.flush()
	first := f.take()[0].header.SequenceNumber
	say(d, nackFor(1001, first, first+2, first+4)...)
	got := f.take()
	if len(got) != 3 {
		t.Fatalf("%d packets", len(got))
	}
	for i, p := range got {
		if number := uint16(p.payload[0])<<8 | uint16(p.payload[1]); number != first+2*uint16(i) {
			t.Errorf("packet %d is number %d after %d", i, number, first)
		}
	}
}

// FuzzFeedback: what an authentic but malicious viewer says harms nobody.
func FuzzFeedback(f *testing.F) {
	for _, packets := range [][]rtcp.Packet{
		nackFor(1001, 1, 2, 3), {&rtcp.PictureLossIndication{MediaSSRC: 1001}}, {&rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 1001}}}},
		{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 1001}}}, &rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1, SSRCs: []uint32{1001}}},
	} {
		compound, err := rtcp.Marshal(packets)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(compound)
		f.Add(compound[:len(compound)-1])
	}
	f.Fuzz(func(t *testing.T, compound []byte) {
		w := newWorld(t, 1)
		h := w.host("host")
		w.router.apply(program(true, "host"))
		d, sent := w.viewer(2, nil)
		h.frame(1, 3000, true, true, 100, 99)
		h.send(stage.Audio, opusType, 1, 960, "sound")
		w.flush()
		n := len(sent.take())
		d.feedback(nil, compound)
		if again := len(sent.take()); again > n {
			t.Errorf("%d packets for %d", again, n)
		}
	})
}
