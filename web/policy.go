package web

import (
	"net/http"
	"net/url"
	"strings"
)

// policies are the headers that every answer carries.
type policies struct {
	content   string
	features  string
	transport string // Strict-Transport-Security; "" without HTTPS
}

func newPolicies(public *url.URL) policies {
	origin := public.Scheme + "://" + public.Host
	sockets := "ws" + strings.TrimPrefix(public.Scheme, "http") + "://" + public.Host
	p := policies{
		content: strings.Join([]string{
			"default-src 'none'",
			"script-src 'self'",
			"style-src 'self'",
			"img-src 'self' data: blob:",
			"media-src 'self' blob: mediastream:",
			// 'self' alone does not cover WebSockets in every browser, nor a page that was opened under another name of this machine.
			"connect-src 'self' " + origin + " " + sockets,
			"font-src 'self'",
			"form-action 'self'",
			"frame-ancestors 'none'",
			"base-uri 'none'",
		}, "; "),
		// Only what Chromium knows everywhere: each name that it does not know is an error on the console of every page.
		features: "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), autoplay=(self), screen-wake-lock=(self), " +
			"clipboard-write=(self), geolocation=(), payment=(), usb=(), midi=(), serial=()",
	}
	if public.Scheme == "https" {
		p.transport = "max-age=31536000"
	}
	return p
}

func (p policies) apply(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", p.content)
		h.Set("Permissions-Policy", p.features)
		h.Set("Referrer-Policy", "same-origin") // invitation links hold a secret
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if p.transport != "" {
			h.Set("Strict-Transport-Security", p.transport)
		}
		next.ServeHTTP(w, r)
	})
}
