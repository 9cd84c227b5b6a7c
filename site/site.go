package site

import (
	"time"

	"streamcat/stage"
)

// AccountID names an account.
type AccountID string

// Account is a person who registered.
type Account struct {
	ID      AccountID
	Name    string // as written at registration; unique without regard to case
	Created time.Time
}

// Channel is an account's place on the site: its page, its stage, its broadcasts.
type Channel struct {
	ID          string
	Owner       AccountID
	Name        string // the owner's name
	Title       string // at most 140 characters, may be empty
	Description string // at most 1,000 characters, may be empty
	Stage       stage.ID
	HasPicture  bool
	Live        bool
	LiveSince   time.Time
}

// Broadcast is one time on air.
type Broadcast struct {
	ID      string
	Channel string
	Title   string
	Started time.Time
	Ended   time.Time // zero while it goes on
}

// Invitation lets one account, or whoever holds the link, onto a stage as a guest.
type Invitation struct {
	ID       string
	Channel  string
	Code     stage.Secret // the secret part of the link; shown to the host as often as wanted
	For      string       // account name it is for; "" means whoever opens it
	Created  time.Time
	Expires  time.Time
	Revoked  bool
	Accepted []string // names of the accounts that used it
}

// Role is what an account is in a studio.
type Role string

// The roles.
const (
	Host  Role = "host"
	Guest Role = "guest"
)

// Entry is an account's way into a studio: its role, its current token, and whether a client is connected with that token.
type Entry struct {
	Role    Role
	Channel Channel
	Token   stage.Token
	InUse   bool
}
