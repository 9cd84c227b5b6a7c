package argon

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/crypto/argon2"
)

// MaxPassword is the longest password that is hashed, in bytes. RFC 9106 3.1 would allow 4 GiB.
const MaxPassword = 1024

const (
	saltSize = 16 // RFC 9106 3.1 recommends 16 bytes for passwords
	keySize  = 32
)

// Cost is what computing one hash takes, as RFC 9106 3.1 names it.
type Cost struct {
	Passes  uint32 // t
	Memory  uint32 // m, in KiB
	Threads uint8  // p
}

// Recommended is the cost that OWASP's password storage cheat sheet names first: t=2, m=19 MiB, p=1.
func Recommended() Cost { return Cost{Passes: 2, Memory: 19 * 1024, Threads: 1} }

// queued is how many wait for each place: the last one for some five seconds, which is as long as anybody looks at a form.
const queued = 64

var (
	// ErrTooLong is the refusal of a password of more than MaxPassword bytes.
	ErrTooLong = errors.New("password is too long")
	// ErrBusy is the refusal to wait in a line that is too long already.
	ErrBusy = errors.New("too many passwords at once")
)

// Hasher computes hashes, on half of the processors at most.
type Hasher struct {
	cost   Cost
	places chan struct{} // holds one for each hash under way
	line   chan struct{} // holds one for each hash under way or waited for
}

// New makes a Hasher whose new hashes have the given cost.
func New(cost Cost) *Hasher {
	places := max(1, runtime.GOMAXPROCS(0)/2)
	return &Hasher{cost: cost, places: make(chan struct{}, places), line: make(chan struct{}, places*(1+queued))}
}

// Hash returns the PHC string of a password under a new random salt.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails, as crypto/rand documents
	d := digest{cost: h.cost, salt: salt, key: make([]byte, keySize)}
	key, err := h.key(ctx, d, password)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	d.key = key
	return d.String(), nil
}

// Verify says whether a password is the one that encoded was made of. The error is about encoded, the length of the password, or ctx.
func (h *Hasher) Verify(ctx context.Context, encoded, password string) (bool, error) {
	d, err := parse(encoded)
	if err != nil {
		return false, fmt.Errorf("verify password: %w", err)
	}
	key, err := h.key(ctx, d, password)
	if err != nil {
		return false, fmt.Errorf("verify password: %w", err)
	}
	return subtle.ConstantTimeCompare(key, d.key) == 1, nil
}

// Decoy returns a hash that no password is known for. Verifying against it takes as long as against a real one, which hides
// whether there was a real one.
func (h *Hasher) Decoy() string {
	d := digest{cost: h.cost, salt: make([]byte, saltSize), key: make([]byte, keySize)}
	rand.Read(d.salt)
	rand.Read(d.key)
	return d.String()
}

// key computes the key of a password with the parameters of d, when a place is free. ErrBusy when too many wait for one.
func (h *Hasher) key(ctx context.Context, d digest, password string) ([]byte, error) {
	if len(password) > MaxPassword {
		return nil, ErrTooLong
	}
	select {
	case h.line <- struct{}{}:
		defer func() { <-h.line }()
	default:
		return nil, ErrBusy
	}
	select {
	case h.places <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.places }()
	return argon2.IDKey([]byte(password), d.salt, d.cost.Passes, d.cost.Memory, d.cost.Threads, uint32(len(d.key))), nil
}
