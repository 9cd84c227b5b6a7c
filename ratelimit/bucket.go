package ratelimit

import "time"

// Rate is a budget: so many a second in the long run, and so many at once after a rest.
type Rate struct {
	PerSecond float64
	Burst     int
}

// cost is the time that one event takes from the bucket.
func (r Rate) cost() time.Duration {
	return time.Duration(float64(time.Second) / r.PerSecond)
}

// fill is how long an empty bucket takes to be full.
func (r Rate) fill() time.Duration {
	return time.Duration(r.Burst) * r.cost()
}

// Bucket is one token bucket; the zero value is full. It is not safe for concurrent use.
type Bucket struct {
	full time.Time // when the bucket will be full again; in the past for a full one
}

// Take takes one event at now. It returns zero when the event is allowed, else how long to wait before it would be; a refused
// event costs nothing.
func (b *Bucket) Take(rate Rate, now time.Time) (wait time.Duration) {
	from := b.full
	if from.Before(now) {
		from = now
	}
	full := from.Add(rate.cost())
	if wait := full.Sub(now) - rate.fill(); wait > 0 {
		return wait
	}
	b.full = full
	return 0
}
