package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"streamcat/web"
)

func TestEveryAnswerIsGuarded(t *testing.T) {
	h := newHouse(t)
	host := h.as("mia")
	link := "/invite/" + string(h.invite("mia", "", time.Hour).Code)
	for _, path := range []string{
		"/", "/register", "/login", "/dashboard", "/studio", "/@mia", link, "/nothing", "/@nobody-here", "/api/live", "/api/nothing",
		"/assets/-/logo.svg", "/assets/-/nothing", "/sdk/streamcat.js", "/@mia/picture",
	} {
		t.Run(path, func(t *testing.T) {
			header := host.get(path).Header
			content := header.Get("Content-Security-Policy")
			wanted := []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'",
				"connect-src 'self' https://cats.example wss://cats.example", "media-src 'self' blob: mediastream:"}
			if path == "/@mia/picture" {
				wanted = []string{"default-src 'none'", "sandbox"}
			}
			for _, directive := range wanted {
				if !strings.Contains(content, directive) {
					t.Errorf("%s is missing in %q", directive, content)
				}
			}
			if strings.Contains(content, "unsafe") || strings.Contains(content, "*") {
				t.Errorf("too much is allowed: %q", content)
			}
			for name, want := range map[string]string{
				"X-Content-Type-Options":    "nosniff",
				"Referrer-Policy":           "same-origin",
				"X-Frame-Options":           "DENY",
				"Strict-Transport-Security": "max-age=31536000",
			} {
				if got := header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			for _, feature := range []string{"camera=(self)", "microphone=(self)", "display-capture=(self)", "geolocation=()"} {
				if !strings.Contains(header.Get("Permissions-Policy"), feature) {
					t.Errorf("Permissions-Policy misses %s", feature)
				}
			}
			// Chromium on Linux knows neither, and says so on the console of every page.
			for _, feature := range []string{"web-share", "bluetooth"} {
				if strings.Contains(header.Get("Permissions-Policy"), feature) {
					t.Errorf("Permissions-Policy names %s", feature)
				}
			}
		})
	}
}

func TestNoTransportSecurityWithoutHTTPS(t *testing.T) {
	h := newHouse(t, func(c *web.Config) { c.PublicURL = "http://localhost:8080" })
	header := h.browser().get("/").Header
	if got := header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("Strict-Transport-Security: %q", got)
	}
	if !strings.Contains(header.Get("Content-Security-Policy"), "ws://localhost:8080") {
		t.Errorf("sockets are not allowed: %q", header.Get("Content-Security-Policy"))
	}
}

func TestOtherSitesCannotAct(t *testing.T) {
	h := newHouse(t)
	host := h.as("mia")
	for _, test := range []struct {
		name    string
		headers []string
		allowed bool
	}{
		{"another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, false},
		{"a sibling", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://dogs.example"}, false},
		{"an old browser on another site", []string{"Sec-Fetch-Site", "", "Origin", "https://evil.example"}, false},
		{"a sandboxed frame", []string{"Sec-Fetch-Site", "cross-site", "Origin", "null"}, false},
		{"this site", []string{"Sec-Fetch-Site", "same-origin", "Origin", "https://cats.example"}, true},
		{"an old browser on this site", []string{"Sec-Fetch-Site", "", "Origin", "https://cats.example"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, path := range []string{"/dashboard/channel", "/api/live", "/api/invitations"} {
				kind, body := "application/json", `{"live":false,"for":"","lifetime":3600}`
				if path == "/dashboard/channel" {
					kind, body = "application/x-www-form-urlencoded", "title=x"
				}
				got := host.send("POST", path, kind, body, test.headers...).StatusCode
				if (got == http.StatusForbidden) == test.allowed {
					t.Errorf("%s: status %d", path, got)
				}
			}
		})
	}
	if a := host.send("DELETE", "/api/invitations/x", "", "", "Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusForbidden {
		t.Errorf("DELETE from another site: %d", a.StatusCode)
	}
	refused := h.browser().post("/login", credentials("mia", password), "Sec-Fetch-Site", "cross-site")
	refused.expect(t, http.StatusForbidden, "another site")
	if len(refused.Cookies()) != 0 {
		t.Error("another site logged the visitor in")
	}
}

func TestAssets(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	page := b.get("/").text
	start := strings.Index(page, "/assets/")
	sheet := page[start : start+strings.Index(page[start:], `"`)]
	a := b.get(sheet)
	a.expect(t, 200)
	if got := a.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("%s: Cache-Control %q", sheet, got)
	}
	name := sheet[strings.Index(sheet[len("/assets/"):], "/")+len("/assets/"):]
	old := b.get("/assets/0123456789ab" + name)
	old.expect(t, 200)
	if got := old.Header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("another version: Cache-Control %q", got)
	}
	b.get(sheet, "If-None-Match", a.Header.Get("ETag")).expect(t, http.StatusNotModified)

	packed := b.get(sheet, "Accept-Encoding", "br, gzip;q=0.8")
	if packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("not compressed: %v", packed.Header)
	}
	unpacked, err := gzip.NewReader(strings.NewReader(packed.text))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(unpacked); err != nil || string(text) != a.text {
		t.Errorf("compressed it is something else: %v", err)
	}
	for _, header := range []string{"", "br", "gzip;q=0", "x-gzip-ish"} {
		if got := b.get(sheet, "Accept-Encoding", header); got.Header.Get("Content-Encoding") != "" || got.text != a.text {
			t.Errorf("Accept-Encoding %q: compressed", header)
		}
	}

	for path, want := range map[string]string{
		"dist/site.css": "text/css; charset=utf-8", "dist/site.js": "text/javascript; charset=utf-8", "logo.svg": "image/svg+xml", "icons.svg": "image/svg+xml",
	} {
		got := b.get("/assets/-/" + path)
		got.expect(t, 200)
		if kind := got.Header.Get("Content-Type"); kind != want {
			t.Errorf("%s: Content-Type %q, want %q", path, kind, want)
		}
	}
	for _, path := range []string{"/assets/-/", "/assets/-/dist", "/assets/-/dist/nothing.js", "/assets/-/%2e%2e/web.go", "/assets/-/..%2fdoc.go", "/sdk/nothing.js", "/sdk/"} {
		if a := b.get(path); a.StatusCode != http.StatusNotFound && a.StatusCode/100 != 3 {
			t.Errorf("%s: status %d", path, a.StatusCode)
		}
	}

	sdk := b.get("/sdk/streamcat.js")
	sdk.expect(t, 200, "export {}")
	if sdk.Header.Get("Access-Control-Allow-Origin") != "*" || sdk.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Error("other sites cannot load the SDK")
	}
	b.get("/sdk/streamcat.js", "If-None-Match", sdk.Header.Get("ETag")).expect(t, http.StatusNotModified)
}

func TestConfigIsChecked(t *testing.T) {
	for _, address := range []string{"", "cats.example", "ftp://cats.example", "https://", "::"} {
		if _, err := web.New(web.Config{PublicURL: address}); err == nil {
			t.Errorf("public URL %q was taken", address)
		}
	}
	if _, err := web.New(web.Config{PublicURL: "https://cats.example"}); err == nil {
		t.Error("a site is needed")
	}
}

// What an invitation's path holds is a key to a stage, and logs are read by others.
func TestFaultsDoNotLogSecrets(t *testing.T) {
	h := newHouse(t)
	h.as("mia")
	code := string(h.invite("mia", "", time.Hour).Code)
	if err := h.stages.db.Close(); err != nil {
		t.Fatal(err)
	}
	h.browser().get("/invite/"+code).expect(t, http.StatusInternalServerError)
	if log := h.log.String(); !strings.Contains(log, "/invite/{code}") || strings.Contains(log, code) {
		t.Errorf("log: %s", log)
	}
}
