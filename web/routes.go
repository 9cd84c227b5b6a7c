package web

import (
	"fmt"
	"net/http"
	"strings"
)

// Limits on request bodies, in bytes.
const (
	formLimit    = 64 << 10
	pictureLimit = 2<<20 + 64<<10 // a picture of at most 2 MB and the form around it
	jsonLimit    = 16 << 10
)

// routes is the whole surface of the site. Channels are at /@NAME, which a ServeMux pattern cannot say: they are routed as /@/NAME.
func (s *Server) routes() (http.Handler, error) {
	mux := http.NewServeMux()

	page := func(pattern string, limit int64, h handler) { mux.Handle(pattern, s.page(limit, h)) }
	page("GET /{$}", formLimit, s.home)
	page("GET /register", formLimit, s.registerForm)
	page("POST /register", formLimit, s.register)
	page("GET /login", formLimit, s.loginForm)
	page("POST /login", formLimit, s.login)
	page("POST /logout", formLimit, s.logout)
	page("POST /logout-everywhere", formLimit, s.logoutEverywhere)
	page("GET /dashboard", formLimit, s.dashboard)
	page("POST /dashboard/channel", formLimit, s.updateChannel)
	page("POST /dashboard/picture", pictureLimit, s.updatePicture)
	page("GET /studio", formLimit, s.ownStudio)
	page("GET /studio/{name}", formLimit, s.studio)
	page("GET /invite/{code}", formLimit, s.invitation)
	page("POST /invite/{code}", formLimit, s.acceptInvitation)
	page("GET /@/{name}", formLimit, s.watch)
	page("GET /@/{name}/picture", formLimit, s.picture)
	page("/", formLimit, s.notFound)

	api := func(pattern string, h handler) { mux.Handle(pattern, s.api(jsonLimit, h)) }
	api("GET /api/live", s.apiLive)
	api("POST /api/live", s.apiSetLive)
	api("GET /api/watch/{name}", s.apiWatch)
	api("GET /api/studio/{name}", s.apiStudio)
	api("POST /api/studio/{name}/screen", s.apiScreen)
	api("POST /api/participants/{id}/remove", s.apiRemove)
	api("POST /api/participants/{id}/on-air", s.apiOnAir)
	api("GET /api/invitations", s.apiInvitations)
	api("POST /api/invitations", s.apiInvite)
	api("DELETE /api/invitations/{id}", s.apiRevoke)
	api("/api/", s.notFound)

	mux.Handle("GET /assets/{version}/{path...}", s.assets)
	mux.Handle("GET /sdk/{path...}", shared(s.sdk))
	mux.Handle("GET /favicon.ico", http.RedirectHandler(s.assets.url("logo.svg"), http.StatusFound))

	guard := http.NewCrossOriginProtection()
	if err := guard.AddTrustedOrigin(s.public.Scheme + "://" + s.public.Host); err != nil {
		return nil, fmt.Errorf("public URL: %w", err)
	}
	guard.SetDenyHandler(s.foreign())
	return s.policies.apply(guard.Handler(atNames(mux))), nil
}

// atNames sends /@NAME… to the routes of /@/NAME…, and lets nobody ask for the latter directly.
func atNames(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/@"); ok {
			if strings.HasPrefix(rest, "/") || strings.Contains(rest, "//") {
				rest = ""
			}
			to := *r.URL
			to.Path, to.RawPath = "/@/"+rest, ""
			inner := *r
			inner.URL = &to
			next.ServeHTTP(w, &inner)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// shared lets pages of other sites load the SDK.
func shared(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		next.ServeHTTP(w, r)
	})
}
