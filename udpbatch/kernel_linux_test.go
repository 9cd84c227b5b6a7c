package udpbatch

import (
	"net"
	"net/netip"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func TestLayout(t *testing.T) {
	if got, want := int(unsafe.Sizeof(segmentControl{})), unix.CmsgSpace(2); got != want {
		t.Errorf("segmentControl has %d bytes, want %d", got, want)
	}
	if got, want := int(unsafe.Sizeof(coalesceControl{})), unix.CmsgSpace(4); got != want {
		t.Errorf("coalesceControl has %d bytes, want %d", got, want)
	}
	if got, want := int(unsafe.Offsetof(segmentControl{}.size)), unix.CmsgLen(0); got != want {
		t.Errorf("data of segmentControl begins at %d, want %d", got, want)
	}
}

// TestSocketIsUsed makes sure that on a kernel like ours nothing falls back in silence.
func TestSocketIsUsed(t *testing.T) {
	c := listen(t, "udp", ":0", Options{Coalesce: true})
	if !c.Segments() || !c.Coalesces() || c.versions != ipv4|ipv6 {
		t.Errorf("segments %v, coalesces %v, versions %b", c.Segments(), c.Coalesces(), c.versions)
	}
	if c = listen(t, "udp", ":0", Options{WholeDatagrams: true}); c.Segments() || c.Coalesces() {
		t.Errorf("segments %v, coalesces %v without being asked to", c.Segments(), c.Coalesces())
	}
	if c = listen(t, "udp6", ":0", Options{}); c.versions != ipv6 {
		t.Errorf("versions %b of an IPv6 socket", c.versions)
	}
}

func TestBuffers(t *testing.T) {
	// 100 kB are within the limits of every system.
	c, err := Listen(t.Context(), "udp", ":0", Options{ReceiveBuffer: 100_000, SendBuffer: 90_000})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Buffers() != (Buffers{Receive: 100_000, Send: 90_000}) {
		t.Errorf("buffers %+v", c.Buffers())
	}
	unset, err := Listen(t.Context(), "udp", ":0", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer unset.Close()
	if b := unset.Buffers(); b.Receive == 0 || b.Send == 0 {
		t.Errorf("buffers %+v when none were asked for", b)
	}
}

// TestReusePort opens two sockets on one address, and expects each source to stay with one of them.
func TestReusePort(t *testing.T) {
	first := newSink(t, "udp4", "127.0.0.1:0", Options{ReusePort: true})
	second := newSink(t, "udp4", first.address.String(), Options{ReusePort: true})
	if first.address != second.address {
		t.Fatalf("%v and %v", first.address, second.address)
	}
	const sources = 64
	for range sources {
		if err := listen(t, "udp4", "127.0.0.1:0", Options{}).Send(first.address, []byte("hello")); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*sink{first, second} {
		if err := s.r.Read(); err != nil {
			t.Fatalf("a socket got nothing of %d sources: %v", sources, err)
		}
	}
	if c, err := Listen(t.Context(), "udp4", first.address.String(), Options{}); err == nil {
		c.Close()
		t.Error("a third socket, that does not share, got the address too")
	}
}

// kernel is one with other manners than the one that runs the tests. It sends through the real one.
type kernel struct {
	answers []unix.Errno // to the first calls; 0 sends
	then    unix.Errno   // to all others
	most    int          // messages that it takes at once, 0 for all
	calls   int
}

func (k *kernel) sendmmsg(fd uintptr, messages []unix.Mmsghdr) (int, unix.Errno) {
	errno := k.then
	if k.calls < len(k.answers) {
		errno = k.answers[k.calls]
	}
	if k.calls++; errno != 0 {
		return -1, errno
	}
	if k.most > 0 && len(messages) > k.most {
		messages = messages[:k.most]
	}
	return sendmmsg(fd, messages)
}

// scene queues for two destinations: a run of three, a datagram, a run of two, a datagram.
func scene(t *testing.T, c *Conn) (b *Batch, one, two *sink, wantOne, wantTwo [][]byte) {
	t.Helper()
	one, two = newSink(t, "udp4", "127.0.0.1:0", Options{}), newSink(t, "udp4", "127.0.0.1:0", Options{})
	b = c.NewBatch(10, 10_000)
	for i, p := range []struct {
		to   *sink
		want *[][]byte
		size int
	}{
		{one, &wantOne, 100}, {one, &wantOne, 100}, {one, &wantOne, 50}, {two, &wantTwo, 70},
		{one, &wantOne, 80}, {one, &wantOne, 80}, {two, &wantTwo, 100},
	} {
		datagram := pattern(uint64(i), p.size)
		*p.want = append(*p.want, datagram)
		if err := b.Add(p.to.address, datagram); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.runs) != 4 {
		t.Fatalf("%d runs", len(b.runs))
	}
	return b, one, two, wantOne, wantTwo
}

func TestManners(t *testing.T) {
	for _, test := range []struct {
		name    string
		kernel  kernel
		lostOne int // datagrams at the head of those for the first destination
		want    Stats
	}{
		{"willing", kernel{}, 0, Stats{Datagrams: 7, Messages: 4, Calls: 1}},
		{"one at a time", kernel{most: 1}, 0, Stats{Datagrams: 7, Messages: 4, Calls: 4}},
		{"three at a time", kernel{most: 3}, 0, Stats{Datagrams: 7, Messages: 4, Calls: 2}},
		{"interrupted", kernel{answers: []unix.Errno{unix.EINTR, unix.EINTR}}, 0, Stats{Datagrams: 7, Messages: 4, Calls: 3}},
		{"full once", kernel{answers: []unix.Errno{unix.EAGAIN}}, 0, Stats{Datagrams: 7, Messages: 4, Calls: 2, Waits: 1}},
		{"full in the middle", kernel{answers: []unix.Errno{0, unix.EAGAIN}, most: 2}, 0, Stats{Datagrams: 7, Messages: 4, Calls: 3, Waits: 1}},
		{"no device memory", kernel{answers: []unix.Errno{unix.ENOBUFS}}, 3, Stats{Datagrams: 4, Messages: 3, Calls: 2, NoBuffer: 3}},
		{"forbidden", kernel{answers: []unix.Errno{unix.EPERM}}, 3, Stats{Datagrams: 4, Messages: 3, Calls: 2, Failed: 3}},
		{"does not cut: EINVAL", kernel{answers: []unix.Errno{unix.EINVAL}}, 0, Stats{Datagrams: 7, Messages: 6, Calls: 3, Refused: 1}},
		{"does not cut: EIO", kernel{answers: []unix.Errno{unix.EIO}}, 0, Stats{Datagrams: 7, Messages: 6, Calls: 3, Refused: 1}},
		{"does not cut: EMSGSIZE", kernel{answers: []unix.Errno{unix.EMSGSIZE}}, 0, Stats{Datagrams: 7, Messages: 6, Calls: 3, Refused: 1}},
		{
			"neither cut nor whole", kernel{answers: []unix.Errno{unix.EINVAL, unix.EMSGSIZE}}, 1,
			Stats{Datagrams: 6, Messages: 5, Calls: 4, Refused: 1, Failed: 1},
		},
		{
			"does not cut, is full then, takes one at a time", kernel{answers: []unix.Errno{unix.EINVAL, 0, unix.EAGAIN}, most: 1}, 0,
			Stats{Datagrams: 7, Messages: 6, Calls: 8, Refused: 1, Waits: 1},
		},
		{"without the call", kernel{answers: []unix.Errno{unix.ENOSYS}}, 0, Stats{Datagrams: 7, Messages: 7, Calls: 8}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := listen(t, "udp", ":0", Options{})
			k := test.kernel
			c.sys.sendmmsg = k.sendmmsg
			b, one, two, wantOne, wantTwo := scene(t, c)
			if err := b.Flush(); err != nil {
				t.Fatal(err)
			}
			one.expect(t, wantOne[test.lostOne:])
			two.expect(t, wantTwo)
			got := c.Stats()
			got.Bytes = 0
			if got != test.want {
				t.Errorf("stats %+v, want %+v", got, test.want)
			}
			if test.name == "without the call" && (c.batched.Load() || c.Segments()) {
				t.Error("the call is still tried")
			}
		})
	}
}

// TestStaysFull has a socket with no room for longer than a flush waits. What was sent before is delivered, the rest is dropped, and the
// next flush works.
func TestStaysFull(t *testing.T) {
	for _, test := range []struct {
		name          string
		kernel        kernel
		sent, dropped uint64
	}{
		{"at once", kernel{then: unix.EAGAIN}, 0, 7},
		{"after a run", kernel{answers: []unix.Errno{0}, then: unix.EAGAIN, most: 1}, 3, 4},
		{"within a run that is not cut", kernel{answers: []unix.Errno{unix.EINVAL, 0, 0}, then: unix.EAGAIN, most: 1}, 2, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := listen(t, "udp4", "127.0.0.1:0", Options{})
			c.sys.sendmmsg = test.kernel.sendmmsg
			b, one, two, wantOne, _ := scene(t, c)
			if err := b.Flush(); err != nil {
				t.Fatal(err)
			}
			one.expect(t, wantOne[:test.sent])
			if s := c.Stats(); s.Dropped != test.dropped || s.Datagrams != test.sent || s.Waits != 1 {
				t.Errorf("stats %+v, want %d dropped", s, test.dropped)
			}
			c.sys.sendmmsg = sendmmsg
			if err := b.Add(two.address, []byte("again")); err != nil {
				t.Fatal(err)
			}
			if err := b.Flush(); err != nil {
				t.Fatal(err)
			}
			two.expect(t, [][]byte{[]byte("again")})
		})
	}
}

// TestKernelDoesNotCut turns off checksums, without which the kernel of the test machine itself refuses to cut.
func TestKernelDoesNotCut(t *testing.T) {
	c, s := listen(t, "udp4", "127.0.0.1:0", Options{}), newSink(t, "udp4", "127.0.0.1:0", Options{})
	if err := c.raw.Control(func(fd uintptr) {
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	b := c.NewBatch(4, 10_000)
	for i := range maxRefusals + 3 {
		if want := i < maxRefusals; c.Segments() != want {
			t.Fatalf("after %d refusals runs are cut: %v", i, c.Segments())
		}
		want := [][]byte{pattern(1, 100), pattern(2, 100), pattern(3, 60)}
		for _, datagram := range want {
			if err := b.Add(s.address, datagram); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Flush(); err != nil {
			t.Fatal(err)
		}
		s.expect(t, want)
	}
	if got := c.Stats(); got.Refused != maxRefusals || got.Datagrams != 3*(maxRefusals+3) || got.Failed+got.Dropped != 0 {
		t.Errorf("stats %+v", got)
	}
}

// TestRefusalsInARow goes on cutting when only some runs are refused.
func TestRefusalsInARow(t *testing.T) {
	c := listen(t, "udp4", "127.0.0.1:0", Options{})
	calls := 0
	c.sys.sendmmsg = func(fd uintptr, messages []unix.Mmsghdr) (int, unix.Errno) {
		if calls++; messages[0].Hdr.Control != nil && calls%7 == 0 {
			return -1, unix.EIO
		}
		return sendmmsg(fd, messages)
	}
	for range 200 {
		b, one, two, wantOne, wantTwo := scene(t, c)
		if err := b.Flush(); err != nil {
			t.Fatal(err)
		}
		one.expect(t, wantOne)
		two.expect(t, wantTwo)
		one.c.Close()
		two.c.Close()
	}
	if s := c.Stats(); !c.Segments() || s.Refused < maxRefusals || s.Datagrams != 200*7 {
		t.Errorf("segments %v, stats %+v", c.Segments(), s)
	}
}

// TestConcurrent flushes several batches over one socket.
func TestConcurrent(t *testing.T) {
	c := listen(t, "udp4", "127.0.0.1:0", Options{})
	done := make(chan error)
	const batches, flushes = 4, 50
	sinks := make([]*sink, batches)
	for i := range sinks {
		sinks[i] = newSink(t, "udp4", "127.0.0.1:0", Options{})
		go func() {
			b := c.NewBatch(8, 4000)
			for n := range uint64(flushes) {
				for k := range uint64(3) {
					if err := b.Add(sinks[i].address, pattern(3*n+k, 200)); err != nil {
						done <- err
						return
					}
				}
				if err := b.Flush(); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range sinks {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	var want [][]byte
	for n := range uint64(3 * flushes) {
		want = append(want, pattern(n, 200))
	}
	for _, s := range sinks {
		s.expect(t, want)
	}
	if s := c.Stats(); s.Datagrams != batches*flushes*3 {
		t.Errorf("stats %+v", s)
	}
}

func TestAddress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		port := rapid.Uint16().Draw(t, "port")
		v4 := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "IPv4")))
		v6 := netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "IPv6"))).Unmap()
		link := netip.MustParseAddr("fe80::1").WithZone("3")
		var name unix.RawSockaddrInet6
		for _, test := range []struct {
			addr   netip.Addr
			v      versions
			length uint32
		}{
			{v4, ipv4, unix.SizeofSockaddrInet4},
			{v4, ipv4 | ipv6, unix.SizeofSockaddrInet6},
			{v6, ipv4 | ipv6, unix.SizeofSockaddrInet6},
			{v6, ipv6, unix.SizeofSockaddrInet6},
			{link, ipv6, unix.SizeofSockaddrInet6},
		} {
			want := netip.AddrPortFrom(test.addr, port)
			length, ok := putAddress(&name, want, test.v)
			if !ok || length != test.length {
				t.Fatalf("%v put with %d bytes, %v", want, length, ok)
			}
			if got := getAddress(&name); got != want {
				t.Fatalf("%v put, %v got", want, got)
			}
		}
		if _, ok := putAddress(&name, netip.AddrPortFrom(link.WithZone("no such interface"), 1), ipv6); ok {
			t.Fatal("an unknown interface was found")
		}
	})
	interfaces, err := net.Interfaces()
	if err != nil || len(interfaces) == 0 {
		t.Fatalf("no interfaces: %v", err)
	}
	if n, ok := zoneIndex(interfaces[0].Name); !ok || int(n) != interfaces[0].Index {
		t.Errorf("zone %s has index %d, want %d", interfaces[0].Name, n, interfaces[0].Index)
	}
}
