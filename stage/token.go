package stage

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"streamcat/jwt"
)

// What a token may be, as IVS limits it.
const (
	minTokenDuration     = time.Minute
	maxTokenDuration     = 14 * 24 * time.Hour
	defaultTokenDuration = 12 * time.Hour
	maxUserID            = 128     // characters
	maxAttributes        = 1 << 10 // bytes of all keys and values together
	tokenVersion         = "1.0"

	// clockSkew is how far the clock of another node that signs may be ahead.
	clockSkew = time.Minute
)

// signingKeySecret names the private key in the store: PKCS #8, DER.
const signingKeySecret = "stage.signing-key"

// TokenRequest asks for a participant token.
type TokenRequest struct {
	UserID       string
	Attributes   map[string]string // at most 1 KB of keys and values
	Capabilities Capabilities
	Duration     time.Duration // 1 minute to 14 days; 0 means 12 hours
}

// Token is a participant token and what it says.
type Token struct {
	Raw          Secret
	Participant  ParticipantID
	Stage        ID
	UserID       string
	Attributes   map[string]string
	Capabilities Capabilities
	Expires      time.Time
}

// Secret is a string that does not show itself in logs.
type Secret string

// String hides the secret; convert to string where it is really needed.
func (Secret) String() string { return "***" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return "***" }

// LogValue hides the secret in logs.
func (Secret) LogValue() slog.Value { return slog.StringValue("***") }

// claims is the payload of a token. Pointers tell a missing claim from a zero one.
type claims struct {
	Expires      *int64             `json:"exp"`
	Issued       *int64             `json:"iat"`
	Participant  string             `json:"jti"`
	Resource     string             `json:"resource"`
	Topic        string             `json:"topic"`
	EventsURL    string             `json:"events_url"`
	WHIPURL      string             `json:"whip_url"`
	UserID       string             `json:"user_id,omitempty"`
	Attributes   map[string]string  `json:"attributes,omitempty"`
	Capabilities *claimCapabilities `json:"capabilities"`
	Version      string             `json:"version"`
}

type claimCapabilities struct {
	Publish   bool `json:"allow_publish"`
	Subscribe bool `json:"allow_subscribe"`
}

// signer makes and reads tokens. It knows nothing of stages and is safe for concurrent use.
type signer struct {
	key       *ecdsa.PrivateKey
	kid       string
	eventsURL string
	whipURL   string
	verified  *grantCache
}

// newSigner loads the signing key, or makes one.
func newSigner(ctx context.Context, store Store, publicURL string) (*signer, error) {
	base, err := url.Parse(publicURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("public URL %q: it must begin with http:// or https:// and name a host", publicURL)
	}
	key, err := loadSigningKey(ctx, store)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("name the signing key: %w", err)
	}
	fingerprint := sha256.Sum256(public)
	whip := base.JoinPath("rtc", "whip")
	events := base.JoinPath("rtc", "events")
	events.Scheme = "ws" + strings.TrimPrefix(base.Scheme, "http")
	return &signer{
		key: key,
		// Derived, so that the name cannot get lost: 16 bytes are 22 characters.
		kid:       arnPrefix + "public-key/" + base64.RawURLEncoding.EncodeToString(fingerprint[:16]),
		eventsURL: events.String(),
		whipURL:   whip.String(),
		verified:  newGrantCache(),
	}, nil
}

func loadSigningKey(ctx context.Context, store Store) (*ecdsa.PrivateKey, error) {
	der, err := store.Secret(ctx, signingKeySecret)
	if err != nil {
		return nil, fmt.Errorf("load the signing key: %w", err)
	}
	if der == nil {
		fresh, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("make a signing key: %w", err)
		}
		if der, err = x509.MarshalPKCS8PrivateKey(fresh); err != nil {
			return nil, fmt.Errorf("make a signing key: %w", err)
		}
		// Another node may have been first; then its key is the one.
		if der, err = store.PutSecretIfAbsent(ctx, signingKeySecret, der); err != nil {
			return nil, fmt.Errorf("store the signing key: %w", err)
		}
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("load the signing key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P384() {
		return nil, fmt.Errorf("load the signing key: %s is not an ECDSA key on P-384", signingKeySecret)
	}
	return key, nil
}

// sign makes a token for a new participant.
func (s *signer) sign(id ID, req TokenRequest) (Token, error) {
	if req.Duration == 0 {
		req.Duration = defaultTokenDuration
	}
	if req.Duration < minTokenDuration || req.Duration > maxTokenDuration {
		return Token{}, Errorf(InvalidInput, "A token lives for one minute at least and for 14 days at most.")
	}
	if err := checkIdentity(req.UserID, req.Attributes); err != nil {
		return Token{}, err
	}
	if req.Capabilities == (Capabilities{}) {
		return Token{}, Errorf(InvalidInput, "A token must allow publishing, subscribing or both.")
	}
	now := time.Now()
	issued, expires := now.Unix(), now.Add(req.Duration).Unix()
	participant := randomID(participantIDLength)
	raw, err := jwt.Sign(s.key, s.kid, claims{
		Expires:      &expires,
		Issued:       &issued,
		Participant:  participant,
		Resource:     id.ARN(),
		Topic:        string(id),
		EventsURL:    s.eventsURL,
		WHIPURL:      s.whipURL,
		UserID:       req.UserID,
		Attributes:   req.Attributes,
		Capabilities: &claimCapabilities{Publish: req.Capabilities.Publish, Subscribe: req.Capabilities.Subscribe},
		Version:      tokenVersion,
	})
	if err != nil {
		return Token{}, err
	}
	return Token{
		Raw:          Secret(raw),
		Participant:  ParticipantID(participant),
		Stage:        id,
		UserID:       req.UserID,
		Attributes:   req.Attributes,
		Capabilities: req.Capabilities,
		Expires:      time.Unix(expires, 0).UTC(),
	}, nil
}

// verify reads a token. It looks at everything that the token itself can tell but its expiry; whether that matters, whether the
// stage exists and whether the participant was removed is for others to know.
func (s *signer) verify(raw string) (Grant, error) {
	if raw == "" {
		return Grant{}, Errorf(TokenMalformed, "A participant token is needed.")
	}
	grant, known := s.verified.get(raw)
	if !known {
		var c claims
		err := jwt.Verify(raw, func(kid string) *ecdsa.PublicKey {
			if kid != s.kid {
				return nil
			}
			return &s.key.PublicKey
		}, &c)
		switch {
		case errors.Is(err, jwt.ErrUnknownKey):
			return Grant{}, Errorf(TokenMalformed, "The token was not signed by this service.")
		case errors.Is(err, jwt.ErrSignature):
			return Grant{}, Errorf(TokenMalformed, "The signature of the token is wrong.")
		case err != nil:
			return Grant{}, Errorf(TokenMalformed, "This is not a participant token.")
		}
		if grant, err = c.grant(); err != nil {
			return Grant{}, err
		}
		s.verified.put(raw, grant)
	}
	return grant, nil
}

// grant checks the claims of a token whose signature is good.
func (c *claims) grant() (Grant, error) {
	malformed := func(sentence string) (Grant, error) { return Grant{}, Errorf(TokenMalformed, "%s", sentence) }
	if c.Version != tokenVersion {
		return malformed("The version of the token is not 1.0.")
	}
	if c.Expires == nil || c.Issued == nil {
		return malformed("The token does not say when it was issued and when it expires.")
	}
	// Compared as numbers, because times of hostile size overflow.
	if lifetime := *c.Expires - *c.Issued; *c.Issued < 0 || *c.Expires < 0 || lifetime <= 0 || lifetime > int64(maxTokenDuration/time.Second) {
		return malformed("The token lives for more than 14 days, or ends before it begins.")
	}
	if *c.Issued > time.Now().Add(clockSkew).Unix() {
		return malformed("The token was issued in the future.")
	}
	if !participantPattern.MatchString(c.Participant) {
		return malformed("The participant id of the token is malformed.")
	}
	id, ok := ParseARN(c.Resource)
	if !ok || string(id) != c.Topic {
		return malformed("The token does not name one stage.")
	}
	if c.Capabilities == nil {
		return malformed("The token does not say what it allows.")
	}
	if err := checkIdentity(c.UserID, c.Attributes); err != nil {
		return malformed(err.Message)
	}
	return Grant{
		Stage:        id,
		Participant:  ParticipantID(c.Participant),
		UserID:       c.UserID,
		Attributes:   c.Attributes,
		Capabilities: Capabilities{Publish: c.Capabilities.Publish, Subscribe: c.Capabilities.Subscribe},
		Expires:      time.Unix(*c.Expires, 0).UTC(),
	}, nil
}

// checkIdentity checks what others will be told of a participant. NUL is refused because not every database keeps it.
func checkIdentity(userID string, attributes map[string]string) *Error {
	if !storable(userID) || utf8.RuneCountInString(userID) > maxUserID {
		return Errorf(InvalidInput, "A user id has at most 128 characters.")
	}
	size := 0
	for key, value := range attributes {
		if !storable(key) || !storable(value) {
			return Errorf(InvalidInput, "Attributes are text.")
		}
		size += len(key) + len(value)
	}
	if size > maxAttributes {
		return Errorf(InvalidInput, "Attributes have at most 1 KB in all; these have %d bytes.", size)
	}
	return nil
}

// storable says whether a text can be kept and sent as it is.
func storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }
