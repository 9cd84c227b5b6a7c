package site

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"streamcat/argon"
	"streamcat/stage"
)

// Register makes an account, its channel and its stage in one transaction. Refusals are Invalid or Conflict with a sentence saying which rule.
func (s *Service) Register(ctx context.Context, name, password string) (Account, error) {
	if err := checkName(name); err != nil {
		return Account{}, err
	}
	if err := checkPassword(password, name); err != nil {
		return Account{}, err
	}
	// Saves hashing for nothing. Whether the name is free is decided when it is kept.
	switch _, _, err := s.store.AccountByName(ctx, name); CodeOf(err) {
	case "":
		return Account{}, taken(name)
	case NotFound:
	default:
		return Account{}, fmt.Errorf("register %s: %w", name, err)
	}
	hash, err := s.passwords.Hash(ctx, password)
	if errors.Is(err, argon.ErrBusy) {
		return Account{}, busy()
	}
	if err != nil {
		return Account{}, fmt.Errorf("register %s: %w", name, err)
	}
	own, err := stage.New(name, true)
	if err != nil {
		return Account{}, fmt.Errorf("register %s: %w", name, err)
	}
	account := Account{ID: AccountID(newID()), Name: name, Created: s.now()}
	err = s.store.CreateAccount(ctx, Registration{Account: account, PasswordHash: hash, ChannelID: newID(), Stage: own})
	switch CodeOf(err) {
	case "":
		return account, nil
	case Conflict:
		return Account{}, taken(name)
	}
	return Account{}, fmt.Errorf("register %s: %w", name, err)
}

func taken(name string) error {
	return Errorf(Conflict, "The name %s is taken. Please choose another one.", name).On("name")
}

// Login checks a password. The refusal is the same, and takes as long, whether the account exists or not.
func (s *Service) Login(ctx context.Context, name, password string) (Account, error) {
	account, hash := Account{}, s.passwords.Decoy()
	if couldBeName(name) {
		found, foundHash, err := s.store.AccountByName(ctx, name)
		switch CodeOf(err) {
		case "":
			account, hash = found, foundHash
		case NotFound:
		default:
			return Account{}, fmt.Errorf("log in: %w", err)
		}
	}
	if len(password) > argon.MaxPassword {
		password, hash = "", s.passwords.Decoy()
	}
	right, err := s.passwords.Verify(ctx, hash, password)
	if errors.Is(err, argon.ErrBusy) {
		return Account{}, busy()
	}
	if err != nil {
		return Account{}, fmt.Errorf("log in: %w", err)
	}
	if !right {
		return Account{}, Errorf(Denied, "Name and password do not match.")
	}
	return account, nil
}

func busy() error {
	return Errorf(Limited, "Too many people are logging in right now. Try again in a moment.")
}

// newID makes the id of a row: 130 random bits as 26 characters of A to Z and 2 to 7.
func newID() string { return rand.Text() }
