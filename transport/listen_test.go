package transport

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestListen(t *testing.T) {
	t.Run("every address of the machine, one port", func(t *testing.T) {
		tr := listenFor(t, Config{Address: ":0", Shards: 3})
		ports := map[uint16]bool{}
		for _, c := range tr.Candidates() {
			ports[c.Port()] = true
			if c.Addr().IsUnspecified() || c.Addr().IsLinkLocalUnicast() {
				t.Errorf("%v is no candidate", c)
			}
		}
		if len(ports) != 1 {
			t.Errorf("candidates %v; want one port", tr.Candidates())
		}
		if len(tr.PublisherConns()) != len(tr.Candidates()) || tr.Shards() != 3 {
			t.Errorf("%d conns for %d candidates, %d shards", len(tr.PublisherConns()), len(tr.Candidates()), tr.Shards())
		}
	})
	t.Run("a port that is taken", func(t *testing.T) {
		tr := listenFor(t, Config{Shards: 2})
		if second, err := Listen(Config{Address: tr.Candidates()[0].String(), Shards: 2}); err == nil {
			second.Close()
			t.Error("two transports share a port")
		}
	})
	t.Run("given sockets", func(t *testing.T) {
		var conns []*net.UDPConn
		var want []netip.AddrPort
		for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
			conn, err := net.ListenPacket("udp", address)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn.(*net.UDPConn))
			want = append(want, conn.LocalAddr().(*net.UDPAddr).AddrPort())
		}
		tr := listenFor(t, Config{Conns: conns, Shards: 2})
		if diff := cmp.Diff(want, tr.Candidates(), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Error(diff)
		}
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
		if _, err := conns[0].WriteTo([]byte("x"), conns[0].LocalAddr()); err == nil {
			t.Error("Close left a socket open")
		}
	})
	t.Run("public addresses", func(t *testing.T) {
		tr := listenFor(t, Config{PublicIPs: []string{"203.0.113.7", "2001:db8::1"}})
		if c := tr.Candidates(); len(c) != 1 || c[0].Addr() != netip.MustParseAddr("203.0.113.7") {
			t.Errorf("candidates %v", c)
		}
	})
	t.Run("refused", func(t *testing.T) {
		for _, config := range []Config{{Address: "nonsense"}, {Address: "127.0.0.1:0", PublicIPs: []string{"example.org"}}, {Address: "192.0.2.1:0"}} {
			if tr, err := Listen(config); err == nil {
				tr.Close()
				t.Errorf("%+v is accepted", config)
			}
		}
	})
}

// TestSendingDoesNotAllocate also looks at reports.
func TestSendingDoesNotAllocate(t *testing.T) {
	tr := listenFor(t, Config{})
	c := newClient(t, clientOptions{})
	s := connectTo(t, tr, c, false, "")
	b := tr.NewBatch(s.Shard())
	header, payload := packet(videoSSRC, 96, 1, packetLength)
	report := append([]byte{0x80, 200, 0, 6}, make([]byte, 24)...)
	index := uint64(1)
	burst := func() {
		for range 20 {
			index++
			header[2], header[3] = byte(index>>8), byte(index)
			if err := s.AppendRTP(b, header, payload, index); err != nil {
				t.Error(err)
			}
		}
		if err := s.AppendRTCP(b, report); err != nil {
			t.Error(err)
		}
		if err := b.Flush(); err != nil {
			t.Error(err)
		}
	}
	// The client in this process allocates when it receives, now and then while a burst is sent: the least of many counts is ours.
	least := testing.AllocsPerRun(1, burst)
	for range 49 {
		least = min(least, testing.AllocsPerRun(1, burst))
	}
	if least != 0 {
		t.Errorf("%v allocations for a burst", least)
	}
	if tr.Stats().Datagrams < 100*21 {
		t.Errorf("stats %+v", tr.Stats())
	}
}

const packetLength = 1100
