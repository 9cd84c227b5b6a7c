package argon

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Bounds on the parameters of a stored hash, so that a row somebody tampered with cannot take the machine down.
const (
	maxPasses  = 64
	maxMemory  = 1 << 20 // KiB
	maxThreads = 64
	minSalt    = 8
	maxBytes   = 64
)

// digest is a hash taken apart.
type digest struct {
	cost Cost
	salt []byte
	key  []byte
}

var errFormat = errors.New("not an argon2id hash in PHC string format")

// String writes the PHC string format: $argon2id$v=19$m=MEMORY,t=PASSES,p=THREADS$SALT$KEY, in base64 without padding.
func (d digest) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, d.cost.Memory, d.cost.Passes, d.cost.Threads, encode(d.salt), encode(d.key))
}

// parse reads what String writes. Its errors never repeat the input.
func parse(encoded string) (digest, error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return digest{}, errFormat
	}
	var d digest
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &d.cost.Memory, &d.cost.Passes, &d.cost.Threads); err != nil {
		return digest{}, errFormat
	}
	var err error
	if d.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err != nil {
		return digest{}, errFormat
	}
	if d.key, err = base64.RawStdEncoding.Strict().DecodeString(parts[5]); err != nil {
		return digest{}, errFormat
	}
	if !d.bounded() || d.String() != encoded {
		return digest{}, errFormat
	}
	return d, nil
}

func (d digest) bounded() bool {
	return d.cost.Passes >= 1 && d.cost.Passes <= maxPasses &&
		d.cost.Threads >= 1 && d.cost.Threads <= maxThreads &&
		d.cost.Memory >= 8*uint32(d.cost.Threads) && d.cost.Memory <= maxMemory && // RFC 9106 3.1
		len(d.salt) >= minSalt && len(d.salt) <= maxBytes &&
		len(d.key) >= keySize/2 && len(d.key) <= maxBytes
}
