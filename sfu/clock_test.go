package sfu

import (
	"testing"
	"time"
)

func TestNTP(t *testing.T) {
	// RFC 5905 figure 4: 1 Jan 1970 is 2,208,988,800 seconds after the epoch.
	if got := toNTP(time.Unix(0, 5e8)); got != 2208988800<<32|1<<31 {
		t.Errorf("toNTP = %x", got)
	}
	at := time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)
	if back := ntpTime(toNTP(at)); at.Sub(back).Abs() > time.Nanosecond {
		t.Errorf("%v comes back as %v", at, back)
	}
}

func TestWallClock(t *testing.T) {
	var w wallClock
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	theirs := now.Add(-90 * time.Minute)
	if got := w.local(theirs, now); !got.Equal(now) {
		t.Errorf("the first report is of %v, want %v", got, now)
	}
	// A report that was held up on its way does not move the clock.
	if got, want := w.local(theirs.Add(time.Second), now.Add(3*time.Second)), now.Add(time.Second); !got.Equal(want) {
		t.Errorf("the second report is of %v, want %v", got, want)
	}
	// A publisher that sets its clock does.
	later := now.Add(time.Minute)
	if got := w.local(later.Add(time.Hour), later); !got.Equal(later) {
		t.Errorf("after the publisher set its clock: %v, want %v", got, later)
	}
}

func TestMediaClock(t *testing.T) {
	m := mediaClock{rate: 90000}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	if _, ok := m.timestampAt(now); ok {
		t.Error("a timestamp before the first report")
	}
	m.set(now, 1<<32-45000)
	if got, ok := m.timestampAt(now.Add(time.Second)); !ok || got != 45000 {
		t.Errorf("a second later: %d, %v; want 45000, across the wrap", got, ok)
	}
	if got, _ := m.timestampAt(now.Add(-time.Second)); got != 1<<32-135000 {
		t.Errorf("a second before: %d", got)
	}
}
