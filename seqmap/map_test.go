package seqmap

import (
	"testing"

	"pgregory.net/rapid"
)

// TestContinuity plays random sources, losses, reordering and switches, and checks what a receiver can see: numbers never repeat,
// a hole is only where the source had one, and whatever was forwarded is found again.
func TestContinuity(t *testing.T) {
	type sent struct {
		source int
		seq    uint64
		offset uint32
	}
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.Uint16().Draw(t, "first")
		m := New[int](first)
		next := map[int]uint64{} // next number of each source
		current, begun := 0, uint64(0)
		high := 1<<16 + uint64(first) - 1 // highest extended number seen by the receiver
		history := map[uint64]sent{}
		held := []uint64{} // packets of the current source that come late
		switches := 0

		number := func(source int) uint64 {
			if next[source] == 0 {
				next[source] = 1<<16 + rapid.Uint64Range(0, 1<<17).Draw(t, "start")
			}
			n := next[source]
			next[source]++
			return n
		}
		forward := func(seq uint64) {
			out, ts, ok := m.Forward(seq, uint32(seq*10))
			if ok != (seq >= begun) {
				t.Fatalf("Forward(%d) = %v in a segment from %d", seq, ok, begun)
			}
			if !ok {
				return
			}
			extended := high + uint64(int64(int16(uint16(out)-uint16(high)))) // what a receiver takes the number for
			if out != extended-firstCycle {
				t.Fatalf("the index is %d, a receiver counts %d", out, extended-firstCycle)
			}
			if _, twice := history[extended]; twice {
				t.Fatalf("number %d was used twice", out)
			}
			offset := ts - uint32(seq*10)
			history[extended] = sent{current, seq, offset}
			high = max(high, extended)
		}

		t.Repeat(map[string]func(*rapid.T){
			"packet": func(t *rapid.T) {
				if current != 0 {
					forward(number(current))
				}
			},
			"loss": func(t *rapid.T) {
				if current != 0 {
					number(current)
				}
			},
			"delay": func(t *rapid.T) {
				if current != 0 {
					held = append(held, number(current))
				}
			},
			"arrive late": func(t *rapid.T) {
				if len(held) > 0 {
					forward(held[0])
					held = held[1:]
				}
			},
			"switch": func(t *rapid.T) {
				source := rapid.IntRange(1, 4).Draw(t, "source")
				seq := number(source)
				if source != current || !m.Resume(source, seq) {
					m.Start(source, seq, uint32(seq*10), rapid.Uint32().Draw(t, "timestamp"))
				}
				current, begun, held = source, seq, nil
				switches++
				before := high
				forward(seq)
				if high != before+1 {
					t.Fatalf("a switch left a hole: %d after %d", high, before)
				}
				// What is older than the remembered segments may be gone; forget it here too.
				if switches > depth {
					clear(history)
					history[high] = sent{source, seq, func() uint32 { o, _ := m.Offset(source); return o }()}
					switches = 1
				}
			},
			"": func(t *rapid.T) {
				for extended, want := range history {
					if high-extended >= 1<<15-1 {
						continue
					}
					found, ok := m.Find(uint16(extended))
					if got := (sent{found.Source, found.Seq, found.Offset}); !ok || got != want || found.Index != extended-firstCycle {
						t.Fatalf("Find(%d) = %+v, %v; want %+v", uint16(extended), found, ok, want)
					}
				}
				if _, ok := m.Find(uint16(high + 1)); ok {
					t.Fatalf("a number that was not used yet was found")
				}
			},
		})
	})
}

func TestBeforeTheFirst(t *testing.T) {
	m := New[string](7)
	if _, _, ok := m.Forward(1, 1); ok {
		t.Error("a packet was forwarded without a segment")
	}
	if m.Resume("a", 1) {
		t.Error("resumed a source that never was")
	}
	if _, ok := m.Last(); ok {
		t.Error("a last timestamp before the first packet")
	}
	if _, ok := m.Offset("a"); ok {
		t.Error("an offset without a segment")
	}
	if _, ok := m.Find(7); ok {
		t.Error("found a packet that was never sent")
	}
}

func TestTimestamps(t *testing.T) {
	m := New[string](65535)
	m.Start("a", 100, 1000, 5000)
	if number, ts, ok := m.Forward(100, 1000); !ok || number != 65535 || ts != 5000 {
		t.Errorf("first packet is %d at %d, %v", number, ts, ok)
	}
	if number, ts, _ := m.Forward(102, 1100); number != 1<<16+1 || ts != 5100 {
		t.Errorf("third packet is %d at %d", number, ts)
	}
	if last, _ := m.Last(); last != 5100 {
		t.Errorf("Last = %d", last)
	}
	m.Forward(101, 1050)
	if last, _ := m.Last(); last != 5100 {
		t.Errorf("a late packet moved Last to %d", last)
	}
	m.Resume("a", 200)
	if number, ts, _ := m.Forward(200, 9000); number != 1<<16+2 || ts != 13000 {
		t.Errorf("after the gap: %d at %d; numbers go on, time shows the gap", number, ts)
	}
	m.Start("b", 5, 77, 13100)
	if _, _, ok := m.Forward(4, 70); ok {
		t.Error("a packet from before the segment was forwarded")
	}
	if offset, ok := m.Offset("b"); !ok || offset != 13100-77 {
		t.Errorf("Offset = %d, %v", offset, ok)
	}
}
