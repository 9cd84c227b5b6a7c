package site

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"streamcat/stage"
)

const (
	sessionSize = 32 // random bytes
	// sessionLifetime is counted from the last use.
	sessionLifetime = 30 * 24 * time.Hour
	// sessionStep is how much of the lifetime has to be gone before it is written again: once a day is exact enough.
	sessionStep = 24 * time.Hour
	// maxUserAgent is how much of what a browser says of itself is kept, in bytes.
	maxUserAgent = 256
)

// OpenSession makes a session cookie's value for an account. The store keeps only its hash.
func (s *Service) OpenSession(ctx context.Context, account AccountID, userAgent string) (stage.Secret, error) {
	random := make([]byte, sessionSize)
	rand.Read(random) // never fails: the program ends instead
	secret := stage.Secret(base64.RawURLEncoding.EncodeToString(random))
	now := s.now()
	err := s.store.PutSession(ctx, Session{
		Hash:      sessionHash(secret),
		Account:   account,
		UserAgent: keepText(userAgent, maxUserAgent),
		Created:   now,
		Expires:   now.Add(sessionLifetime),
	})
	if err != nil {
		return "", fmt.Errorf("open session: %w", err)
	}
	return secret, nil
}

// SessionAccount returns whose session this is; NotFound when it is unknown, expired or revoked.
func (s *Service) SessionAccount(ctx context.Context, session stage.Secret) (Account, error) {
	over := Errorf(NotFound, "This session is over.")
	if len(session) != base64.RawURLEncoding.EncodedLen(sessionSize) {
		return Account{}, over
	}
	hash := sessionHash(session)
	kept, err := s.store.Session(ctx, hash)
	if CodeOf(err) == NotFound {
		return Account{}, over
	}
	if err != nil {
		return Account{}, fmt.Errorf("look up session: %w", err)
	}
	now := s.now()
	if !kept.Expires.After(now) {
		return Account{}, over
	}
	account, err := s.store.Account(ctx, kept.Account)
	if err != nil {
		return Account{}, fmt.Errorf("look up session: %w", err)
	}
	if kept.Expires.Sub(now) < sessionLifetime-sessionStep {
		if err := s.store.ExtendSession(ctx, hash, now.Add(sessionLifetime)); err != nil {
			return Account{}, fmt.Errorf("extend session: %w", err)
		}
	}
	return account, nil
}

// CloseSession logs out one session; one that is over already is fine.
func (s *Service) CloseSession(ctx context.Context, session stage.Secret) error {
	if err := s.store.DeleteSession(ctx, sessionHash(session)); err != nil {
		return fmt.Errorf("close session: %w", err)
	}
	return nil
}

// CloseSessions logs an account out everywhere.
func (s *Service) CloseSessions(ctx context.Context, account AccountID) error {
	if err := s.store.DeleteSessions(ctx, account); err != nil {
		return fmt.Errorf("close sessions of %s: %w", account, err)
	}
	return nil
}

// sessionHash needs no salt: what it hashes is as random as a key.
func sessionHash(session stage.Secret) string {
	sum := sha256.Sum256([]byte(session))
	return hex.EncodeToString(sum[:])
}

// keepText makes text that a database takes of what a stranger sent: valid UTF-8 without NUL, at most limit bytes.
func keepText(text string, limit int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
	for len(text) > limit {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
