package sfu

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestKeyframeRequests plays viewers and a publisher against the governor in a bubble of its own time.
func TestKeyframeRequests(t *testing.T) {
	tests := []struct {
		name string
		play func(k *keyframes)
		want []time.Duration // when the publisher is asked
	}{
		{"one request, answered", func(k *keyframes) {
			k.request()
			time.Sleep(100 * time.Millisecond)
			k.arrived()
			time.Sleep(time.Minute)
		}, []time.Duration{0}},
		{"many requests are one", func(k *keyframes) {
			for range 1000 {
				k.request()
			}
			time.Sleep(100 * time.Millisecond)
			k.arrived()
			time.Sleep(time.Minute)
		}, []time.Duration{0}},
		{"those that come while the answer is on its way are answered by it", func(k *keyframes) {
			k.request()
			time.Sleep(50 * time.Millisecond)
			k.request()
			time.Sleep(50 * time.Millisecond)
			k.arrived()
			time.Sleep(time.Minute)
		}, []time.Duration{0}},
		{"those that come after the answer wait for half a second", func(k *keyframes) {
			k.request()
			time.Sleep(100 * time.Millisecond)
			k.arrived()
			k.request()
			time.Sleep(450 * time.Millisecond)
			k.arrived()
			time.Sleep(time.Minute)
		}, []time.Duration{0, 500 * time.Millisecond}},
		{"without an answer it asks again, ever more slowly", func(k *keyframes) {
			k.request()
			time.Sleep(12 * time.Second)
			k.arrived()
			time.Sleep(time.Minute)
		}, []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond, 7500 * time.Millisecond, 11500 * time.Millisecond}},
		{"a keyframe that nobody asked for asks for nothing", func(k *keyframes) {
			k.arrived()
			time.Sleep(time.Minute)
		}, nil},
		{"patience is forgotten with the answer", func(k *keyframes) {
			k.request()
			time.Sleep(5 * time.Second)
			k.arrived()
			time.Sleep(time.Second)
			k.request()
			time.Sleep(600 * time.Millisecond)
			k.arrived()
			time.Sleep(time.Minute)
		}, []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond, 6 * time.Second, 6500 * time.Millisecond}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newKeyframes()
				begin := time.Now()
				var asked []time.Duration
				done, ended := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(ended)
					k.run(done, func() { asked = append(asked, time.Since(begin)) })
				}()
				synctest.Wait()
				test.play(k)
				close(done)
				<-ended
				if diff := cmp.Diff(test.want, asked); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
