package rtcapi

import (
	"slices"
	"strings"
	"testing"
	"time"

	"streamcat/stage"
)

func TestDiff(t *testing.T) {
	alice, bob := host("alice", 0), host("bob", 1)
	base := func(change func(s *stage.Snapshot)) *stage.Snapshot {
		s := liveStage(1, alice, bob)
		if change != nil {
			change(s)
		}
		return s
	}
	publisher := func(change func(p *stage.Publisher)) func(*stage.Snapshot) {
		return func(s *stage.Snapshot) { change(&s.Publishers[1]) }
	}
	for _, test := range []struct {
		name   string
		change func(s *stage.Snapshot)
		want   string
	}{
		{"nothing", nil, ""},
		{"only the version", func(s *stage.Snapshot) { s.Version = 9 }, ""},
		{"audio muted", publisher(func(p *stage.Publisher) { p.AudioMuted = true }), "MUTE_CHANGED"},
		{"two muted", func(s *stage.Snapshot) { s.Publishers[0].VideoStopped, s.Publishers[1].AudioMuted = true, true }, "MUTE_CHANGED MUTE_CHANGED"},
		{"muted and more", publisher(func(p *stage.Publisher) { p.AudioMuted, p.HasVideo = true, false }), "STAGE_STATE"},
		{"stops publishing", publisher(func(p *stage.Publisher) { p.Publishing, p.Slot = false, -1 }), "STAGE_STATE"},
		{"another user id", publisher(func(p *stage.Publisher) { p.UserID = "x" }), "STAGE_STATE"},
		{"an attribute", publisher(func(p *stage.Publisher) { p.Attributes = map[string]string{"a": "b"} }), "STAGE_STATE"},
		{"audio appears", publisher(func(p *stage.Publisher) { p.HasAudio = false }), "STAGE_STATE"},
		{"more slots", func(s *stage.Snapshot) { s.Slots = 16 }, "STAGE_STATE"},
		{"one goes", func(s *stage.Snapshot) { *s = *liveStage(2, alice) }, "STAGE_STATE LAYOUT"},
		{"another order", func(s *stage.Snapshot) { *s = *liveStage(2, bob, alice) }, "STAGE_STATE LAYOUT"},
		{"the broadcast ends", func(s *stage.Snapshot) { s.LiveSince = time.Time{} }, "LIVE"},
		{"a new broadcast", func(s *stage.Snapshot) { s.LiveSince = s.LiveSince.Add(time.Hour) }, "LIVE"},
		{"the gate opens for good", func(s *stage.Snapshot) { s.Gated, s.LiveSince = false, time.Time{} }, ""},
		{"a viewer comes", func(s *stage.Snapshot) { s.Viewers++ }, "VIEWER_COUNT"},
		{"everything", func(s *stage.Snapshot) { *s = stage.Snapshot{Gated: true, Slots: 12} }, "STAGE_STATE LIVE LAYOUT VIEWER_COUNT"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var types []string
			for _, m := range diff(base(nil), base(test.change)) {
				types = append(types, m.Type)
			}
			if got := strings.Join(types, " "); got != test.want {
				t.Fatalf("told %q, want %q", got, test.want)
			}
		})
	}
	ungated := base(func(s *stage.Snapshot) { s.Gated, s.LiveSince = false, time.Time{} })
	if got, want := string(encode(liveMessage(ungated))), `{"type":"LIVE","payload":{"live":true}}`; got != want {
		t.Errorf("a stage without a gate: got %s, want %s", got, want)
	}
}

// Whatever happens on a stage: whoever applies the messages one after another knows the same as whoever comes last.
func FuzzDiffIsComplete(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, script []byte) {
		shown := map[string]string{}
		var prev *stage.Snapshot
		next := liveStage(1)
		for i, b := range script {
			apply(shown, diff(prev, next))
			fresh := map[string]string{}
			apply(fresh, diff(nil, next))
			for kind := range fresh {
				if shown[kind] != fresh[kind] {
					t.Fatalf("step %d, %s:\nold hand  %s\nnewcomer  %s", i, kind, shown[kind], fresh[kind])
				}
			}
			prev = next
			next = step(prev, b)
		}
	})
}

// step changes one thing.
func step(prev *stage.Snapshot, b byte) *stage.Snapshot {
	next := *prev
	next.Publishers = append([]stage.Publisher{}, prev.Publishers...)
	n := len(next.Publishers)
	at := int(b>>4) % max(n, 1)
	switch b & 7 {
	case 0, 1:
		newcomer := host(string(rune('a'+b>>3)), n)
		same := func(p stage.Publisher) bool { return p.ID == newcomer.ID }
		if n < 12 && !slices.ContainsFunc(next.Publishers, same) {
			next.Publishers = append(next.Publishers, newcomer)
		}
	case 2:
		if n > 0 {
			next.Publishers = append(next.Publishers[:at], next.Publishers[at+1:]...)
		}
	case 3:
		if n > 0 {
			next.Publishers[at].AudioMuted = !next.Publishers[at].AudioMuted
		}
	case 4:
		if n > 0 {
			next.Publishers[at].OnAir = !next.Publishers[at].OnAir
		}
	case 5:
		next.LiveSince = time.Unix(int64(b>>4), 0)
	case 6:
		next.LiveSince = time.Time{}
	case 7:
		next.Viewers = int(b >> 4)
	}
	next.Layout = stage.Compose(next.Publishers)
	return &next
}

// apply does what a client does.
func apply(shown map[string]string, messages []message) {
	for _, m := range messages {
		switch payload := m.Payload.(type) {
		case muteChanged:
			shown["mute "+string(payload.Participant)] = string(encode(m))
		case stageState:
			for key := range shown {
				if strings.HasPrefix(key, "mute ") {
					delete(shown, key)
				}
			}
			for i, p := range payload.Participants {
				shown["mute "+string(p.ID)] = string(encode(muteMessage(p)))
				payload.Participants[i].AudioMuted, payload.Participants[i].VideoStopped = false, false
			}
			shown[m.Type] = string(encode(message{m.Type, payload}))
		default:
			shown[m.Type] = string(encode(m))
		}
	}
}
