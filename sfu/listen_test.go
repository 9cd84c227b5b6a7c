package sfu

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"

	"streamcat/stage"
)

func TestListen(t *testing.T) {
	t.Run("every address of the machine, one port", func(t *testing.T) {
		e, err := New(Config{Address: ":0"})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		ports := map[int]bool{}
		for _, a := range e.Addrs() {
			udp := a.(*net.UDPAddr)
			ports[udp.Port] = true
			if udp.IP.IsUnspecified() || udp.IP.IsLinkLocalUnicast() {
				t.Errorf("%v is no candidate", udp)
			}
			if udp.IP.IsLoopback() && len(e.Addrs()) > 2 {
				t.Errorf("loopback among others: %v", e.Addrs())
			}
		}
		if len(ports) != 1 {
			t.Errorf("addresses %v; want one port", e.Addrs())
		}
	})
	t.Run("IPv4 only", func(t *testing.T) {
		e, err := New(Config{Address: "0.0.0.0:0"})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		for _, a := range e.Addrs() {
			if a.(*net.UDPAddr).IP.To4() == nil {
				t.Errorf("%v is not IPv4", a)
			}
		}
	})
	t.Run("given sockets", func(t *testing.T) {
		var conns []net.PacketConn
		for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
			conn, err := net.ListenPacket("udp", address)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
		}
		e, err := New(Config{Conns: conns})
		if err != nil {
			t.Fatal(err)
		}
		answer := answerOf(t, e)
		for _, conn := range conns {
			udp := conn.LocalAddr().(*net.UDPAddr)
			if !strings.Contains(answer, udp.IP.String()+" ") {
				t.Errorf("%v is not in\n%s", udp, answer)
			}
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if _, err := conns[0].WriteTo([]byte("x"), conns[0].LocalAddr()); err == nil {
			t.Error("Close left a socket open")
		}
	})
	t.Run("public address", func(t *testing.T) {
		e, err := New(Config{Address: "127.0.0.1:0", PublicIPs: []string{"203.0.113.7"}})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		answer := answerOf(t, e)
		if !strings.Contains(answer, " 203.0.113.7 ") || strings.Contains(answer, " 127.0.0.1 ") {
			t.Errorf("the candidates are\n%s", answer)
		}
	})
	t.Run("refused", func(t *testing.T) {
		for _, config := range []Config{
			{Address: "nonsense"},
			{Address: "127.0.0.1:99999"},
			{Address: "203.0.113.9:9"}, // not an address of this machine
			{Address: "127.0.0.1:0", PublicIPs: []string{"not an address"}},
		} {
			if e, err := New(config); err == nil {
				t.Errorf("New(%+v) works", config)
				e.Close()
			}
		}
	})
}

func answerOf(t *testing.T, e *Engine) string {
	t.Helper()
	s, err := e.Publish(context.Background(), stage.PublishSpec{Stage: "stage", Participant: "p", Offer: publishOffer})
	if err != nil {
		t.Fatal(err)
	}
	return s.Answer()
}

func TestPionLogger(t *testing.T) {
	var text strings.Builder
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	l := pionLoggers{log}.NewLogger("ice")
	l.Trace("trace")
	l.Debugf("debug %d", 1)
	l.Infof("info %d", 2)
	l.Warn("warning")
	l.Errorf("error %d", 3)
	for _, want := range []string{"info 2", "warning", "error 3", "pion=ice", "level=DEBUG"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "trace") || strings.Contains(text.String(), "debug 1") || strings.Contains(text.String(), "level=ERROR") {
		t.Errorf("too much is logged:\n%s", text.String())
	}
}
