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

// limits slow down whoever guesses passwords or makes accounts by the thousand.
type limits struct {
	registerAddress *ratelimit.Limiter[netip.Prefix]
	loginAddress    *ratelimit.Limiter[netip.Prefix]
	loginName       *ratelimit.Limiter[string]
}

// A school class behind one address may register at once; nobody mistypes a password ten times in a minute.
func newLimits() *limits {
	return &limits{
		registerAddress: ratelimit.New[netip.Prefix](ratelimit.Rate{PerSecond: 1.0 / 15, Burst: 60}, limitKeys),
		loginAddress:    ratelimit.New[netip.Prefix](ratelimit.Rate{PerSecond: 1.0 / 3, Burst: 60}, limitKeys),
		loginName:       ratelimit.New[string](ratelimit.Rate{PerSecond: 1.0 / 10, Burst: 10}, limitKeys),
	}
}

// allowRegister refuses an address that registers too often.
func (l *limits) allowRegister(from netip.Prefix) error {
	return tooMany(l.registerAddress.Take(from))
}

// allowLogin refuses an address, or everybody who tries one account, when there were too many attempts.
func (l *limits) allowLogin(from netip.Prefix, name string) error {
	if err := tooMany(l.loginAddress.Take(from)); err != nil {
		return err
	}
	return tooMany(l.loginName.Take(strings.ToLower(truncate(name, 64))))
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
