package sfu

import (
	"sync/atomic"
	"time"
)

// A publisher is asked for a keyframe at most once in keyframeInterval, however many viewers want one. When none comes, the question is repeated
// ever more slowly, up to once in keyframeBackoff: a publisher whose camera is off answers nothing.
const (
	keyframeInterval = 500 * time.Millisecond
	keyframeBackoff  = 4 * time.Second
)

// keyframes governs the keyframe requests for one video track. Any goroutine may ask; run sends.
type keyframes struct {
	seen   atomic.Uint64 // keyframes that have begun
	wanted atomic.Uint64 // somebody waits until seen reaches this
	wake   chan struct{} // capacity 1
}

func newKeyframes() *keyframes { return &keyframes{wake: make(chan struct{}, 1)} }

// request asks for a keyframe that begins after now.
func (k *keyframes) request() {
	want := k.seen.Load() + 1
	for {
		old := k.wanted.Load()
		if old >= want {
			break
		}
		if k.wanted.CompareAndSwap(old, want) {
			break
		}
	}
	k.stir()
}

// arrived says that a keyframe has begun.
func (k *keyframes) arrived() {
	k.seen.Add(1)
	k.stir()
}

func (k *keyframes) stir() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// run sends requests until done is closed.
func (k *keyframes) run(done <-chan struct{}, send func()) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last time.Time // of the request sent last
	wait, tries := keyframeInterval, 0
	for {
		select {
		case <-done:
			return
		case <-k.wake:
		case <-timer.C:
		}
		if k.wanted.Load() <= k.seen.Load() {
			wait, tries = keyframeInterval, 0
			continue
		}
		now := time.Now()
		if due := last.Add(wait); now.Before(due) {
			timer.Reset(due.Sub(now))
			continue
		}
		send()
		wait = min(keyframeInterval<<tries, keyframeBackoff)
		tries = min(tries+1, 8)
		last = now
		timer.Reset(wait)
	}
}
