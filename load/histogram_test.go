package load

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestHistogramAgainstSorting compares quantiles with those of the sorted values.
func TestHistogramAgainstSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64Range(0, 5_000_000), rapid.Int64Range(0, 100_000_000)), 1, 300).Draw(t, "µs")
		var h, part histogram
		for i, v := range values {
			into := &h
			if i%3 == 0 {
				into = &part
			}
			into.add(time.Duration(v) * time.Microsecond)
		}
		h.merge(&part)
		slices.Sort(values)
		for _, q := range []float64{0, 0.01, 0.5, 0.95, 0.99, 1} {
			want := values[max(0, int(math.Ceil(q*float64(len(values))))-1)]
			got := h.quantile(q).Microseconds()
			if got < want || float64(got) > float64(want)*65/64+1 {
				t.Fatalf("quantile %v of %v is %d, want %d", q, values, got, want)
			}
		}
		if got := h.quantiles(); got.N != uint64(len(values)) || got.Max != ms(time.Duration(values[len(values)-1])*time.Microsecond) {
			t.Fatalf("%+v", got)
		}
	})
}

func TestHistogramEdges(t *testing.T) {
	var h histogram
	if h.quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
	h.add(-time.Second)
	h.add(time.Hour)
	if got := h.quantile(0.5); got != 0 {
		t.Errorf("a negative duration counts as %v", got)
	}
	if got := time.Duration(h.max) * time.Microsecond; got != time.Hour {
		t.Errorf("the longest is %v", got)
	}
	for b := range histBucket {
		if bucket(upper(b)) != b || b > 0 && bucket(upper(b-1)+1) != b {
			t.Fatalf("bucket %d ends at %d, which is in %d", b, upper(b), bucket(upper(b)))
		}
	}
}
