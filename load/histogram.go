package load

import (
	"math/bits"
	"time"
)

// Values up to linear are counted exactly, above that with half as many buckets as that for each power of two: an error of at most 1/64.
const (
	linear     = 128
	perPower   = linear / 2
	topPower   = 27 // of microseconds: two minutes
	histBucket = linear + (topPower-7)*perPower
)

// histogram counts durations in microseconds. The zero value is empty.
type histogram struct {
	counts [histBucket]uint32
	n      uint64
	max    int64
}

// add counts one. Negative durations, which clocks that are set make, count as none.
func (h *histogram) add(d time.Duration) {
	us := max(0, d.Microseconds())
	h.max = max(h.max, us)
	h.n++
	h.counts[bucket(us)]++
}

func bucket(us int64) int {
	if us < linear {
		return int(us)
	}
	power := bits.Len64(uint64(us)) - 1 // 7 or more
	if power >= topPower {
		return histBucket - 1
	}
	return linear + (power-7)*perPower + int(us>>(power-6)) - perPower
}

// upper is the largest value that a bucket counts.
func upper(b int) int64 {
	if b < linear {
		return int64(b)
	}
	power := (b-linear)/perPower + 7
	step := int64(1) << (power - 6)
	return (int64((b-linear)%perPower)+perPower+1)*step - 1
}

// merge adds another histogram.
func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.n += other.n
	h.max = max(h.max, other.max)
}

// quantile is the value that this share of all do not exceed; 0 when there are none.
func (h *histogram) quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := uint64(q * float64(h.n))
	if float64(rank) < q*float64(h.n) || rank == 0 {
		rank++
	}
	seen := uint64(0)
	for b, n := range h.counts {
		if seen += uint64(n); seen >= rank {
			return time.Duration(min(upper(b), h.max)) * time.Microsecond
		}
	}
	return time.Duration(h.max) * time.Microsecond
}
