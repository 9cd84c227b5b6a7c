package load

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"streamcat/load/peer"
	"streamcat/stun"
)

// bend is a bad line: HTTP goes through it, and so does UDP, because it puts its own address into the answers. What drop says is lost.
type bend struct {
	t    *testing.T
	drop func(packet []byte) bool // of what the server sends

	mu      sync.Mutex
	lines   map[netip.AddrPort]*net.UDPConn // by the server's address: where clients send to
	sockets []*net.UDPConn
	work    sync.WaitGroup
}

// front stands before a server, and returns its own address.
func (b *bend) front(target string) string {
	b.lines = map[netip.AddrPort]*net.UDPConn{}
	u, err := url.Parse(target)
	if err != nil {
		b.t.Fatal(err)
	}
	candidate := regexp.MustCompile(`(a=candidate:\S+ 1 udp \d+ )(\S+) (\d+)`)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			forwarded := r.In.Header["X-Forwarded-For"]
			r.SetURL(u)
			r.Out.Host = u.Host
			r.Out.Header["X-Forwarded-For"] = forwarded
		},
		ModifyResponse: func(r *http.Response) error {
			// Hosts have a good line.
			if r.Header.Get("Content-Type") != "application/sdp" || !strings.HasSuffix(r.Request.URL.Path, "/subscribe") {
				return nil
			}
			answer, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			answer = candidate.ReplaceAllFunc(answer, func(line []byte) []byte {
				part := candidate.FindSubmatch(line)
				address, err := netip.ParseAddr(string(part[2]))
				port, _ := strconv.Atoi(string(part[3]))
				if err != nil || !address.Is4() {
					return line
				}
				local := b.line(netip.AddrPortFrom(address, uint16(port)))
				return append(part[1], "127.0.0.1 "+strconv.Itoa(int(local.Port()))...)
			})
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(answer)), int64(len(answer))
			r.Header.Set("Content-Length", strconv.Itoa(len(answer)))
			return nil
		},
	}
	server := httptest.NewServer(proxy)
	b.t.Cleanup(func() {
		server.Close()
		b.mu.Lock()
		for _, s := range b.sockets {
			s.Close()
		}
		b.mu.Unlock()
		b.work.Wait()
	})
	return server.URL
}

func (b *bend) socket() *net.UDPConn {
	s, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.t.Error(err)
		return nil
	}
	b.sockets = append(b.sockets, s)
	return s
}

// line makes the socket that clients send to for an address of the server.
func (b *bend) line(server netip.AddrPort) netip.AddrPort {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lines[server] == nil {
		s := b.socket()
		b.lines[server] = s
		b.work.Go(func() { b.up(s, server) })
	}
	return b.lines[server].LocalAddr().(*net.UDPAddr).AddrPort()
}

// up carries what clients send, each through a socket of its own.
func (b *bend) up(clients *net.UDPConn, server netip.AddrPort) {
	buffer := make([]byte, 2000)
	mine := map[netip.AddrPort]*net.UDPConn{}
	for {
		n, from, err := clients.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		s := mine[from]
		if s == nil {
			b.mu.Lock()
			s = b.socket()
			b.mu.Unlock()
			mine[from] = s
			b.work.Go(func() { b.down(s, clients, from) })
		}
		s.WriteToUDPAddrPort(buffer[:n], server)
	}
}

func (b *bend) down(server, clients *net.UDPConn, to netip.AddrPort) {
	buffer := make([]byte, 2000)
	for {
		n, _, err := server.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		if stun.Classify(buffer[:n]) != stun.RTP || !b.drop(buffer[:n]) {
			clients.WriteToUDPAddrPort(buffer[:n], to)
		}
	}
}

// TestLoss runs over a line that loses every tenth picture packet of each viewer, with and without repair.
func TestLoss(t *testing.T) {
	isRepair := func(packet []byte) bool {
		kind := packet[1] & 0x7f
		return kind == peer.PayloadVideo+1 || kind == peer.PayloadVP8+1
	}
	tenth := func(packet []byte) bool {
		return packet[1]&0x7f == peer.PayloadVideo && binary.BigEndian.Uint16(packet[2:])%10 == 7
	}
	t.Run("repaired", func(t *testing.T) {
		b := &bend{t: t, drop: tenth}
		h := open(t, b.front, false, 1, 3)
		config := h.config()
		config.Audio, config.Window = false, 1500*time.Millisecond
		r := run(t, config)
		for _, w := range r.Windows {
			if w.Repaired == 0 || w.Requested < w.Repaired {
				t.Errorf("asked for %d, got %d", w.Requested, w.Repaired)
			}
			// What is on its way when the window ends is missing still.
			if w.HolesPercent > 3 || w.LossPercent > 3 {
				t.Errorf("%v %% holes, %v %% lost after repair", w.HolesPercent, w.LossPercent)
			}
		}
	})
	t.Run("not repaired", func(t *testing.T) {
		b := &bend{t: t, drop: func(packet []byte) bool { return tenth(packet) || isRepair(packet) }}
		h := open(t, b.front, false, 1, 3)
		config := h.config()
		config.Audio, config.Window = false, 1500*time.Millisecond
		r := run(t, config)
		for _, w := range r.Windows {
			if w.Repaired != 0 || w.Requested == 0 || w.HolesPercent < 7 || w.HolesPercent > 13 || w.LossPercent < 7 || w.LossPercent > 13 {
				t.Errorf("%+v", w)
			}
		}
		if r.Keyframe.Wanted == 0 {
			t.Error("viewers with broken pictures ask for no keyframe")
		}
	})
	t.Run("nothing comes", func(t *testing.T) {
		b := &bend{t: t, drop: func([]byte) bool { return true }}
		h := open(t, b.front, false, 1, 2)
		r := run(t, h.config())
		for _, w := range r.Windows {
			if w.Stalled != 2 || w.PacketsPerSecond != 0 {
				t.Errorf("%+v", w)
			}
		}
		if !strings.Contains(strings.Join(r.Warnings, "\n"), "2 viewers got nothing") {
			t.Errorf("warnings: %q", r.Warnings)
		}
	})
}
