package sfu

import (
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"streamcat/stage"
)

// pump sends media of some hosts until the test ends or the returned function is called.
func pump(t testing.TB, hosts ...*host) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			for _, h := range hosts {
				h.sendAudio(t)
				keyframe := false
				select {
				case <-h.plis:
					keyframe = true
				default:
				}
				h.sendFrame(t, keyframe)
			}
		}
	}()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			close(done)
			<-ended
		}
	}
	t.Cleanup(stop)
	return stop
}

func program(live bool, onAir ...stage.ParticipantID) stage.Program {
	p := stage.Program{Live: live, Publishers: map[stage.ParticipantID]stage.ProgramEntry{}}
	for i, id := range onAir {
		p.Publishers[id] = stage.ProgramEntry{Slot: i, OnAir: true}
	}
	return p
}

func TestPublishAndSubscribe(t *testing.T) {
	for _, mime := range []string{webrtc.MimeTypeVP8, webrtc.MimeTypeH264} {
		t.Run(mime, func(t *testing.T) {
			e := newEngine(t)
			h := publish(t, e, "host", mime)
			e.Apply("stage", program(true, "host"))
			pump(t, h)
			kinds := map[stage.Kind]bool{<-h.started: true, <-h.started: true}
			if !kinds[stage.Audio] || !kinds[stage.Video] {
				t.Errorf("Started was called for %v", kinds)
			}
			v := subscribe(t, e, stage.SubscribeSpec{Participant: "viewer", Audience: true}, 3)
			first := v.await(t, "video", func(g got) bool { return g.kind == stage.Video })
			if !first.keyframe || first.slot != 0 || first.from != "host" || first.mime != mime {
				t.Errorf("the first video packet is %+v; want the start of a keyframe in slot 0", first)
			}
			v.await(t, "audio", func(g got) bool { return g.kind == stage.Audio && g.from == "host" })
			one := subscribe(t, e, stage.SubscribeSpec{Participant: "viewer", Publisher: "host", Audience: true}, 1)
			one.await(t, "video of one publisher", func(g got) bool { return g.kind == stage.Video && g.keyframe })
		})
	}
}
