package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/acme/autocert"

	"streamcat/store"
	"streamcat/store/storetest"
)

var _ autocert.Cache = store.CertCache{}

func TestOpenTwiceKeepsWhatWasWritten(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		first, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := first.PutSecretIfAbsent(t.Context(), "key", []byte("one")); err != nil {
			t.Fatal(err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		second := storetest.Open(t, url)
		if err := second.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := second.Secret(t.Context(), "key")
		if err != nil || string(got) != "one" {
			t.Fatalf("Secret = %q, %v", got, err)
		}
	})
}

func TestOpenByManyAtOnce(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				db, err := store.Open(t.Context(), url)
				if err != nil {
					t.Error(err)
					return
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	})
}

func TestOpenRefuses(t *testing.T) {
	for name, url := range map[string]string{
		"nothing":              "",
		"unknown scheme":       "mysql://user:hunter2@localhost/x",
		"sqlite without file":  "sqlite:",
		"bad connection words": "postgres://user:hunter2@localhost:port/x",
	} {
		t.Run(name, func(t *testing.T) {
			db, err := store.Open(t.Context(), url)
			if err == nil {
				t.Fatal("opened", db.Close())
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats the password: %v", err)
			}
		})
	}
}

func TestSQLiteFileIsPrivateWhateverItsName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a new directory", "odd?name#50%.db")
	storetest.Open(t, "sqlite:"+path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode is %o", got)
	}
	if info.Size() == 0 {
		t.Error("the database is somewhere else")
	}
}

func TestSecretsFirstOneWins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if got, err := db.Secret(t.Context(), "key"); err != nil || got != nil {
			t.Fatalf("Secret before = %q, %v", got, err)
		}
		const writers = 8
		winners := make([][]byte, writers)
		var group sync.WaitGroup
		for i := range writers {
			group.Go(func() {
				winner, err := db.PutSecretIfAbsent(t.Context(), "key", []byte{0, byte(i), 0xff})
				if err != nil {
					t.Error(err)
				}
				winners[i] = winner
			})
		}
		group.Wait()
		kept, err := db.Secret(t.Context(), "key")
		if err != nil || len(kept) != 3 {
			t.Fatalf("Secret = %x, %v", kept, err)
		}
		for i, winner := range winners {
			if !bytes.Equal(winner, kept) {
				t.Errorf("writer %d was told %x, kept is %x", i, winner, kept)
			}
		}
	})
}

func TestCertCache(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		cache := db.CertCache()
		if _, err := cache.Get(t.Context(), "example.org"); !errors.Is(err, autocert.ErrCacheMiss) {
			t.Fatalf("Get before = %v", err)
		}
		for _, value := range []string{"first", "renewed"} {
			if err := cache.Put(t.Context(), "example.org", []byte(value)); err != nil {
				t.Fatal(err)
			}
			if got, err := cache.Get(t.Context(), "example.org"); err != nil || string(got) != value {
				t.Fatalf("Get = %q, %v", got, err)
			}
		}
		for range 2 {
			if err := cache.Delete(t.Context(), "example.org"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := cache.Get(t.Context(), "example.org"); !errors.Is(err, autocert.ErrCacheMiss) {
			t.Fatalf("Get after = %v", err)
		}
	})
}

func TestCancelledContextIsAnError(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := db.PutSecretIfAbsent(ctx, "key", []byte("x")); !errors.Is(err, context.Canceled) {
			t.Errorf("PutSecretIfAbsent = %v", err)
		}
	})
}
