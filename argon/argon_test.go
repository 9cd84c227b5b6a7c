package argon

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// cheap is enough to tell right from wrong.
func cheap() Cost { return Cost{Passes: 1, Memory: 8, Threads: 1} }

func TestHashAndVerify(t *testing.T) {
	h := New(Recommended())
	encoded, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the recommended cost is not in %s", encoded)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct horsf": false, "": false, "correct horse ": false} {
		if got, err := h.Verify(t.Context(), encoded, password); err != nil || got != want {
			t.Errorf("Verify(%q) = %v, %v", password, got, err)
		}
	}
}

func TestVerifyAnotherProgramsHash(t *testing.T) {
	// Made with the reference implementation: echo -n password | argon2 somesalt -id -t 2 -k 256 -p 1 -l 24 -e
	// (the test vector of its test.c for version 0x13).
	const encoded = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	for password, want := range map[string]bool{"password": true, "differentpassword": false} {
		if got, err := New(cheap()).Verify(t.Context(), encoded, password); err != nil || got != want {
			t.Errorf("Verify(%q) = %v, %v", password, got, err)
		}
	}
}

func TestSamePasswordTwiceGivesDifferentHashes(t *testing.T) {
	h := New(cheap())
	first, err1 := h.Hash(t.Context(), "same")
	second, err2 := h.Hash(t.Context(), "same")
	if err1 != nil || err2 != nil || first == second {
		t.Errorf("%s %v, %s %v", first, err1, second, err2)
	}
}

func TestDecoyIsLikeARealHash(t *testing.T) {
	h := New(cheap())
	real, err := h.Hash(t.Context(), "password")
	if err != nil {
		t.Fatal(err)
	}
	if decoy := h.Decoy(); len(decoy) != len(real) {
		t.Errorf("%s is not like %s", decoy, real)
	}
	if ok, err := h.Verify(t.Context(), h.Decoy(), "password"); ok || err != nil {
		t.Errorf("Verify = %v, %v", ok, err)
	}
}

func TestPasswordLength(t *testing.T) {
	h := New(cheap())
	if _, err := h.Hash(t.Context(), strings.Repeat("x", MaxPassword)); err != nil {
		t.Error(err)
	}
	long := strings.Repeat("x", MaxPassword+1)
	if _, err := h.Hash(t.Context(), long); !errors.Is(err, ErrTooLong) {
		t.Errorf("Hash = %v", err)
	}
	if _, err := h.Verify(t.Context(), h.Decoy(), long); !errors.Is(err, ErrTooLong) {
		t.Errorf("Verify = %v", err)
	}
}

func TestWaitsForAPlaceUntilTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(cheap())
		for range cap(h.places) {
			h.places <- struct{}{}
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := h.Hash(ctx, "password")
			done <- err
		}()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("did not wait: %v", err)
		default:
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Hash = %v", err)
		}
		<-h.places
		if _, err := h.Hash(t.Context(), "password"); err != nil {
			t.Errorf("with a free place: %v", err)
		}
		if len(h.places) != cap(h.places)-1 {
			t.Error("the place was not given back")
		}
	})
}

func TestRefusesToWaitInALongLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(cheap())
		for range cap(h.places) {
			h.places <- struct{}{}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		for range cap(h.line) {
			waiting.Go(func() {
				if _, err := h.Hash(ctx, "password"); !errors.Is(err, context.Canceled) {
					t.Errorf("Hash = %v", err)
				}
			})
		}
		synctest.Wait()
		if _, err := h.Hash(t.Context(), "password"); !errors.Is(err, ErrBusy) {
			t.Errorf("one more: %v", err)
		}
		if _, err := h.Verify(t.Context(), h.Decoy(), "password"); !errors.Is(err, ErrBusy) {
			t.Errorf("one more to verify: %v", err)
		}
		cancel()
		waiting.Wait()
		<-h.places
		if _, err := h.Hash(t.Context(), "password"); err != nil {
			t.Errorf("when nobody waits any more: %v", err)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	good := New(cheap()).Decoy()
	if _, err := parse(good); err != nil {
		t.Fatal(err)
	}
	for name, encoded := range map[string]string{
		"nothing":          "",
		"bcrypt":           "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
		"argon2i":          strings.Replace(good, "argon2id", "argon2i", 1),
		"old version":      strings.Replace(good, "v=19", "v=16", 1),
		"no passes":        strings.Replace(good, "t=1", "t=0", 1),
		"endless passes":   strings.Replace(good, "t=1", "t=4294967295", 1),
		"too much memory":  strings.Replace(good, "m=8", "m=4294967295", 1),
		"too little":       strings.Replace(good, "m=8", "m=7", 1),
		"no threads":       strings.Replace(good, "p=1", "p=0", 1),
		"negative":         strings.Replace(good, "t=1", "t=-1", 1),
		"rest after cost":  strings.Replace(good, "p=1", "p=1,x=1", 1),
		"padded base64":    good + "=",
		"short key":        good[:strings.LastIndex(good, "$")] + "$AAAA",
		"another part":     good + "$AAAA",
		"leading garbage":  "x" + good,
		"trailing newline": good + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(encoded); !errors.Is(err, errFormat) {
				t.Errorf("parse(%q) = %v", encoded, err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(New(cheap()).Decoy())
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	f.Fuzz(func(t *testing.T, encoded string) {
		d, err := parse(encoded)
		if err == nil && (d.String() != encoded || !d.bounded()) {
			t.Errorf("parse(%q) = %+v", encoded, d)
		}
	})
}
