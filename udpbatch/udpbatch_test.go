package udpbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const testBuffer = 4 << 20

// patience is how long a test waits for a datagram on loopback before it calls it lost.
const patience = 10 * time.Second

func listen(t testing.TB, network, address string, o Options) *Conn {
	t.Helper()
	o.ReceiveBuffer = max(o.ReceiveBuffer, testBuffer)
	c, err := Listen(t.Context(), network, address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return c
}

// sink is where datagrams arrive.
type sink struct {
	c       *Conn
	r       *Reader
	address netip.AddrPort // as senders name it
}

func newSink(t testing.TB, network, address string, o Options) *sink {
	t.Helper()
	c := listen(t, network, address, o)
	return &sink{c: c, r: c.NewReader(8, 1<<16), address: c.LocalAddr()}
}

type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// expect receives as many datagrams as are wanted, and compares them in order.
func (s *sink) expect(t fataler, want [][]byte) {
	t.Helper()
	if err := s.c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for len(want) > 0 {
		if err := s.r.Read(); err != nil {
			t.Fatalf("%d datagrams missing: %v", len(want), err)
		}
		for {
			got, _, ok := s.r.Next()
			if !ok {
				break
			}
			if len(want) == 0 {
				t.Fatal("more datagrams than were sent")
			}
			if !bytes.Equal(got, want[0]) {
				t.Fatalf("got %d bytes (%.20x), want %d (%.20x)", len(got), got, len(want[0]), want[0])
			}
			want = want[1:]
		}
	}
}

// pattern makes a datagram that is not like any other.
func pattern(number uint64, size int) []byte {
	b := make([]byte, max(size, 8))
	for i := range b {
		b[i] = byte(number) ^ byte(i*7)
	}
	binary.BigEndian.PutUint64(b, number)
	return b[:size]
}

// paths are the ways to send, each of which every system falls back to the next of.
var paths = []struct {
	name  string
	force func(*Conn)
}{
	{"best", func(*Conn) {}},
	{"whole datagrams", func(c *Conn) { c.segment.Store(false) }},
	{"one by one", func(c *Conn) { c.segment.Store(false); c.batched.Store(false) }},
	{"one by one, of runs", func(c *Conn) { c.batched.Store(false) }},
}

// TestDelivery sends random datagrams from all kinds of socket over all paths, and expects each destination to get its own, in order.
func TestDelivery(t *testing.T) {
	for _, sockets := range []struct{ name, network, address, sinkNetwork, sinkAddress string }{
		{"IPv4", "udp4", "127.0.0.1:0", "udp4", "127.0.0.1:0"},
		{"IPv6", "udp6", "[::1]:0", "udp6", "[::1]:0"},
		{"both to IPv4", "udp", ":0", "udp4", "127.0.0.1:0"},
		{"both to IPv6", "udp", ":0", "udp6", "[::1]:0"},
	} {
		for _, path := range paths {
			t.Run(sockets.name+"/"+path.name, func(t *testing.T) {
				c := listen(t, sockets.network, sockets.address, Options{})
				path.force(c)
				var sinks []*sink
				for i := range 3 {
					sinks = append(sinks, newSink(t, sockets.sinkNetwork, sockets.sinkAddress, Options{Coalesce: i > 0}))
				}
				number := uint64(0)
				rapid.Check(t, func(t *rapid.T) {
					number = testDelivery(t, c, sinks, number)
				})
				if s := c.Stats(); s.Datagrams != number || s.Dropped+s.Failed+s.NoBuffer+s.Refused != 0 {
					t.Errorf("stats %+v after %d datagrams", s, number)
				}
			})
		}
	}
}

func testDelivery(t *rapid.T, c *Conn, sinks []*sink, number uint64) uint64 {
	// An arena of this size lets one batch fill a receive buffer by half at most.
	b := c.NewBatch(rapid.SampledFrom([]int{1, 3, 64}).Draw(t, "messages"), rapid.SampledFrom([]int{maxDatagram, 200_000}).Draw(t, "arena"))
	want := make([][][]byte, len(sinks))
	size := 1200
	for range rapid.IntRange(1, 40).Draw(t, "rows") {
		to := rapid.IntRange(0, len(sinks)-1).Draw(t, "to")
		size = rapid.OneOf(rapid.Just(size), rapid.IntRange(1, 1500), rapid.SampledFrom([]int{1, 1216, 9000, maxDatagram})).Draw(t, "size")
		inPlace := rapid.Uint64().Draw(t, "in place") // a bit for each
		for i := range rapid.IntRange(1, max(1, min(70, 20_000/size))).Draw(t, "datagrams") {
			number++
			datagram := pattern(number, size)
			want[to] = append(want[to], datagram)
			if inPlace>>(i%64)&1 == 0 {
				room, err := b.Room(size)
				if err != nil {
					t.Fatal(err)
				}
				datagram = append(room, datagram...)
			}
			if err := b.Add(sinks[to].address, datagram); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	if b.Len() != 0 {
		t.Fatalf("%d bytes left after a flush", b.Len())
	}
	for i := range sinks {
		sinks[i].expect(t, want[i])
	}
	return number
}

// TestLargeBurst queues more for one destination than one message can have, both in number and in bytes.
func TestLargeBurst(t *testing.T) {
	for _, test := range []struct{ size, count int }{{100, 200}, {1216, 150}, {30_000, 5}} {
		t.Run(fmt.Sprintf("%d of %d bytes", test.count, test.size), func(t *testing.T) {
			c, s := listen(t, "udp4", "127.0.0.1:0", Options{}), newSink(t, "udp4", "127.0.0.1:0", Options{Coalesce: true})
			b := c.NewBatch(64, 1<<20)
			var want [][]byte
			for i := range test.count {
				want = append(want, pattern(uint64(i), test.size))
				if err := b.Add(s.address, want[i]); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Flush(); err != nil {
				t.Fatal(err)
			}
			s.expect(t, want)
			stats := c.Stats()
			if stats.Datagrams != uint64(test.count) || stats.Bytes != uint64(test.count*test.size) {
				t.Errorf("stats %+v", stats)
			}
			most := min(maxSegments, maxDatagram/test.size)
			if messages := uint64((test.count + most - 1) / most); c.Segments() && (stats.Messages != messages || stats.Calls != 1) {
				t.Errorf("%d messages in %d calls, want %d in one", stats.Messages, stats.Calls, messages)
			}
		})
	}
}

func TestRuns(t *testing.T) {
	one, two := netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:2")
	mapped := netip.AddrPortFrom(netip.AddrFrom16(one.Addr().As16()), one.Port())
	type packet struct {
		to   netip.AddrPort
		size int
	}
	for _, test := range []struct {
		name    string
		packets []packet
		want    []int // datagrams of each run
	}{
		{"equal", []packet{{one, 10}, {one, 10}, {one, 10}}, []int{3}},
		{"shorter last", []packet{{one, 10}, {one, 10}, {one, 9}}, []int{3}},
		{"nothing behind the shorter", []packet{{one, 10}, {one, 9}, {one, 9}}, []int{2, 1}},
		{"longer", []packet{{one, 10}, {one, 11}}, []int{1, 1}},
		{"other destination", []packet{{one, 10}, {two, 10}, {one, 10}}, []int{1, 1, 1}},
		{"same destination, mapped", []packet{{one, 10}, {mapped, 10}}, []int{2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := listen(t, "udp4", "127.0.0.1:0", Options{})
			c.segment.Store(true)
			b := c.NewBatch(10, 1000)
			for _, p := range test.packets {
				if err := b.Add(p.to, make([]byte, p.size)); err != nil {
					t.Fatal(err)
				}
			}
			var got []int
			for _, r := range b.runs {
				got = append(got, r.count)
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("runs of %v datagrams, want %v", got, test.want)
			}
		})
	}
}

// TestRoomTooFull builds a datagram in place when there is nothing free, so that the batch is flushed under it.
func TestRoomTooFull(t *testing.T) {
	c, s := listen(t, "udp4", "127.0.0.1:0", Options{}), newSink(t, "udp4", "127.0.0.1:0", Options{})
	other := newSink(t, "udp4", "127.0.0.1:0", Options{})
	b := c.NewBatch(1, 100)
	room, err := b.Room(30)
	if err != nil {
		t.Fatal(err)
	}
	first := append(room, pattern(1, 30)...)
	if err := b.Add(s.address, first); err != nil {
		t.Fatal(err)
	}
	// Not asked for room: it lies behind the first one by chance, and there is no place for another run.
	stray := append(b.arena[30:30:100], pattern(2, 30)...)
	if err := b.Add(other.address, stray); err != nil {
		t.Fatal(err)
	}
	if room, err := b.Room(90); err != nil || cap(room) < 90 {
		t.Fatalf("room for %d bytes, %v", cap(room), err)
	}
	if err := b.Add(s.address, pattern(3, 100)); err != nil { // fills the arena
		t.Fatal(err)
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	s.expect(t, [][]byte{pattern(1, 30), pattern(3, 100)})
	other.expect(t, [][]byte{pattern(2, 30)})
}

func TestRefused(t *testing.T) {
	v4, v6 := netip.MustParseAddrPort("127.0.0.1:9"), netip.MustParseAddrPort("[::1]:9")
	for _, test := range []struct {
		name, network, address string
		to                     netip.AddrPort
		size                   int
		want                   error
	}{
		{"empty", "udp4", "127.0.0.1:0", v4, 0, ErrSize},
		{"larger than the arena", "udp4", "127.0.0.1:0", v4, 1001, ErrSize},
		{"no address", "udp4", "127.0.0.1:0", netip.AddrPort{}, 1, ErrAddress},
		{"IPv6 from an IPv4 socket", "udp4", "127.0.0.1:0", v6, 1, ErrAddress},
		{"IPv4 from an IPv6 socket", "udp6", "[::1]:0", v4, 1, ErrAddress},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := listen(t, test.network, test.address, Options{})
			if test.name == "IPv4 from an IPv6 socket" && c.versions&ipv4 != 0 {
				c.versions = ipv6 // this system does not say what a socket sends
			}
			b := c.NewBatch(1, 1000)
			if err := b.Add(test.to, make([]byte, test.size)); !errors.Is(err, test.want) {
				t.Errorf("Add: %v, want %v", err, test.want)
			}
			if test.want == ErrAddress {
				if err := c.Send(test.to, []byte{1}); !errors.Is(err, ErrAddress) {
					t.Errorf("Send: %v", err)
				}
			}
			if _, err := b.Room(1001); !errors.Is(err, ErrSize) {
				t.Errorf("Room: %v", err)
			}
			if err := b.Flush(); err != nil || c.Stats().Datagrams != 0 {
				t.Errorf("flush: %v, stats %+v", err, c.Stats())
			}
		})
	}
	b := listen(t, "udp4", "127.0.0.1:0", Options{}).NewBatch(1, 1<<20)
	if err := b.Add(v4, make([]byte, maxDatagram+1)); !errors.Is(err, ErrSize) {
		t.Errorf("longer than UDP: %v", err)
	}
}

func TestClosed(t *testing.T) {
	for _, path := range paths {
		t.Run(path.name, func(t *testing.T) {
			c, s := listen(t, "udp4", "127.0.0.1:0", Options{}), newSink(t, "udp4", "127.0.0.1:0", Options{})
			path.force(c)
			b := c.NewBatch(4, 1000)
			for range 3 {
				if err := b.Add(s.address, []byte("late")); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			if err := b.Flush(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("flush: %v", err)
			}
			if s := c.Stats(); s.Failed != 3 || s.Datagrams != 0 {
				t.Errorf("stats %+v", s)
			}
			if err := b.Flush(); err != nil {
				t.Errorf("flush of nothing: %v", err)
			}
			if err := c.NewReader(1, 10).Read(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("read: %v", err)
			}
		})
	}
}

func TestCloseEndsRead(t *testing.T) {
	c := listen(t, "udp4", "127.0.0.1:0", Options{})
	done := make(chan error)
	go func() { done <- c.NewReader(4, 100).Read() }()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("read: %v", err)
	}
}

func TestReader(t *testing.T) {
	both := listen(t, "udp", ":0", Options{})
	port := both.LocalAddr().Port()
	r := both.NewReader(2, 100)
	for _, address := range []string{"127.0.0.1", "::1"} {
		to := netip.AddrPortFrom(netip.MustParseAddr(address), port)
		peer := listen(t, "udp", netip.AddrPortFrom(to.Addr(), 0).String(), Options{})
		for _, datagram := range []string{"one", strings.Repeat("too long", 20), "two", strings.Repeat("x", 100), "four"} {
			if err := peer.Send(to, []byte(datagram)); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for len(got) < 4 {
			if err := both.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			if err := r.Read(); err != nil {
				t.Fatal(err)
			}
			for {
				datagram, from, ok := r.Next()
				if !ok {
					break
				}
				if from != peer.LocalAddr() {
					t.Errorf("from %v, want %v", from, peer.LocalAddr())
				}
				got = append(got, string(datagram))
				// What is done to one datagram must not reach another.
				_ = append(datagram, strings.Repeat("overrun", 20)...)
			}
		}
		if want := []string{"one", "two", strings.Repeat("x", 100), "four"}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("received %q, want %q", got, want)
		}
	}
	if s := both.Stats(); s.Received != 8 || s.Truncated != 2 || s.ReceiveCalls == 0 {
		t.Errorf("stats %+v", s)
	}
	if err := both.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := r.Read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read with nothing there: %v", err)
	}
	if _, _, ok := r.Next(); ok {
		t.Error("a datagram after a failed read")
	}
}

// TestAllocations holds the package to what its comment says.
func TestAllocations(t *testing.T) {
	for _, path := range paths {
		t.Run(path.name, func(t *testing.T) {
			c, s := listen(t, "udp", ":0", Options{}), newSink(t, "udp4", "127.0.0.1:0", Options{})
			path.force(c)
			b, datagram := c.NewBatch(16, 20_000), make([]byte, 1200)
			received := 0
			allocs := testing.AllocsPerRun(20, func() {
				for range 10 {
					room, err := b.Room(len(datagram))
					if err != nil {
						t.Fatal(err)
					}
					if err := b.Add(s.address, append(room, datagram...)); err != nil {
						t.Fatal(err)
					}
				}
				if err := b.Flush(); err != nil {
					t.Fatal(err)
				}
				for received += 10; received > 0; {
					if err := s.r.Read(); err != nil {
						t.Fatal(err)
					}
					for _, _, ok := s.r.Next(); ok; _, _, ok = s.r.Next() {
						received--
					}
				}
			})
			if allocs != 0 {
				t.Errorf("%v allocations", allocs)
			}
		})
	}
}
