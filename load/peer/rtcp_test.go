package peer

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtcp"
	"pgregory.net/rapid"
)

// decode reads a compound packet with another implementation.
func decode(t *rapid.T, compound []byte) []rtcp.Packet {
	packets, err := rtcp.Unmarshal(compound)
	if err != nil {
		t.Fatalf("unmarshal %x: %v", compound, err)
	}
	return packets
}

func TestReportsAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reports := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Report {
			return Report{
				SSRC: rapid.Uint32().Draw(t, "ssrc"), Fraction: rapid.Uint8().Draw(t, "fraction"), Lost: rapid.Int32Range(0, 1<<23-1).Draw(t, "lost"),
				Highest: rapid.Uint32().Draw(t, "highest"), Jitter: rapid.Uint32().Draw(t, "jitter"), LastSR: rapid.Uint32().Draw(t, "last"), Delay: rapid.Uint32().Draw(t, "delay"),
			}
		}), 0, 70).Draw(t, "reports")
		var got []Report
		for _, p := range decode(t, AppendReceiverReport(nil, 7, reports)) {
			if rr, ok := p.(*rtcp.ReceiverReport); ok {
				for _, r := range rr.Reports {
					got = append(got, Report{r.SSRC, r.FractionLost, int32(r.TotalLost), r.LastSequenceNumber, r.Jitter, r.LastSenderReport, r.Delay})
				}
			}
		}
		if !slices.Equal(got, reports) {
			t.Fatal(cmp.Diff(reports, got))
		}
	})
}

func TestFeedbackAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.Uint16().Draw(t, "start")
		var numbers []uint16
		for _, step := range rapid.SliceOfN(rapid.Uint16Range(1, 40), 1, 64).Draw(t, "steps") {
			start += step
			numbers = append(numbers, start)
		}
		bits := rapid.Uint64Range(1, 1<<40).Draw(t, "bits")
		compound := AppendSenderReport(nil, 9, 1<<40, 2, 3, 4)
		compound = AppendPLI(compound, 9, 10)
		compound = AppendNACK(compound, 9, 11, numbers)
		compound = AppendREMB(compound, 9, bits, []uint32{12, 13})
		packets := decode(t, compound)
		if len(packets) != 5 {
			t.Fatalf("%d packets", len(packets))
		}
		if sr := packets[0].(*rtcp.SenderReport); sr.SSRC != 9 || sr.NTPTime != 1<<40 || sr.RTPTime != 2 || sr.PacketCount != 3 || sr.OctetCount != 4 {
			t.Fatalf("sender report %v", sr)
		}
		if pli := packets[2].(*rtcp.PictureLossIndication); pli.SenderSSRC != 9 || pli.MediaSSRC != 10 {
			t.Fatalf("PLI %v", pli)
		}
		var asked []uint16
		for _, pair := range packets[3].(*rtcp.TransportLayerNack).Nacks {
			asked = append(asked, pair.PacketList()...)
		}
		if !slices.Equal(asked, numbers) {
			t.Fatalf("NACK of %v, want %v", asked, numbers)
		}
		remb := packets[4].(*rtcp.ReceiverEstimatedMaximumBitrate)
		if got := float64(remb.Bitrate); got > float64(bits) || got < float64(bits)*0.9999 || !slices.Equal(remb.SSRCs, []uint32{12, 13}) {
			t.Fatalf("estimate %v, want %d", remb, bits)
		}

		// And what it says is read back.
		var controls []Control
		asked = nil
		EachControl(compound, func(c Control) {
			c.EachLost(func(n uint16) { asked = append(asked, n) })
			c.Lost = nil
			controls = append(controls, c)
		})
		want := []Control{{SSRC: 9, SenderReport: true, NTP: 1 << 24}, {SSRC: 9, Media: 10, Keyframe: true}, {SSRC: 9, Media: 11}}
		if diff := cmp.Diff(want, controls); diff != "" || !slices.Equal(asked, numbers) {
			t.Fatalf("read back (-want +got):\n%s %v", diff, asked)
		}
	})
}

func TestFullIntraRequest(t *testing.T) {
	compound, err := (&rtcp.FullIntraRequest{SenderSSRC: 1, FIR: []rtcp.FIREntry{{SSRC: 5}, {SSRC: 6}}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var media []uint32
	EachControl(compound, func(c Control) {
		if c.Keyframe {
			media = append(media, c.Media)
		}
	})
	if !slices.Equal(media, []uint32{5, 6}) {
		t.Errorf("asked for keyframes of %v", media)
	}
}

func FuzzEachControl(f *testing.F) {
	f.Add(AppendNACK(AppendSenderReport(nil, 1, 2, 3, 4, 5), 6, 7, []uint16{8, 9}))
	f.Fuzz(func(t *testing.T, compound []byte) {
		EachControl(compound, func(c Control) { c.EachLost(func(uint16) {}) })
	})
}

// TestArrivalsAgainstOracle notes packets that come late, twice or not at all, and reads the feedback with another implementation.
func TestArrivalsAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a Arrivals
		next := rapid.Uint16().Draw(t, "first")
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano()
		for round := range 3 {
			at := map[uint16]int64{}
			first := next
			for range rapid.IntRange(1, 60).Draw(t, "packets") {
				now += rapid.Int64Range(0, 90e6).Draw(t, "wait")
				if rapid.IntRange(0, 9).Draw(t, "fate") > 0 || len(at) == 0 && round == 0 {
					a.Note(next, now)
					at[next] = now
				}
				next++
			}
			feedback := a.AppendFeedback(nil, 1, 2)
			if len(at) == 0 {
				if len(feedback) != 0 {
					t.Fatal("feedback of nothing")
				}
				continue
			}
			cc, ok := decode(t, feedback)[0].(*rtcp.TransportLayerCC)
			if !ok || cc.FbPktCount != a.round-1 || cc.MediaSSRC != 2 {
				t.Fatalf("not feedback: %v", cc)
			}
			var symbols []uint16
			for _, chunk := range cc.PacketChunks {
				switch c := chunk.(type) {
				case *rtcp.RunLengthChunk:
					for range c.RunLength {
						symbols = append(symbols, c.PacketStatusSymbol)
					}
				case *rtcp.StatusVectorChunk:
					symbols = append(symbols, c.SymbolList...)
				}
			}
			// Numbers before the first report of this round that were missed at the end of the last one are in it too.
			if base := cc.BaseSequenceNumber; base != a.next-cc.PacketStatusCount || int16(first-base) < 0 {
				t.Fatalf("begins with %d", base)
			}
			clock, deltas := int64(cc.ReferenceTime)*64, cc.RecvDeltas
			micros := clock * 1000
			for i, symbol := range symbols[:cc.PacketStatusCount] {
				number := cc.BaseSequenceNumber + uint16(i)
				when, came := at[number]
				if came != (symbol != rtcp.TypeTCCPacketNotReceived) {
					t.Fatalf("packet %d: came %v, symbol %d", number, came, symbol)
				}
				if !came {
					continue
				}
				micros += deltas[0].Delta
				deltas = deltas[1:]
				// The reference time has 24 bits of 64 ms.
				if got, want := micros, when/250_000*250%(1<<24*64_000); got != want {
					t.Fatalf("packet %d came at %d µs, reported %d", number, want, got)
				}
			}
			if len(deltas) != 0 {
				t.Fatalf("%d times too many", len(deltas))
			}
		}
	})
}
