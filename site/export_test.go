package site

import "time"

// Passwords is what a test may put in place of argon.Hasher.
type Passwords = passwords

// SetClock makes a service read the time from now.
func (s *Service) SetClock(now func() time.Time) { s.now = now }

// SetPasswords makes a service hash with p.
func (s *Service) SetPasswords(p Passwords) { s.passwords = p }
