package sfu

import (
	"sync"
	"time"
)

// ntpEpoch is the difference between the NTP and the Unix epoch (RFC 5905 6).
const ntpEpoch = 2208988800

// ntpTime reads a 64-bit NTP timestamp.
func ntpTime(t uint64) time.Time {
	seconds := int64(t>>32) - ntpEpoch
	return time.Unix(seconds, int64(t&0xffffffff)*int64(time.Second)>>32)
}

// toNTP writes one.
func toNTP(t time.Time) uint64 {
	return uint64(t.Unix()+ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// maxClockDrift is how far a publisher's clock may run from ours before the difference is measured anew.
const maxClockDrift = 5 * time.Second

// wallClock knows the difference between a publisher's clock and ours. It is one for all tracks of a publisher: what makes their
// media play in sync is not that it is right but that it is the same.
type wallClock struct {
	mu     sync.Mutex
	offset time.Duration
	known  bool
}

// local translates a time of the publisher's clock, read from a report that arrived now.
func (w *wallClock) local(remote, now time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	difference := now.Sub(remote)
	if !w.known || difference-w.offset > maxClockDrift || w.offset-difference > maxClockDrift {
		w.offset, w.known = difference, true
	}
	return remote.Add(w.offset)
}

// mediaClock ties the timestamps of one track to our clock.
type mediaClock struct {
	mu        sync.Mutex
	at        time.Time
	timestamp uint32
	rate      uint32
	known     bool
}

// set notes that timestamp was sampled at that time.
func (m *mediaClock) set(at time.Time, timestamp uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at, m.timestamp, m.known = at, timestamp, true
}

// timestampAt returns the timestamp of the moment at, and false before the first report.
func (m *mediaClock) timestampAt(at time.Time) (uint32, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.timestamp + ticks(at.Sub(m.at), m.rate), m.known
}

// ticks converts a duration to units of an RTP clock.
func ticks(d time.Duration, rate uint32) uint32 {
	return uint32(int64(d/time.Microsecond) * int64(rate) / 1e6)
}
