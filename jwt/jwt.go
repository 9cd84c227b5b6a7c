package jwt

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// MaxSize is how long a token may be, in bytes. A kilobyte of attributes takes up to eight once it is escaped and encoded.
const MaxSize = 16 << 10

const tokenType = "JWT"

// Reasons why a token is refused. All are the sender's fault.
var (
	ErrMalformed  = errors.New("not an ES384 JSON Web Token")
	ErrUnknownKey = errors.New("signed with an unknown key")
	ErrSignature  = errors.New("the signature does not match")
)

// Sign returns a token that says claims, which must marshal to a JSON object. kid names the key to those who verify.
func Sign(key *ecdsa.PrivateKey, kid string, claims any) (string, error) {
	if key.Curve != elliptic.P384() {
		return "", fmt.Errorf("sign token: ES384 needs a key on P-384, not on %s", key.Curve.Params().Name)
	}
	object, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES384, &payload{object: object})
	token.Header["kid"] = kid
	raw, err := token.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	if len(raw) > MaxSize {
		return "", fmt.Errorf("sign token: %d bytes are more than a token may have", len(raw))
	}
	return raw, nil
}

// Verify checks a token and decodes its payload into claims, a pointer. key returns the public key that a kid names, nil when
// there is none. The error wraps ErrMalformed, ErrUnknownKey or ErrSignature; claims is untouched unless the signature is good.
func Verify(raw string, key func(kid string) *ecdsa.PublicKey, claims any) error {
	if len(raw) > MaxSize {
		return fmt.Errorf("%w: longer than %d bytes", ErrMalformed, MaxSize)
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodES384.Alg()}),
		jwt.WithStrictDecoding(),      // one token, one spelling
		jwt.WithoutClaimsValidation(), // the caller has stricter rules
	)
	var p payload
	_, err := parser.ParseWithClaims(raw, &p, func(token *jwt.Token) (any, error) {
		if typ := token.Header["typ"]; typ != tokenType {
			return nil, fmt.Errorf("%w: its typ is not JWT", ErrMalformed)
		}
		// RFC 7515 4.1.11: extensions that must be understood are not.
		if _, critical := token.Header["crit"]; critical {
			return nil, fmt.Errorf("%w: it has critical extensions", ErrMalformed)
		}
		kid, _ := token.Header["kid"].(string)
		public := key(kid)
		if public == nil {
			return nil, ErrUnknownKey
		}
		if public.Curve != elliptic.P384() {
			return nil, fmt.Errorf("%w: the key it names is not on P-384", ErrUnknownKey)
		}
		return public, nil
	})
	switch {
	case errors.Is(err, ErrMalformed), errors.Is(err, ErrUnknownKey):
		return err
	case errors.Is(err, jwt.ErrTokenSignatureInvalid) && !errors.Is(err, jwt.ErrECDSAVerification):
		// This is what the library calls another algorithm.
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return ErrSignature
	case err != nil:
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := json.Unmarshal(p.object, claims); err != nil {
		return fmt.Errorf("%w: its payload: %w", ErrMalformed, err)
	}
	return nil
}

// payload is the claims as bytes, so that the library neither reads nor changes them.
type payload struct{ object json.RawMessage }

// MarshalJSON implements json.Marshaler.
func (p *payload) MarshalJSON() ([]byte, error) { return p.object, nil }

// UnmarshalJSON implements json.Unmarshaler.
func (p *payload) UnmarshalJSON(object []byte) error {
	if len(object) == 0 || object[0] != '{' {
		return errors.New("not an object")
	}
	p.object = bytes.Clone(object)
	return nil
}

// What follows is the library's interface for claims it validates itself, which it is told not to do.

func (p *payload) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }
func (p *payload) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (p *payload) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (p *payload) GetIssuer() (string, error)                   { return "", nil }
func (p *payload) GetSubject() (string, error)                  { return "", nil }
func (p *payload) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }
