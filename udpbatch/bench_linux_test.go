package udpbatch

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const benchSize = 1216 // an SRTP packet with 1188 bytes of payload

// threadTime is the processor time of the calling thread, in which on loopback the work of the receiver's side of the stack is included.
func threadTime(b *testing.B) time.Duration {
	b.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		b.Fatal(err)
	}
	return time.Duration(now.Nano())
}

// drains opens sockets whose datagrams are received as fast as they come, or that nobody reads, whose queues are full then.
func drains(b *testing.B, n int, read bool) []netip.AddrPort {
	b.Helper()
	var addresses []netip.AddrPort
	for range n {
		c, err := Listen(b.Context(), "udp4", "127.0.0.1:0", Options{})
		if err != nil {
			b.Fatal(err)
		}
		addresses = append(addresses, c.LocalAddr())
		if !read {
			b.Cleanup(func() { c.Close() })
			continue
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for r := c.NewReader(16, 2048); r.Read() == nil; {
			}
		}()
		b.Cleanup(func() { c.Close(); <-done })
	}
	return addresses
}

// BenchmarkSend sends bursts of 8 datagrams, as a video frame is, to one destination after the other, in the three ways; one operation
// is one datagram. Processor time is what counts: cpu-ns/op is that of the sending thread.
func BenchmarkSend(b *testing.B) {
	for _, sinks := range []struct {
		name string
		n    int
		read bool
	}{{"unread", 100, false}, {"drained", 20, true}} {
		for _, burst := range []int{1, 8, 16} {
			for _, way := range []struct {
				name string
				o    Options
				each bool
			}{{"writeto", Options{}, true}, {"sendmmsg", Options{WholeDatagrams: true}, false}, {"gso", Options{}, false}} {
				b.Run(fmt.Sprintf("%s/burst=%d/%s", sinks.name, burst, way.name), func(b *testing.B) {
					to := drains(b, sinks.n, sinks.read)
					c, err := Listen(b.Context(), "udp4", "127.0.0.1:0", way.o)
					if err != nil {
						b.Fatal(err)
					}
					defer c.Close()
					batch, datagram := c.NewBatch(64, 64*16*benchSize), make([]byte, benchSize)
					runtime.LockOSThread()
					defer runtime.UnlockOSThread()
					b.ReportAllocs()
					b.SetBytes(benchSize)
					before := threadTime(b)
					for i := 0; b.Loop(); i++ {
						address := to[i/burst%len(to)]
						if way.each {
							_, err = c.udp.WriteToUDPAddrPort(datagram, address)
						} else {
							err = batch.Add(address, datagram)
						}
						if err != nil {
							b.Fatal(err)
						}
					}
					if err := batch.Flush(); err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(threadTime(b)-before)/float64(b.N), "cpu-ns/op")
				})
			}
		}
	}
}

// BenchmarkReceive receives what a batch sends, one by one or in batches; one operation is one datagram. Sending is not counted in cpu-ns/op.
func BenchmarkReceive(b *testing.B) {
	const burst = 32
	for _, way := range []string{"readfrom", "recvmmsg", "gro"} {
		b.Run(way, func(b *testing.B) {
			in, err := Listen(b.Context(), "udp4", "127.0.0.1:0", Options{Coalesce: way == "gro", ReceiveBuffer: 1 << 20})
			if err != nil {
				b.Fatal(err)
			}
			defer in.Close()
			out, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				b.Fatal(err)
			}
			c, err := NewConn(out, Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			batch, r, datagram := c.NewBatch(1, burst*benchSize), in.NewReader(burst, 2048), make([]byte, benchSize)
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			b.ReportAllocs()
			b.SetBytes(benchSize)
			var spent time.Duration
			there := 0
			for b.Loop() {
				if there == 0 {
					for range burst {
						if err := batch.Add(in.LocalAddr(), datagram); err != nil {
							b.Fatal(err)
						}
					}
					if err := batch.Flush(); err != nil {
						b.Fatal(err)
					}
					there = burst
					before := threadTime(b)
					for n := 0; n < burst; {
						if way == "readfrom" {
							if _, _, err := in.udp.ReadFromUDPAddrPort(r.sys.buffers[:2048]); err != nil {
								b.Fatal(err)
							}
							n++
							continue
						}
						if err := r.Read(); err != nil {
							b.Fatal(err)
						}
						for _, _, ok := r.Next(); ok; _, _, ok = r.Next() {
							n++
						}
					}
					spent += threadTime(b) - before
				}
				there--
			}
			b.ReportMetric(float64(spent)/float64(b.N), "cpu-ns/op")
		})
	}
}
