package web

import (
	"net/netip"
	"strings"
	"time"

	"streamcat/ratelimit"
	"streamcat/site"
)

// limitKeys bounds what each limiter remembers: some megabytes at worst.
const limitKeys = 50_000

// limits slow down whoever guesses passwords, or makes accounts, passes and database rows by the thousand.
type limits struct {
	registerAddress *ratelimit.Limiter[netip.Prefix]
	loginAddress    *ratelimit.Limiter[netip.Prefix]
	loginGuess      *ratelimit.Limiter[guess]
	loginName       *ratelimit.Limiter[string]
	passAddress     *ratelimit.Limiter[netip.Prefix]
	changeAccount   *ratelimit.Limiter[site.AccountID]
}

// guess is somebody who tries an account.
type guess struct {
	from netip.Prefix
	name string
}

// A school class behind one address may register, or watch, at once; nobody mistypes a password ten times in a minute. Names are
// public, so one address is given much less of an account than all together: it must not be able to keep the owner out.
func newLimits() *limits {
	return &limits{
		registerAddress: ratelimit.New[netip.Prefix](ratelimit.Rate{PerSecond: 1.0 / 15, Burst: 60}, limitKeys),
		loginAddress:    ratelimit.New[netip.Prefix](ratelimit.Rate{PerSecond: 1.0 / 3, Burst: 60}, limitKeys),
		loginGuess:      ratelimit.New[guess](ratelimit.Rate{PerSecond: 1.0 / 10, Burst: 10}, limitKeys),
		loginName:       ratelimit.New[string](ratelimit.Rate{PerSecond: 1.0 / 2, Burst: 30}, limitKeys),
		passAddress:     ratelimit.New[netip.Prefix](ratelimit.Rate{PerSecond: 10, Burst: 200}, limitKeys),
		changeAccount:   ratelimit.New[site.AccountID](ratelimit.Rate{PerSecond: 1, Burst: 60}, limitKeys),
	}
}

// allowRegister refuses an address that registers too often.
func (l *limits) allowRegister(from netip.Prefix) error {
	return tooMany(l.registerAddress.Take(from))
}

// allowLogin refuses an address, or whoever tries one account, when there were too many attempts.
func (l *limits) allowLogin(from netip.Prefix, name string) error {
	name = strings.ToLower(truncate(name, 64))
	if err := tooMany(l.loginAddress.Take(from)); err != nil {
		return err
	}
	if err := tooMany(l.loginGuess.Take(guess{from, name})); err != nil {
		return err
	}
	return tooMany(l.loginName.Take(name))
}

// allowPass refuses an address that asks for too many passes for the audience, each of which has to be signed.
func (l *limits) allowPass(from netip.Prefix) error {
	return tooMany(l.passAddress.Take(from))
}

// allowChange refuses an account that changes things too fast.
func (l *limits) allowChange(account site.AccountID) error {
	return tooMany(l.changeAccount.Take(account))
}

func tooMany(wait time.Duration) error {
	if wait == 0 {
		return nil
	}
	seconds := int(wait/time.Second) + 1
	if seconds == 1 {
		return site.Errorf(site.Limited, "Too many attempts. Try again in a second.")
	}
	return site.Errorf(site.Limited, "Too many attempts. Try again in %d seconds.", seconds)
}
