package web

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"streamcat/forwarded"
	"streamcat/ratelimit"
	"streamcat/site"
	"streamcat/stage"
)

// cookieLifetime is the most that browsers keep a cookie. RFC 6265bis 5.5. The site ends a session much earlier, counted from its last use.
const cookieLifetime = 400 * 24 * time.Hour

// visitor is who asks.
type visitor struct {
	Account *site.Account // nil for somebody who is not logged in
	session stage.Secret
}

type visitorKey struct{}

// visitorOf returns who asks.
func visitorOf(r *http.Request) visitor {
	who, _ := r.Context().Value(visitorKey{}).(visitor)
	return who
}

// account returns the account that asks, or errLogin.
func account(r *http.Request) (site.Account, error) {
	if who := visitorOf(r); who.Account != nil {
		return *who.Account, nil
	}
	return site.Account{}, errLogin
}

// accountID is the account that asks, "" when it is nobody's.
func (v visitor) accountID() site.AccountID {
	if v.Account == nil {
		return ""
	}
	return v.Account.ID
}

// cookieName: the __Host- prefix makes browsers refuse the cookie from anywhere but this host over HTTPS. RFC 6265bis 4.1.3.2
func (s *Server) cookieName() string {
	if s.secure {
		return "__Host-streamcat"
	}
	return "streamcat"
}

// identify finds the account of the session cookie. An unknown, expired or revoked session is a visitor without account.
func (s *Server) identify(r *http.Request) (visitor, error) {
	cookie, err := r.Cookie(s.cookieName())
	if err != nil || cookie.Value == "" || len(cookie.Value) > 128 {
		return visitor{}, nil
	}
	account, err := s.site.SessionAccount(r.Context(), stage.Secret(cookie.Value))
	switch site.CodeOf(err) {
	case "":
		return visitor{Account: &account, session: stage.Secret(cookie.Value)}, nil
	case site.Internal:
		return visitor{}, err
	}
	return visitor{}, nil
}

// logIn gives the browser a new session, never one that it brought along, and ends the one it had.
func (s *Server) logIn(w http.ResponseWriter, r *http.Request, id site.AccountID) error {
	session, err := s.site.OpenSession(r.Context(), id, truncate(r.UserAgent(), 256))
	if err != nil {
		return err
	}
	if old := visitorOf(r).session; old != "" {
		if err := s.site.CloseSession(r.Context(), old); err != nil {
			return err
		}
	}
	s.setCookie(w, string(session), int(cookieLifetime/time.Second))
	return nil
}

func (s *Server) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name:     s.cookieName(),
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge,
		HttpOnly: true,
		Secure:   s.secure,
		SameSite: http.SameSiteLaxMode,
	})
}

// clientPrefix is where a request comes from, as rate limits count it.
func (s *Server) clientPrefix(r *http.Request) netip.Prefix {
	return ratelimit.Prefix(forwarded.Client(r, s.proxied))
}

// localPath returns next when it is a path of this site, else "". Browsers read \ as / and drop tabs and line breaks.
func localPath(next string) string {
	if !strings.HasPrefix(next, "/") || len(next) > 512 || strings.HasPrefix(next, "//") {
		return ""
	}
	for _, c := range next {
		if c == '\\' || c < ' ' || c == 0x7f {
			return ""
		}
	}
	to, err := url.Parse(next)
	if err != nil || to.Host != "" || to.Scheme != "" || to.User != nil {
		return ""
	}
	return next
}

// truncate cuts text to at most n bytes of valid UTF-8.
func truncate(text string, n int) string {
	if len(text) > n {
		text = text[:n]
	}
	return strings.ToValidUTF8(text, "")
}
