package site

import (
	"strings"
	"unicode/utf8"
)

// Lengths of names and passwords, in characters.
const (
	minName     = 3
	maxName     = 32
	minPassword = 8
	maxPassword = 256 // at most 1,024 bytes, which is argon.MaxPassword
)

// checkName says which rule a name breaks.
func checkName(name string) error {
	for _, c := range []byte(name) {
		if !nameCharacter(c) {
			return Errorf(Invalid, "A name is made of the letters a to z, digits, hyphens and underscores only.").On("name")
		}
	}
	switch {
	case len(name) < minName:
		return Errorf(Invalid, "A name has at least %d characters.", minName).On("name")
	case len(name) > maxName:
		return Errorf(Invalid, "A name has at most %d characters.", maxName).On("name")
	case reserved(strings.ToLower(name)):
		return Errorf(Invalid, "The name %s is reserved. Please choose another one.", name).On("name")
	}
	return nil
}

// couldBeName says whether an account could have this name. What could not is never asked of the store.
func couldBeName(name string) bool { return checkName(name) == nil }

func nameCharacter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// reserved are the names of routes, present and likely, and those that could pass for the site itself.
func reserved(name string) bool {
	switch name {
	case "about", "abuse", "account", "accounts", "admin", "administrator", "api", "app", "asset", "assets", "auth", "aws",
		"billing", "blog", "broadcast", "broadcasts", "category", "channel", "channels", "chat", "contact",
		"dashboard", "debug", "discover", "docs", "download", "embed", "error", "everyone", "explore",
		"favicon", "feed", "feedback", "follow", "following", "healthz", "health", "help", "home", "hostmaster",
		"index", "info", "invitation", "invitations", "invite", "invites", "ivs", "legal", "live", "login", "logout",
		"mail", "me", "media", "metrics", "mod", "moderator", "new", "news", "nobody", "noreply", "null", "official", "owner",
		"password", "picture", "pictures", "postmaster", "pprof", "press", "privacy", "profile", "public", "register", "relay",
		"robots", "root", "rtc", "sdk", "search", "security", "server", "service", "session", "sessions", "settings", "signin",
		"signout", "signup", "sitemap", "site", "staff", "stage", "stages", "static", "status", "store", "streamcat", "studio",
		"subscribe", "support", "sys", "system", "team", "terms", "token", "tokens", "true", "false", "undefined",
		"user", "users", "visitor", "watch", "webmaster", "well-known", "whep", "whip", "www", "you":
		return true
	}
	return false
}

// checkPassword says which rule a password breaks.
func checkPassword(password, name string) error {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return Errorf(Invalid, "The password is not valid text.").On("password")
	case n < minPassword:
		return Errorf(Invalid, "A password has at least %d characters.", minPassword).On("password")
	case n > maxPassword:
		return Errorf(Invalid, "A password has at most %d characters.", maxPassword).On("password")
	case strings.EqualFold(password, name):
		return Errorf(Invalid, "The password must not be the same as the name.").On("password")
	}
	return nil
}
