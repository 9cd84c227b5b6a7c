package jwt_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"streamcat/jwt"
)

type claims struct {
	Subject string `json:"sub"`
	Expires int64  `json:"exp"`
}

func newKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// ring answers with one key for the kid "k".
func ring(key *ecdsa.PrivateKey) func(string) *ecdsa.PublicKey {
	return func(kid string) *ecdsa.PublicKey {
		if kid != "k" {
			return nil
		}
		return &key.PublicKey
	}
}

// forge signs any header and payload with ES384 as RFC 7518 3.4 says, without the package under test.
func forge(t testing.TB, key *ecdsa.PrivateKey, header, payload string) string {
	t.Helper()
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	size := (key.Curve.Params().BitSize + 7) / 8
	var digest []byte
	if size == 48 {
		sum := sha512.Sum384([]byte(text))
		digest = sum[:]
	} else {
		sum := sha256.Sum256([]byte(text))
		digest = sum[:]
	}
	r, s, err := ecdsa.Sign(rand.Reader, key, digest)
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(append(fixed(r, size), fixed(s, size)...))
}

func fixed(n *big.Int, size int) []byte { return n.FillBytes(make([]byte, size)) }

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func TestRoundTrip(t *testing.T) {
	key := newKey(t, elliptic.P384())
	want := claims{Subject: "<Zoë & Co>", Expires: 1 << 40}
	raw, err := jwt.Sign(key, "k", want)
	if err != nil {
		t.Fatal(err)
	}
	var got claims
	if err := jwt.Verify(raw, ring(key), &got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	header, err := base64.RawURLEncoding.DecodeString(raw[:strings.Index(raw, ".")])
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]string
	if err := json.Unmarshal(header, &fields); err != nil {
		t.Fatal(err)
	}
	if fields["alg"] != "ES384" || fields["typ"] != "JWT" || fields["kid"] != "k" || len(fields) != 3 {
		t.Errorf("header is %s", header)
	}
}

func TestForeignTokenIsRead(t *testing.T) {
	key := newKey(t, elliptic.P384())
	var got claims
	err := jwt.Verify(forge(t, key, `{"kid":"k","typ":"JWT","alg":"ES384"}`, `{"sub":"a","exp":7}`), ring(key), &got)
	if err != nil || got != (claims{"a", 7}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSignRefuses(t *testing.T) {
	p384 := newKey(t, elliptic.P384())
	tests := []struct {
		name   string
		key    *ecdsa.PrivateKey
		claims any
	}{
		{"wrong curve", newKey(t, elliptic.P256()), claims{}},
		{"not JSON", p384, func() {}},
		{"too long", p384, claims{Subject: strings.Repeat("x", jwt.MaxSize)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if raw, err := jwt.Sign(tt.key, "k", tt.claims); err == nil {
				t.Errorf("signed %d bytes", len(raw))
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	key, stranger, p256 := newKey(t, elliptic.P384()), newKey(t, elliptic.P384()), newKey(t, elliptic.P256())
	const header, payload = `{"alg":"ES384","kid":"k","typ":"JWT"}`, `{"sub":"a"}`
	good := forge(t, key, header, payload)
	parts := strings.Split(good, ".")

	// The classic: the public key's bytes as an HMAC secret.
	public, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	hs := encode([]byte(`{"alg":"HS384","kid":"k","typ":"JWT"}`)) + "." + parts[1]
	mac := hmac.New(sha512.New384, public)
	mac.Write([]byte(hs))
	confused := hs + "." + encode(mac.Sum(nil))

	// The last character of the signature carries no spare bits (96 bytes are 128 characters), so flip one in the middle.
	flipped := []byte(parts[2])
	if flipped[40]++; flipped[40] > 'z' || flipped[40] == '[' || flipped[40] == ':' || flipped[40] == '.' || flipped[40] == '`' {
		flipped[40] = 'A'
	}

	tests := []struct {
		name string
		raw  string
		want error
	}{
		{"empty", "", jwt.ErrMalformed},
		{"two parts", parts[0] + "." + parts[1], jwt.ErrMalformed},
		{"four parts", good + ".x", jwt.ErrMalformed},
		{"not base64", "!." + parts[1] + "." + parts[2], jwt.ErrMalformed},
		{"padded", good + "=", jwt.ErrMalformed},
		{"too long", good + strings.Repeat("A", jwt.MaxSize), jwt.ErrMalformed},
		{"alg none", encode([]byte(`{"alg":"none","kid":"k","typ":"JWT"}`)) + "." + parts[1] + ".", jwt.ErrMalformed},
		{"alg None with a signature", encode([]byte(`{"alg":"None","kid":"k","typ":"JWT"}`)) + "." + parts[1] + "." + parts[2], jwt.ErrMalformed},
		{"alg HS384 with the public key", confused, jwt.ErrMalformed},
		{"alg ES256", forge(t, p256, `{"alg":"ES256","kid":"k","typ":"JWT"}`, payload), jwt.ErrMalformed},
		{"alg missing", forge(t, key, `{"kid":"k","typ":"JWT"}`, payload), jwt.ErrMalformed},
		{"typ missing", forge(t, key, `{"alg":"ES384","kid":"k"}`, payload), jwt.ErrMalformed},
		{"typ other", forge(t, key, `{"alg":"ES384","kid":"k","typ":"at+jwt"}`, payload), jwt.ErrMalformed},
		{"critical extension", forge(t, key, `{"alg":"ES384","kid":"k","typ":"JWT","crit":["exp"]}`, payload), jwt.ErrMalformed},
		{"kid missing", forge(t, key, `{"alg":"ES384","typ":"JWT"}`, payload), jwt.ErrUnknownKey},
		{"kid unknown", forge(t, key, `{"alg":"ES384","kid":"other","typ":"JWT"}`, payload), jwt.ErrUnknownKey},
		{"kid not a string", forge(t, key, `{"alg":"ES384","kid":["k"],"typ":"JWT"}`, payload), jwt.ErrUnknownKey},
		{"another's signature", forge(t, stranger, header, payload), jwt.ErrSignature},
		{"signed on another curve", forge(t, p256, header, payload), jwt.ErrSignature},
		{"signature changed", parts[0] + "." + parts[1] + "." + string(flipped), jwt.ErrSignature},
		{"payload changed", parts[0] + "." + encode([]byte(`{"sub":"b"}`)) + "." + parts[2], jwt.ErrSignature},
		{"signature empty", parts[0] + "." + parts[1] + ".", jwt.ErrSignature},
		{"payload is a list", forge(t, key, header, `[{"sub":"a"}]`), jwt.ErrMalformed},
		{"payload is not JSON", forge(t, key, header, `sub=a`), jwt.ErrMalformed},
		{"payload twice", forge(t, key, header, payload+payload), jwt.ErrMalformed},
		{"claim of another type", forge(t, key, header, `{"sub":7}`), jwt.ErrMalformed},
		{"fraction where an integer belongs", forge(t, key, header, `{"exp":1.5}`), jwt.ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := jwt.Verify(tt.raw, ring(key), new(claims)); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}

	t.Run("key on another curve", func(t *testing.T) {
		if err := jwt.Verify(good, ring(p256), new(claims)); !errors.Is(err, jwt.ErrUnknownKey) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("claims stay untouched", func(t *testing.T) {
		got := claims{Subject: "before"}
		if err := jwt.Verify(forge(t, stranger, header, payload), ring(key), &got); err == nil || got.Subject != "before" {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// FuzzVerify holds that nothing but what this key signed is accepted, and that no input brings the program down.
func FuzzVerify(f *testing.F) {
	key := newKey(f, elliptic.P384())
	good, err := jwt.Sign(key, "k", claims{Subject: "a", Expires: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(forge(f, newKey(f, elliptic.P384()), `{"alg":"ES384","kid":"k","typ":"JWT"}`, `{"sub":"b"}`))
	f.Add(forge(f, key, `{"alg":"ES384","kid":"k","typ":"JWT"}`, `[]`))
	f.Add("..")
	f.Add(encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(`{}`)) + ".")
	f.Fuzz(func(t *testing.T, raw string) {
		var got claims
		if err := jwt.Verify(raw, ring(key), &got); err == nil && raw != good {
			t.Errorf("accepted %q as %+v", raw, got)
		}
	})
}
