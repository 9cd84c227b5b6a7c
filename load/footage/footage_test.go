package footage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/pion/rtp/codecs"
	"pgregory.net/rapid"

	"streamcat/codec"
)

func TestMarkRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := NewRun()
		payload := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "payload")
		before := bytes.Clone(payload)
		m := Mark{
			Sent:   rapid.Int64Min(0).Draw(t, "sent"),
			Number: rapid.Uint64Max(1<<35-1).Draw(t, "number"),
			Source: rapid.Uint16Max(1<<14-1).Draw(t, "source"),
		}
		if fits := len(payload) >= MarkAt+MarkLen; m.Write(payload, run) != fits {
			t.Fatalf("written: %v, though there are %d bytes", !fits, len(payload))
		} else if !fits {
			if !bytes.Equal(payload, before) {
				t.Fatal("written where there is no room")
			}
			return
		}
		for i, b := range payload {
			inside := i >= MarkAt && i < MarkAt+MarkLen
			if !inside && b != before[i] || inside && b < 0x80 {
				t.Fatalf("byte %d is %#x", i, b)
			}
		}
		if got, ok := ReadMark(payload[:MarkAt+MarkLen], run); !ok || got != m {
			t.Fatalf("read %v, %v, want %v", got, ok, m)
		}
		other := run
		other[0] ^= 1
		if _, ok := ReadMark(payload, other); ok {
			t.Fatal("a mark of another run is read")
		}
	})
}

// units puts the payloads of a frame together again, with another implementation.
func units(t *testing.T, payloads [][]byte) [][]byte {
	t.Helper()
	var depacketizer codecs.H264Packet
	var stream []byte
	for _, p := range payloads {
		part, err := depacketizer.Unmarshal(p)
		if err != nil {
			t.Fatalf("unmarshal %x…: %v", p[:min(len(p), 8)], err)
		}
		stream = append(stream, part...)
	}
	return splitUnits(stream)
}

func kinds(units [][]byte) (kinds []byte) {
	for _, u := range units {
		kinds = append(kinds, u[0]&0x1f)
	}
	return kinds
}

func TestH264(t *testing.T) {
	const idr, slice, sei, sps, pps, filler = 5, 1, 6, 7, 8, 12
	run := NewRun()
	for _, test := range []struct {
		name       string
		size       Size
		bits       int
		key, other []byte // kinds of units
	}{
		{"720p", Size{1280, 720}, 2_500_000, []byte{sei, sps, pps, idr, filler}, []byte{sei, slice, filler, filler}},
		{"1080p, cropped", Size{1920, 1080}, 6_000_000, []byte{sei, sps, pps, idr, filler}, []byte{sei, slice, filler, filler}},
		{"small enough for one packet", Size{320, 180}, 20_000, []byte{sei, sps, pps, idr, filler}, []byte{sei, slice, filler}},
		{"odd", Size{322, 18}, 300_000, []byte{sei, sps, pps, idr, filler}, []byte{sei, slice, filler}},
	} {
		t.Run(test.name, func(t *testing.T) {
			video := NewH264(test.size, test.bits, 30, 60)
			total := 0
			for n := range 60 {
				key := n == 0
				payloads, isKey := video.Frame(key)
				if isKey != key {
					t.Fatalf("frame %d: keyframe %v", n, isKey)
				}
				marked := 0
				for i, p := range payloads {
					if len(p) == 0 || len(p) > MaxPayload {
						t.Fatalf("frame %d: payload of %d bytes", n, len(p))
					}
					if start := codec.H264KeyframeStart(p); start && !key || start != (i == 0) && key && i == 0 {
						t.Errorf("frame %d: packet %d begins a keyframe: %v", n, i, start)
					}
					coded := p[0]&0x1f == nalFUA && p[1]&0x1f == idr
					if m := (Mark{Number: uint64(i)}); !coded && m.Write(p, run) {
						marked++
					}
					total += len(p)
				}
				if want := len(payloads) - len(video.(*h264).idr)/(MaxPayload-2) - 1; marked < want {
					t.Errorf("frame %d: %d of %d packets have a mark, want %d", n, marked, len(payloads), want)
				}
				got := units(t, payloads)
				want := test.other
				if key {
					want = test.key
					width, height, ok := codec.H264Dimensions(payloads[0])
					if !ok || width != test.size.Width || height != test.size.Height {
						t.Errorf("dimensions %dx%d, %v", width, height, ok)
					}
					if !bytes.Equal(got[3], video.(*h264).idr) {
						t.Error("the slice is not what it was after packets and marks")
					}
				}
				if !bytes.Equal(kinds(got), want) {
					t.Fatalf("frame %d has units %v, want %v", n, kinds(got), want)
				}
			}
			if rate := total * 8 / 2; test.bits > 1_000_000 && (rate < test.bits*97/100 || rate > test.bits*103/100) {
				t.Errorf("%d bit/s, want %d", rate, test.bits)
			}
		})
	}
}

func TestVP8(t *testing.T) {
	video := NewVP8(Size{640, 360}, 1_000_000, 25, 50)
	run := NewRun()
	total := 0
	for n := range 50 {
		payloads, key := video.Frame(n == 0)
		if key != (n == 0) {
			t.Fatalf("frame %d: keyframe %v", n, key)
		}
		for i, p := range payloads {
			var d codecs.VP8Packet
			if _, err := d.Unmarshal(p); err != nil {
				t.Fatal(err)
			}
			if d.PictureID != uint16(n) || (d.S == 1) != (i == 0) {
				t.Errorf("frame %d, packet %d: picture %d, start %d", n, i, d.PictureID, d.S)
			}
			if !(Mark{}).Write(p, run) {
				t.Errorf("no room for a mark in %d bytes", len(p))
			}
			total += len(p)
		}
		if got := codec.VP8KeyframeStart(payloads[0]); got != key {
			t.Errorf("frame %d begins a keyframe: %v", n, got)
		}
		if key {
			if width, height, ok := codec.VP8Dimensions(payloads[0]); !ok || width != 640 || height != 360 {
				t.Errorf("dimensions %dx%d, %v", width, height, ok)
			}
		}
	}
	if rate := total * 8 / 2; rate < 950_000 || rate > 1_050_000 {
		t.Errorf("%d bit/s", rate)
	}
}

// TestOpus takes the packet apart as RFC 6716 3.2.5 has it.
func TestOpus(t *testing.T) {
	for bits, want := range map[int]int{6_000: MarkAt + MarkLen, 32_000: 80, 64_000: 160, 128_000: 320, 204_000: 510, 510_000: MaxPayload} {
		p := NewOpus(bits).Payload()
		if len(p) != want {
			t.Errorf("%d bit/s: %d bytes, want %d", bits, len(p), want)
		}
		if p[0]&3 != 3 || p[1] != 0x41 {
			t.Fatalf("%d bit/s: header %x", bits, p[:2])
		}
		padding, at := 0, 2
		for {
			b := int(p[at])
			at++
			if b == 255 {
				padding += 254
				continue
			}
			padding += b
			break
		}
		if frame := p[at : len(p)-padding]; !bytes.Equal(frame, []byte{0xff, 0xfe}) {
			t.Errorf("%d bit/s: frame %x", bits, frame)
		}
		if at+2 > MarkAt {
			t.Errorf("%d bit/s: the mark lies in the frame", bits)
		}
	}
}

// stream makes a byte stream of units.
func stream(units ...[]byte) (b []byte) {
	for i, u := range units {
		if i%2 == 0 {
			b = append(b, 0)
		}
		b = append(append(b, 0, 0, 1), u...)
	}
	return b
}

func TestClip(t *testing.T) {
	v := NewH264(Size{64, 64}, 100_000, 30, 60).(*h264)
	large := append([]byte{nalSlice, 0x9a}, bytes.Repeat([]byte{7}, 3*MaxPayload)...)
	second := []byte{nalSlice, 0x0a, 1} // of the same picture: does not begin with the first macroblock
	delimiter := []byte{9, 0xf0}
	clip, err := ReadClip(stream(delimiter, v.sps, v.pps, v.idr, delimiter, large, second, []byte{nalSlice, 0x9a, 2}, v.sps, v.pps, v.idr, []byte{nalSlice, 0x9a, 3}))
	if err != nil {
		t.Fatal(err)
	}
	if clip.Len() != 5 {
		t.Fatalf("%d pictures", clip.Len())
	}
	run := NewRun()
	video := NewClip(clip)
	if got, want := video.Format(), "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"; got != want {
		t.Errorf("format %s", got)
	}
	frame := func(ask bool) ([][]byte, bool) {
		payloads, key := video.Frame(ask)
		if !(Mark{Number: 1}).Write(payloads[0], run) {
			t.Error("no room for a mark")
		}
		return units(t, payloads), key
	}
	for n, want := range []struct {
		ask, key bool
		units    [][]byte
	}{
		{false, true, [][]byte{v.sps, v.pps, v.idr}},
		{false, false, [][]byte{large, second}},
		{true, true, [][]byte{v.sps, v.pps, v.idr}}, // jumps over a picture
		{false, false, [][]byte{{nalSlice, 0x9a, 3}}},
		{false, true, [][]byte{v.sps, v.pps, v.idr}}, // begins again
	} {
		got, key := frame(want.ask)
		if key != want.key || len(got) != 1+len(want.units) || got[0][0] != nalSEI {
			t.Fatalf("picture %d: keyframe %v, units %v", n, key, kinds(got))
		}
		for i, u := range want.units {
			if !bytes.Equal(got[1+i], u) {
				t.Errorf("picture %d: unit %d is %x, want %x", n, i, got[1+i], u)
			}
		}
	}
	for name, bad := range map[string][]byte{
		"nothing": nil, "no start code": {1, 2, 3}, "no keyframe first": stream(v.sps, v.pps, large), "no parameter sets": stream(v.idr),
		"unknown unit": stream([]byte{29, 1}), "empty slice": stream(v.sps, v.pps, []byte{nalIDR}),
	} {
		if _, err := ReadClip(bad); !errors.Is(err, ErrClip) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadClip(f *testing.F) {
	v := NewH264(Size{64, 64}, 100_000, 30, 60).(*h264)
	f.Add(stream(v.sps, v.pps, v.idr, []byte{nalSlice, 0x9a, 2}))
	f.Fuzz(func(t *testing.T, data []byte) {
		clip, err := ReadClip(data)
		if err != nil {
			return
		}
		video := NewClip(clip)
		for n := range clip.Len() + 1 {
			payloads, _ := video.Frame(n%3 == 2)
			for _, p := range payloads {
				if len(p) == 0 || len(p) > MaxPayload {
					t.Fatalf("payload of %d bytes", len(p))
				}
			}
			if got := int(binary.BigEndian.Uint16(payloads[0][1:])); got != seiUnit {
				t.Fatalf("the marked unit has %d bytes", got)
			}
		}
	})
}
