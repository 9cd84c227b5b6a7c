package ratelimit

import (
	"sync"
	"time"
)

// Limiter keeps a bucket for each key. It is safe for concurrent use.
//
// Buckets live in two generations. Each time a whole fill time has passed, the older one is dropped: what was in it has been
// idle long enough to be full, and a full bucket is the same as none. So expiry costs nothing and needs no timer.
type Limiter[K comparable] struct {
	rate Rate
	keys int

	mu       sync.Mutex
	young    map[K]Bucket
	old      map[K]Bucket
	rotated  time.Time
	overflow Bucket // shared by all keys that found no place
}

// New makes a limiter that gives each key the budget rate and remembers about keys of them at once; keys beyond that share
// one bucket until others are forgotten, so that a flood from many addresses neither eats memory nor gets unlimited.
// New panics when an argument is not positive: that is a mistake of the program.
func New[K comparable](rate Rate, keys int) *Limiter[K] {
	if rate.PerSecond <= 0 || rate.Burst <= 0 || keys <= 0 {
		panic("ratelimit: rate, burst and keys must be positive")
	}
	return &Limiter[K]{rate: rate, keys: keys, young: map[K]Bucket{}, rotated: time.Now()}
}

// Take takes one event of key. It returns zero when the event is allowed, else how long to wait before it would be.
func (l *Limiter[K]) Take(key K) (wait time.Duration) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rotate(now)

	bucket, young := l.young[key]
	if !young {
		var known bool
		bucket, known = l.old[key]
		if !known && len(l.young)+len(l.old) >= l.keys {
			return l.overflow.Take(l.rate, now)
		}
	}
	if wait = bucket.Take(l.rate, now); wait == 0 {
		delete(l.old, key)
		l.young[key] = bucket
	}
	return wait
}

func (l *Limiter[K]) rotate(now time.Time) {
	age := now.Sub(l.rotated)
	if age < l.rate.fill() {
		return
	}
	l.old = l.young
	if age >= 2*l.rate.fill() {
		l.old = nil
	}
	l.young = map[K]Bucket{}
	l.rotated = now
}

// size is the number of keys remembered; for tests.
func (l *Limiter[K]) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.young) + len(l.old)
}
