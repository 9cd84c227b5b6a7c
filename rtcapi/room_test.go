package rtcapi

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"streamcat/stage"
)

// newMember makes a socket that nobody writes for and lets it into the room.
func newMember(r *room, id string, publish bool, snapshot *stage.Snapshot) *socket {
	s := newSocket(stage.Grant{Stage: testStage, Participant: stage.ParticipantID(id), Capabilities: stage.Capabilities{Publish: publish}}, "")
	r.register(s)
	r.welcome(s, stage.Welcome{Session: snapshot.Session, Snapshot: snapshot})
	return s
}

// drain empties a socket's queue and returns the types of what was in it.
func drain(s *socket) string {
	frames, _ := s.take()
	var types []string
	for _, frame := range frames {
		var m message
		if err := json.Unmarshal(frame, &m); err != nil {
			panic(err)
		}
		types = append(types, m.Type)
	}
	return strings.Join(types, " ")
}

func TestThousandSocketsOneEncoding(t *testing.T) {
	var encoded atomic.Int64
	r := newRoom(testStage, &encoded)
	var members []*socket
	for i := range 1000 {
		members = append(members, newMember(r, fmt.Sprint("viewer", i), false, liveStage(1, host("alice", 0))))
	}
	members = append(members, newMember(r, "alice", true, liveStage(1, host("alice", 0))))
	// STAGE_STATE, LIVE, LAYOUT and VIEWER_COUNT once for the audience and once for the hosts.
	if n := encoded.Load(); n != 8 {
		t.Fatalf("%d messages encoded to greet everybody, want 8", n)
	}
	for _, s := range members {
		drain(s)
	}
	muted := host("alice", 0)
	muted.VideoStopped = true
	r.notice(stage.Notice{Snapshot: liveStage(2, muted)})
	if n := encoded.Load(); n != 10 {
		t.Fatalf("%d messages encoded for one change, want 2", n-8)
	}
	var first *byte
	for i, s := range members {
		frames, _ := s.take()
		if len(frames) != 1 {
			t.Fatalf("socket %d has %d messages", i, len(frames))
		}
		if first == nil {
			first = &frames[0][0]
		}
		if shared := first == &frames[0][0]; shared != (i < 1000) {
			t.Fatalf("socket %d shares the bytes of the audience: %v", i, shared)
		}
	}
}

func TestSlowSocketIsEnded(t *testing.T) {
	var encoded atomic.Int64
	r := newRoom(testStage, &encoded)
	slow := newMember(r, "slow", false, liveStage(1))
	quick := newMember(r, "quick", false, liveStage(1))
	drain(quick)
	for i := range maxQueued {
		r.notice(stage.Notice{Snapshot: liveStage(uint64(2+i), host("alice", i))})
		if got := drain(quick); i > 0 && got != "STAGE_STATE" {
			t.Fatalf("the quick one was told %s", got)
		}
	}
	frames, ended := slow.take()
	if !ended || slow.code != websocket.StatusTryAgainLater || len(frames) != 0 {
		t.Fatalf("the slow one: ended %v with %d, %d messages", ended, slow.code, len(frames))
	}
	if _, ended := quick.take(); ended {
		t.Fatal("the quick one was ended too")
	}
}

func TestViewerCountOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var encoded atomic.Int64
		r := newRoom(testStage, &encoded)
		close(r.opened)
		count := func(version uint64, viewers int, publishers ...stage.Publisher) *stage.Snapshot {
			s := liveStage(version, publishers...)
			s.Viewers = viewers
			return s
		}
		s := newMember(r, "alice", true, count(1, 0))
		drain(s)
		var counts []string
		for i := range 100 {
			r.notice(stage.Notice{Snapshot: count(uint64(2+i), i+1)})
			time.Sleep(25 * time.Millisecond)
			synctest.Wait()
			frames, _ := s.take()
			for _, frame := range frames {
				counts = append(counts, string(frame))
			}
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		frames, _ := s.take()
		for _, frame := range frames {
			counts = append(counts, string(frame))
		}
		want := `{"type":"VIEWER_COUNT","payload":{"count":40}} {"type":"VIEWER_COUNT","payload":{"count":80}} {"type":"VIEWER_COUNT","payload":{"count":100}}`
		if got := strings.Join(counts, " "); got != want {
			t.Fatalf("in 2.5 s of a growing audience\ngot  %s\nwant %s", got, want)
		}

		// A count that waits holds nothing else up.
		r.notice(stage.Notice{Snapshot: count(200, 500)})
		r.notice(stage.Notice{Snapshot: count(201, 501, host("alice", 0))})
		if got := drain(s); got != "VIEWER_COUNT STAGE_STATE LAYOUT" {
			t.Fatalf("told %s", got)
		}
		r.notice(stage.Notice{Snapshot: count(202, 502, host("alice", 0))})
		r.close() // and takes the waiting count with it
		time.Sleep(2 * time.Second)
		if got := drain(s); got != "" {
			t.Fatalf("told %s after the end", got)
		}
	})
}

// A peer that reads nothing holds up nobody, and is gone when a write has waited for its deadline.
func TestPeerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPipeBench(t)
		deaf := b.dial(t, "host-deaf")
		good := b.dial(t, "host-good")
		go func() {
			for {
				if _, _, err := good.Read(context.Background()); err != nil {
					return
				}
			}
		}()
		time.Sleep(writeTimeout - time.Second)
		synctest.Wait()
		if n := b.stages.sockets("deaf/"); n != 1 {
			t.Fatal("given up too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if b.stages.sockets("deaf/") != 0 || b.stages.sockets("good/") != 1 {
			t.Fatalf("sockets: deaf %d, good %d", b.stages.sockets("deaf/"), b.stages.sockets("good/"))
		}
		deaf.CloseNow()
		good.CloseNow()
		b.close()
	})
}

// A peer that reads but does not answer pings, as after its network is gone, is given up after thirty seconds.
func TestPeerThatDoesNotPong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPipeBench(t)
		mute := b.dialWith(t, "host-mute", &websocket.DialOptions{OnPingReceived: func(context.Context, []byte) bool { return false }})
		good := b.dial(t, "host-good")
		for _, conn := range []*websocket.Conn{mute, good} {
			go func() {
				for {
					if _, _, err := conn.Read(context.Background()); err != nil {
						return
					}
				}
			}()
		}
		time.Sleep(pingInterval + pingTimeout - time.Second)
		synctest.Wait()
		if b.stages.sockets("mute/") != 1 {
			t.Fatal("given up too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if b.stages.sockets("mute/") != 0 {
			t.Fatal("not given up")
		}
		time.Sleep(time.Hour)
		if b.stages.sockets("good/") != 1 {
			t.Fatal("one who answers pings was given up")
		}
		mute.CloseNow()
		good.CloseNow()
		b.close()
	})
}

// A peer that announces a huge frame and stays in the middle of it cannot keep the socket from closing.
func TestPeerInTheMiddleOfAFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPipeBench(t)
		conn := b.dial(t, "host-slow")
		go func() {
			for {
				if _, _, err := conn.Read(context.Background()); err != nil {
					return
				}
			}
		}()
		// 127 announces a length of eight bytes. RFC 6455 5.2
		frame := append([]byte{0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, make([]byte, maxFrame+1)...)
		if _, err := b.last().Write(frame); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		go func() { // it goes on, a byte at a time
			for b.lastWrite([]byte{0}) == nil {
				select {
				case <-stop:
					return
				case <-time.After(100 * time.Millisecond):
				}
			}
		}()
		time.Sleep(closeTimeout + time.Second)
		synctest.Wait()
		if b.stages.sockets("slow/") != 0 {
			t.Fatal("the socket is still open")
		}
		close(stop)
		conn.CloseNow()
		b.close()
	})
}

// Close does not wait for a peer that does not answer the goodbye.
func TestCloseDespiteADeafPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPipeBench(t)
		conn := b.dial(t, "host-deaf")
		begin := time.Now()
		if err := b.server.Close(); time.Since(begin) > 10*time.Second {
			t.Fatalf("took %v (%v)", time.Since(begin), err)
		}
		if b.stages.sockets("deaf/") != 0 {
			t.Fatal("the service did not hear of the end")
		}
		conn.CloseNow()
		b.close()
	})
}
