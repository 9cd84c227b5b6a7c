package stage_test

import (
	"testing"

	"streamcat/stage"
)

// BenchmarkViewerJoins is what one more viewer costs on a stage that has ten thousand.
func BenchmarkViewerJoins(b *testing.B) {
	w := newWorld(b, nil)
	id := w.stage(false)
	for range 12 {
		w.publish(w.host(id), tabA)
	}
	viewer := w.viewer(id)
	join := func(i int) stage.Grant {
		g := viewer
		g.Participant += stage.ParticipantID(rune('a'+i%26)) + stage.ParticipantID(rune('a'+i/26%26)) + stage.ParticipantID(rune('a'+i/676%26))
		w.connect(g, tabA)
		return g
	}
	for i := range 10_000 {
		join(i)
	}
	i := 10_000
	for b.Loop() {
		w.Disconnect(join(i), tabA, true)
		i = 10_000 + (i+1)%5000
	}
}

// BenchmarkAuthenticate tells a token that was seen before from one that was not.
func BenchmarkAuthenticate(b *testing.B) {
	w := newWorld(b, nil)
	id := w.stage(false)
	token, _ := w.token(id, both)
	for b.Loop() {
		if _, err := w.Authenticate(b.Context(), string(token.Raw), id); err != nil {
			b.Fatal(err)
		}
	}
}
