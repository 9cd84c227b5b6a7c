package load

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/pion/rtp"
	"pgregory.net/rapid"

	"streamcat/load/footage"
	"streamcat/load/peer"
)

// TestTakeAgainstModel loses, repeats and reorders packets, and counts with sets.
func TestTakeAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := stream{kind: peer.Video, source: -1}
		next := int64(rapid.Uint16().Draw(t, "first"))
		first := next
		seen := map[int64]bool{}
		holes := int64(0)
		for range rapid.IntRange(1, 400).Draw(t, "packets") {
			number := next
			if len(seen) > 0 && rapid.IntRange(0, 4).Draw(t, "old") == 0 {
				number = max(first, next-int64(rapid.IntRange(1, windowLen-1).Draw(t, "back")))
			} else if len(seen) == 0 {
				next++
			} else {
				number += int64(rapid.SampledFrom([]int{0, 0, 0, 0, 1, 3, 100}).Draw(t, "skip"))
				next = number + 1
			}
			got, where, gap := s.take(uint16(number))
			if got != number {
				t.Fatalf("number %d is taken for %d", number, got)
			}
			switch {
			case seen[number]:
				if where != repeated {
					t.Fatalf("%d again: %v", number, where)
				}
			case where == newest:
				holes += gap
			case where == late:
				holes--
			default:
				t.Fatalf("%d: %v", number, where)
			}
			seen[number] = true
		}
		if want := s.high - first + 1 - int64(len(seen)); holes != want || s.received != int64(len(seen)) {
			t.Fatalf("%d holes, want %d; received %d of %d", holes, want, s.received, len(seen))
		}
	})
}

func TestRollOver(t *testing.T) {
	var s stream
	for i := range int64(200_000) {
		if number, where, gap := s.take(uint16(65_000 + i)); number != 65_000+i || where != newest || gap != 0 {
			t.Fatalf("packet %d is %d, %v, %d", i, number, where, gap)
		}
	}
	if _, where, _ := s.take(uint16(s.high - windowLen)); where != tooLate {
		t.Errorf("a packet from long ago: %v", where)
	}
	if r := s.report(0); r.Highest != uint32(s.high) || r.Lost != 0 || r.Fraction != 0 {
		t.Errorf("report %+v", r)
	}
}

// TestMissing asks again and again, and then gives up.
func TestMissing(t *testing.T) {
	s := stream{kind: peer.Video}
	s.take(10)
	number, _, gap := s.take(14)
	s.miss(number, gap, 1000)
	if got := s.due(nil, 1000); !slices.Equal(got, []uint16{11, 12, 13}) {
		t.Fatalf("asks for %v", got)
	}
	s.take(12)
	if got := s.due(nil, 1000+nackEvery/2); len(got) != 0 {
		t.Errorf("asks for %v too soon", got)
	}
	for n := range maxNACKs - 1 {
		if got := s.due(nil, 1000+int64(n+1)*nackEvery); !slices.Equal(got, []uint16{11, 13}) {
			t.Fatalf("asks for %v", got)
		}
	}
	if got := s.due(nil, 1e15); len(got) != 0 || !s.gaveUp || len(s.missing) != 0 {
		t.Errorf("still asks for %v", got)
	}
	number, _, gap = s.take(14 + maxMissing + 10)
	s.gaveUp = false
	s.miss(number, gap, 0)
	if len(s.missing) != 0 || !s.gaveUp {
		t.Error("asks for the packets of a gap that is too large")
	}
}

// TestFollow: a server that leaves packets out and closes the gap in the numbers is found out.
func TestFollow(t *testing.T) {
	s := stream{kind: peer.Video, source: -1}
	sequence, total := uint16(65_530), int64(0)
	send := func(source uint16, number uint64) {
		s.take(sequence)
		sequence++
		total += s.follow(footage.Mark{Source: source, Number: number})
	}
	for n := range uint64(20) {
		send(1, 100+n)
	}
	if total != 0 {
		t.Fatalf("%d left out of nothing", total)
	}
	send(1, 123) // 120, 121 and 122 are not there
	if total != 3 {
		t.Errorf("%d left out, want 3", total)
	}
	sequence++ // one is on its way
	send(1, 125)
	if total != 4 {
		t.Errorf("%d left out, want 4", total)
	}
	s.take(sequence - 2) // and comes
	send(1, 126)
	if total != 3 {
		t.Errorf("%d left out after the repair, want 3", total)
	}
	send(2, 7) // another layer
	send(2, 8)
	if total != 3 {
		t.Errorf("%d left out after a change of layers, want 3", total)
	}
	s.take(sequence) // a packet of the server's own
	sequence++
	send(2, 9)
	send(2, 11)
	if total != 4 {
		t.Errorf("%d left out after padding, want 4", total)
	}
}

// TestComplete needs every packet of a keyframe, in any order.
func TestComplete(t *testing.T) {
	type packet struct {
		number int64
		time   uint32
		marker bool
		key    bool
	}
	for name, test := range map[string]struct {
		packets []packet
		at      int // which one completes it, -1 for none
	}{
		"in order":          {[]packet{{1, 9, true, false}, {2, 10, false, true}, {3, 10, false, true}, {4, 10, true, false}}, 3},
		"one packet":        {[]packet{{2, 10, true, true}}, 0},
		"the last overtook": {[]packet{{2, 10, false, true}, {4, 10, true, false}, {3, 10, false, false}}, 2},
		"one lost":          {[]packet{{2, 10, false, true}, {4, 10, true, false}, {5, 11, true, false}}, -1},
		"the next one":      {[]packet{{2, 10, false, true}, {4, 10, true, false}, {5, 11, true, true}}, 2},
		"no keyframe":       {[]packet{{2, 10, false, false}, {3, 10, true, false}}, -1},
	} {
		var s stream
		at := -1
		for i, p := range test.packets {
			if s.complete(p.number, p.time, p.marker, p.key) && at < 0 {
				at = i
			}
		}
		if at != test.at {
			t.Errorf("%s: complete after %d, want %d", name, at, test.at)
		}
	}
}

func TestReportAndJitter(t *testing.T) {
	s := stream{kind: peer.Video, ssrc: 7}
	at := int64(1e18)
	for n := range 100 {
		if n%4 == 3 {
			continue // lost
		}
		s.take(uint16(n))
		jolt := int64(n%2) * 10e6 // every other packet 10 ms late
		s.observe(uint32(n*3000), at+int64(n)*33_333_333+jolt)
	}
	s.lastSR, s.lastSRAt = 5, at
	r := s.report(at + 2e9)
	// The last of a hundred is lost but not known to be.
	if r.SSRC != 7 || r.Highest != 98 || r.Lost != 24 || r.Fraction != 24*256/99 || r.LastSR != 5 || r.Delay != 2<<16 {
		t.Errorf("report %+v", r)
	}
	if r.Jitter < 500 || r.Jitter > 900 { // of at most 10 ms
		t.Errorf("jitter %d", r.Jitter)
	}
	if r = s.report(at); r.Fraction != 0 || r.Lost != 24 {
		t.Errorf("second report %+v", r)
	}
}

// TestHeaderAgainstOracle reads headers that another implementation wrote.
func TestHeaderAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rtp.Packet{Header: rtp.Header{
			Version: 2, Marker: rapid.Bool().Draw(t, "marker"), PayloadType: rapid.Uint8Max(127).Draw(t, "type"),
			SequenceNumber: rapid.Uint16().Draw(t, "number"), Timestamp: rapid.Uint32().Draw(t, "time"), SSRC: rapid.Uint32().Draw(t, "ssrc"),
			CSRC: rapid.SliceOfN(rapid.Uint32(), 0, 15).Draw(t, "csrc"),
		}, Payload: []byte{1, 2, 3}}
		want := map[uint8][]byte{}
		for _, id := range rapid.SliceOfDistinct(rapid.Uint8Range(1, 14), rapid.ID).Draw(t, "extensions") {
			want[id] = rapid.SliceOfN(rapid.Byte(), 1, 16).Draw(t, "value")
			if err := p.SetExtension(id, want[id]); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		h, ok := readHeader(raw)
		if !ok || h.length != len(raw)-3 || h.marker != p.Marker || h.payloadType != p.PayloadType || h.sequence != p.SequenceNumber || h.timestamp != p.Timestamp || h.ssrc != p.SSRC {
			t.Fatalf("read %+v of %v", h, p)
		}
		for id := range uint8(15) {
			if id > 0 && !slices.Equal(h.extension(id), want[id]) {
				t.Fatalf("extension %d is %x, want %x", id, h.extension(id), want[id])
			}
		}
		for n := range h.length {
			if _, ok := readHeader(raw[:n]); ok {
				t.Fatalf("a header of %d bytes is read of %d", h.length, n)
			}
		}
	})
}

func FuzzReadHeader(f *testing.F) {
	f.Add(binary.BigEndian.AppendUint32([]byte{0x90, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1}, 0x10203040))
	f.Fuzz(func(t *testing.T, packet []byte) {
		h, ok := readHeader(packet)
		if ok && h.length > len(packet) {
			t.Error("longer than the packet")
		}
		for id := range uint8(16) {
			h.extension(id)
		}
	})
}

// TestExtensions: what a source writes, a receiver reads.
func TestExtensions(t *testing.T) {
	s := newSource(0, 111)
	s.extend(0, "not agreed")
	s.extend(3, "\x94")
	s.extend(1, "0")
	s.extend(2, "quarter")
	raw := append([]byte{0x90, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, s.extension...)
	h, ok := readHeader(raw)
	if !ok || h.length != len(raw) || string(h.extension(3)) != "\x94" || string(h.extension(1)) != "0" || string(h.extension(2)) != "quarter" || h.extension(4) != nil {
		t.Errorf("%x is read as %+v", raw, h)
	}
}
