package sfu

import (
	"fmt"
	"testing"

	"github.com/pion/rtp"

	"streamcat/transport"
)

// nowhere is a transport that sends nothing: what remains is the engine's own cost.
type nowhere struct{ sent int }

func (n *nowhere) AppendRTP(*transport.Batch, []byte, []byte, uint64) error { n.sent++; return nil }
func (n *nowhere) AppendRTCP(*transport.Batch, []byte) error                { return nil }

func fanout(t testing.TB, viewers int) (forward func(), sent func() int) {
	w := newWorld(t, 1)
	h := w.host("host")
	w.router.apply(program(true, "host"))
	sinks := make([]*nowhere, viewers)
	for i := range sinks {
		sinks[i] = &nowhere{}
		d := &downlink{participant: "viewer", audience: true, ready: true, counters: &w.engine.counters, ended: func(error) {}, over: func() bool { return false }}
		d.open(sinks[i], fakeSections(12))
		w.router.addDownlink(d)
	}
	p := &rtp.Packet{Header: rtp.Header{PayloadType: vp8Type}, Payload: append([]byte(vp8Key), make([]byte, 1186)...)}
	forward = func() {
		p.SequenceNumber++
		p.Timestamp += 3000
		h.video.take(p)
		w.flush()
		p.Payload[1] = 1 // no keyframe any more
	}
	return forward, func() (n int) {
		for _, s := range sinks {
			n += s.sent
		}
		return n
	}
}

// BenchmarkFanout forwards one packet to many viewers of twelve slots each.
func BenchmarkFanout(b *testing.B) {
	for _, viewers := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("viewers=%d", viewers), func(b *testing.B) {
			forward, _ := fanout(b, viewers)
			for range videoCache {
				forward() // fill the cache
			}
			b.ReportAllocs()
			for b.Loop() {
				forward()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*viewers), "ns/packet")
		})
	}
}

func TestFanoutDoesNotAllocate(t *testing.T) {
	const viewers = 10
	forward, sent := fanout(t, viewers)
	for range videoCache {
		forward()
	}
	before := sent()
	if allocs := testing.AllocsPerRun(500, forward); allocs != 0 {
		t.Errorf("%v allocations for a packet to %d viewers", allocs, viewers)
	}
	if n := sent() - before; n != 501*viewers { // AllocsPerRun warms up with one run
		t.Errorf("%d packets were sent", n)
	}
}
