package ratelimit

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var rate = Rate{PerSecond: 20, Burst: 60}

func TestBurstThenRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := New[string](rate, 10)
		for i := range 60 {
			if wait := limiter.Take("a"); wait != 0 {
				t.Fatalf("event %d of the burst has to wait %v", i, wait)
			}
		}
		if wait := limiter.Take("a"); wait != 50*time.Millisecond {
			t.Fatalf("after the burst: wait %v, want 50ms", wait)
		}
		if wait := limiter.Take("b"); wait != 0 {
			t.Fatalf("another key waits %v", wait)
		}

		// In ten seconds of trying every ten milliseconds exactly the rate gets through.
		allowed := 0
		for range 1000 {
			time.Sleep(10 * time.Millisecond)
			if limiter.Take("a") == 0 {
				allowed++
			}
		}
		if allowed != 200 {
			t.Fatalf("%d events allowed in 10 s, want 200", allowed)
		}
	})
}

func TestWaitIsHonest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := New[string](Rate{PerSecond: 3, Burst: 1}, 10)
		limiter.Take("a")
		for range 20 {
			wait := limiter.Take("a")
			if wait == 0 {
				t.Fatal("an event too early was allowed")
			}
			time.Sleep(wait - time.Nanosecond)
			if limiter.Take("a") == 0 {
				t.Fatal("allowed before the wait was over")
			}
			time.Sleep(time.Nanosecond)
			if again := limiter.Take("a"); again != 0 {
				t.Fatalf("after waiting as told: wait %v more", again)
			}
		}
	})
}

func TestHistorySurvivesRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := New[string](rate, 10)
		time.Sleep(2900 * time.Millisecond) // just before the generations change, at 3 s
		for range 60 {
			limiter.Take("a")
		}
		time.Sleep(100 * time.Millisecond)
		allowed := 0
		for range 60 {
			if limiter.Take("a") == 0 {
				allowed++
			}
		}
		if allowed != 2 {
			t.Fatalf("%d allowed 100 ms after the burst, want 2", allowed)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := New[int](rate, 100)
		for range 60 {
			limiter.Take(0)
		}
		refused := 0
		for i := range 10_000 {
			if limiter.Take(i) != 0 {
				refused++
			}
		}
		if size := limiter.size(); size > 100 {
			t.Fatalf("%d keys remembered, bound 100", size)
		}
		// 99 keys found a place and 60 events the shared bucket; key 0 had spent its own.
		if want := 10_000 - 99 - 60; refused != want {
			t.Fatalf("%d refused, want %d", refused, want)
		}
		if limiter.Take(0) == 0 {
			t.Fatal("a flood of other keys gave an exhausted one its budget back")
		}

		time.Sleep(6 * time.Second)
		if wait := limiter.Take(5000); wait != 0 {
			t.Fatalf("after a rest a new key waits %v", wait)
		}
		if size := limiter.size(); size != 1 {
			t.Fatalf("%d keys remembered after a rest, want 1", size)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := New[string](rate, 10)
		var allowed atomic.Int64
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 100 {
					if limiter.Take("a") == 0 {
						allowed.Add(1)
					}
				}
			})
		}
		group.Wait()
		if n := allowed.Load(); n != 60 {
			t.Fatalf("%d allowed at one instant, want the burst of 60", n)
		}
	})
}

func TestNewRefusesNonsense(t *testing.T) {
	for name, try := range map[string]func(){
		"no rate":  func() { New[string](Rate{Burst: 1}, 1) },
		"no burst": func() { New[string](Rate{PerSecond: 1}, 1) },
		"no keys":  func() { New[string](rate, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("accepted")
				}
			}()
			try()
		})
	}
}

func TestPrefix(t *testing.T) {
	for _, test := range []struct{ name, addr, want string }{
		{"IPv4 is itself", "192.0.2.7", "192.0.2.7/32"},
		{"IPv6 is its network", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"IPv4 in IPv6", "::ffff:192.0.2.7", "192.0.2.7/32"},
		{"with a zone", "fe80::1%eth0", "fe80::/64"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Prefix(netip.MustParseAddr(test.addr)).String(); got != test.want {
				t.Fatalf("got %s, want %s", got, test.want)
			}
		})
	}
	if got := Prefix(netip.Addr{}); got.IsValid() {
		t.Fatalf("an invalid address has the prefix %s", got)
	}
}
