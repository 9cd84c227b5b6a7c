package rtcapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"

	"streamcat/ratelimit"
	"streamcat/stage"
)

// BenchmarkChange is one change on a stage with 10,000 viewers, until it is in every queue.
func BenchmarkChange(b *testing.B) {
	var encoded atomic.Int64
	r := newRoom(testStage, &encoded)
	var members []*socket
	for i := range 10_000 {
		members = append(members, newMember(r, fmt.Sprint("viewer", i), false, liveStage(1, host("alice", 0))))
	}
	for _, s := range members {
		s.take()
	}
	version := uint64(1)
	for b.Loop() {
		version++
		p := host("alice", 0)
		p.AudioMuted = version%2 == 0
		r.notice(stage.Notice{Snapshot: liveStage(version, p)})
		b.StopTimer()
		for _, s := range members {
			s.take()
		}
		b.StartTimer()
	}
}

// BenchmarkIdleSockets says what an open socket costs: memory and goroutines, without the kernel's part.
func BenchmarkIdleSockets(b *testing.B) {
	const sockets = 2000
	bus := newFakeBus()
	server := New(Config{Stages: newFakeStages(bus), Notices: bus, Rate: ratelimit.Rate{PerSecond: 1e6, Burst: 1e6}})
	web := httptest.NewServer(server.Handler())
	defer web.Close()
	defer server.Close()
	for b.Loop() {
		before, goroutines := memory(), runtime.NumGoroutine()
		var conns []net.Conn
		for i := range sockets {
			conns = append(conns, rawSocket(b, web.Listener.Addr().String(), fmt.Sprint("audience-", i)))
		}
		b.ReportMetric(float64(memory()-before)/sockets, "B/socket")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/sockets, "goroutines/socket")
		for _, conn := range conns {
			conn.Close()
		}
	}
}

func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// rawSocket opens a socket without a client library, and reads its greeting.
func rawSocket(b *testing.B, addr, token string) net.Conn {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /rtc/events/stage1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", token)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		b.Fatal(response, err)
	}
	for range 5 { // frames of less than 126 bytes have a header of two, RFC 6455 5.2
		var header [2]byte
		if _, err := io.ReadFull(reader, header[:]); err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, reader, int64(header[1])); err != nil {
			b.Fatal(err)
		}
	}
	return conn
}
