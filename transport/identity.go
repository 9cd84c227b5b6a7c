package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// certificateLife is how long a certificate says that it is valid. Nobody looks: what counts is its fingerprint in the answer.
const certificateLife = 10 * 365 * 24 * time.Hour

// newCertificate makes a self-signed one with a P-256 key, as RFC 8827 6.5 wants.
func newCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a serial number: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "WebRTC"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(certificateLife),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// fingerprintOf writes what a=fingerprint says of a certificate. // RFC 8122 5
func fingerprintOf(der []byte) string {
	sum := sha256.Sum256(der)
	var b strings.Builder
	b.WriteString("sha-256 ")
	for i, octet := range sum {
		if i > 0 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%02X", octet)
	}
	return b.String()
}

// fingerprint is the hash of a certificate that an offer announced.
type fingerprint struct {
	hash   func(der []byte) []byte
	digest []byte
}

var errFingerprintForm = errors.New("a fingerprint has to be sha-256, sha-384 or sha-512 and the digest in hexadecimal")

// parseFingerprint reads the value of a=fingerprint. // RFC 8122 5
func parseFingerprint(value string) (fingerprint, error) {
	name, digits, _ := strings.Cut(value, " ")
	var f fingerprint
	size := 0
	switch strings.ToLower(name) {
	case "sha-256":
		size, f.hash = sha256.Size, func(der []byte) []byte { s := sha256.Sum256(der); return s[:] }
	case "sha-384":
		size, f.hash = sha512.Size384, func(der []byte) []byte { s := sha512.Sum384(der); return s[:] }
	case "sha-512":
		size, f.hash = sha512.Size, func(der []byte) []byte { s := sha512.Sum512(der); return s[:] }
	}
	digest, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
	if size == 0 || err != nil || len(digest) != size {
		return fingerprint{}, errFingerprintForm
	}
	f.digest = digest
	return f, nil
}

// verify checks the first certificate of a handshake.
func (f *fingerprint) verify(certificates [][]byte) error {
	if len(certificates) == 0 || subtle.ConstantTimeCompare(f.hash(certificates[0]), f.digest) != 1 {
		return ErrFingerprint
	}
	return nil
}

// Credentials name one side of an ICE session. // RFC 8839 5.4
type Credentials struct {
	Fragment string // ice-ufrag
	Password string // ice-pwd
}

// Random bytes in a user name fragment and in a password: 48 and 144 bits, where RFC 8445 5.3 wants 24 and 128.
const (
	fragmentBytes = 6
	passwordBytes = 18
)

func newCredentials() Credentials {
	var random [fragmentBytes + passwordBytes]byte
	rand.Read(random[:]) // never fails
	text := base64.RawStdEncoding.EncodeToString(random[:])
	const cut = fragmentBytes * 8 / 6
	return Credentials{Fragment: text[:cut], Password: text[cut:]}
}
