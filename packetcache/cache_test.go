package packetcache

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
)

func payload(n int) []byte { return fmt.Appendf(nil, "packet %d", n) }

func TestStoreAndLoad(t *testing.T) {
	c := New(100) // rounded up to 128
	if _, ok := c.Newest(); ok {
		t.Error("an empty cache has a newest packet")
	}
	var last uint64
	for i := range 300 {
		seq, ok := c.Store(uint16(65000+i*3%65536), Header{Timestamp: uint32(i), PayloadType: 96}, payload(i))
		if !ok {
			t.Fatalf("packet %d was refused", i)
		}
		if i > 0 && seq != last+3 {
			t.Fatalf("packet %d got number %d after %d: the wrap is not followed", i, seq, last)
		}
		last = seq
		header, got, ok := c.Load(seq, nil)
		if !ok || header.Timestamp != uint32(i) || header.PayloadType != 96 || !bytes.Equal(got, payload(i)) {
			t.Fatalf("packet %d came back as %+v %q %v", i, header, got, ok)
		}
	}
	if newest, ok := c.Newest(); !ok || newest != last {
		t.Errorf("Newest = %d, %v; want %d", newest, ok, last)
	}
	if _, _, ok := c.Load(last-128*3, nil); ok {
		t.Error("a packet that was overwritten is still there")
	}
	if _, _, ok := c.Load(last-1, nil); ok {
		t.Error("a packet that never came is there")
	}
	if _, _, ok := c.Load(0, nil); ok {
		t.Error("number 0 is there")
	}
}

func TestLatePackets(t *testing.T) {
	c := New(16)
	first, _ := c.Store(3, Header{}, payload(3))
	if seq, ok := c.Store(65534, Header{}, payload(1)); !ok || seq != first-5 {
		t.Errorf("a packet from before the first, across the wrap: %d, %v; want %d", seq, ok, first-5)
	}
	if _, ok := c.Store(3, Header{}, payload(3)); ok {
		t.Error("a duplicate was stored")
	}
	c.Store(100, Header{}, payload(100))
	if _, ok := c.Store(84, Header{}, payload(84)); ok {
		t.Error("a packet older than the ring was stored")
	}
	if seq, ok := c.Store(85, Header{}, payload(85)); !ok || seq != first+82 {
		t.Errorf("the oldest packet that fits: %d, %v", seq, ok)
	}
	if newest, _ := c.Newest(); newest != first+97 {
		t.Errorf("a late packet became the newest: %d", newest)
	}
}

func TestKeyframe(t *testing.T) {
	c := New(8)
	if _, ok := c.Keyframe(); ok {
		t.Error("an empty cache has a keyframe")
	}
	c.Store(1, Header{}, nil)
	want, _ := c.Store(2, Header{Keyframe: true}, nil)
	c.Store(3, Header{}, nil)
	if got, ok := c.Keyframe(); !ok || got != want {
		t.Errorf("Keyframe = %d, %v; want %d", got, ok, want)
	}
	for i := range 8 {
		c.Store(uint16(4+i), Header{}, nil)
	}
	if _, ok := c.Keyframe(); ok {
		t.Error("a keyframe that was overwritten is still offered")
	}
}

func TestConcurrentReaders(t *testing.T) {
	c := New(64)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			var buf []byte
			for {
				select {
				case <-done:
					return
				default:
				}
				newest, _ := c.Newest()
				var ok bool
				var header Header
				if header, buf, ok = c.Load(newest, buf); ok && !bytes.Equal(buf, payload(int(header.Timestamp))) {
					t.Errorf("packet %d has the payload %q", header.Timestamp, buf)
					return
				}
			}
		})
	}
	for i := range 20000 {
		c.Store(uint16(i), Header{Timestamp: uint32(i)}, payload(i))
	}
	close(done)
	wg.Wait()
}

func TestNoAllocation(t *testing.T) {
	c := New(64)
	data := make([]byte, 1200)
	buf := make([]byte, 0, 1500)
	number := uint16(0)
	for range 64 {
		c.Store(number, Header{}, data)
		number++
	}
	allocs := testing.AllocsPerRun(1000, func() {
		seq, _ := c.Store(number, Header{}, data)
		number++
		_, buf, _ = c.Load(seq, buf)
	})
	if allocs != 0 {
		t.Errorf("%v allocations for a packet", allocs)
	}
}

func BenchmarkStoreLoad(b *testing.B) {
	c := New(1024)
	data := make([]byte, 1200)
	buf := make([]byte, 0, 1500)
	b.ReportAllocs()
	for i := range b.N {
		seq, _ := c.Store(uint16(i), Header{}, data)
		_, buf, _ = c.Load(seq, buf)
	}
}
