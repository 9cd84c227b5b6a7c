package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"streamcat/web"
)

func TestRegisterAndLogIn(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	a := b.post("/register", credentials("Mia", password))
	a.expect(t, http.StatusSeeOther)
	if to := a.Header.Get("Location"); to != "/dashboard" {
		t.Errorf("registering leads to %q", to)
	}
	b.get("/dashboard").expect(t, 200, "Mia", "https://cats.example/@Mia")
	b.post("/logout", nil).expect(t, http.StatusSeeOther)
	b.get("/dashboard").expect(t, http.StatusSeeOther)

	b.post("/login", credentials("mIA", password, "next", "/studio")).expect(t, http.StatusSeeOther)
	b.get("/dashboard").expect(t, 200)
}

func TestRefusedRegistrationKeepsTheNameOnly(t *testing.T) {
	h := newHouse(t)
	h.as("mia")
	for _, test := range []struct{ name, password, words string }{
		{"x", password, "at least 3"},
		{"mia", password, "taken"},
		{"MIA", password, "taken"},
		{"admin", password, "reserved"},
		{"<b>bold</b>", password, "letters"},
		{"leo", "short", "password"},
	} {
		a := h.browser().post("/register", credentials(test.name, test.password, "next", "/studio/@mia"))
		a.expect(t, http.StatusUnprocessableEntity, `role="alert"`, test.words, `name="next" value="/studio/@mia"`)
		if strings.Contains(a.text, test.password+`"`) || strings.Contains(a.text, "<b>bold") {
			t.Errorf("the form shows what it must not: %s", a.text)
		}
	}
}

func TestLoginDoesNotTellWhoExists(t *testing.T) {
	h := newHouse(t)
	h.as("mia")
	wrong := h.browser().post("/login", credentials("mia", "not the password"))
	unknown := h.browser().post("/login", credentials("leo", "not the password"))
	wrong.expect(t, http.StatusUnprocessableEntity, `role="alert"`)
	if wrong.StatusCode != unknown.StatusCode || strings.ReplaceAll(wrong.text, `"mia"`, `"leo"`) != unknown.text {
		t.Errorf("the answers differ:\n%s\n%s", wrong.text, unknown.text)
	}
}

func TestCookie(t *testing.T) {
	for _, test := range []struct {
		name   string
		secure bool
		cookie string
	}{
		{"https", true, "__Host-streamcat"},
		{"http", false, "streamcat"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t, func(c *web.Config) { c.SecureCookies = test.secure })
			a := h.browser().post("/register", credentials("mia", password))
			cookies := a.Cookies()
			if len(cookies) != 1 {
				t.Fatalf("cookies: %v", cookies)
			}
			c := cookies[0]
			if c.Name != test.cookie || !c.HttpOnly || c.Secure != test.secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("cookie: %s", c)
			}
			if len(c.Value) < 40 {
				t.Errorf("the session is %d characters long", len(c.Value))
			}
		})
	}
}

func TestSessionFixation(t *testing.T) {
	h := newHouse(t)
	h.as("mia")
	victim := h.browser()
	victim.cookies["streamcat"] = "chosen-by-the-attacker-chosen-by-the-attack"
	victim.post("/login", credentials("mia", password)).expect(t, http.StatusSeeOther)
	if victim.cookies["streamcat"] == "chosen-by-the-attacker-chosen-by-the-attack" {
		t.Error("the session is one that the browser brought along")
	}
	attacker := h.browser()
	attacker.cookies["streamcat"] = "chosen-by-the-attacker-chosen-by-the-attack"
	attacker.get("/dashboard").expect(t, http.StatusSeeOther)
}

func TestLoggingInAgainEndsTheOldSession(t *testing.T) {
	h := newHouse(t)
	b := h.as("mia")
	old := h.browser()
	old.cookies["streamcat"] = b.cookies["streamcat"]
	b.post("/login", credentials("mia", password)).expect(t, http.StatusSeeOther)
	old.get("/dashboard").expect(t, http.StatusSeeOther)
	b.get("/dashboard").expect(t, 200)
}

func TestLogoutEverywhere(t *testing.T) {
	h := newHouse(t)
	here, there, other := h.as("mia"), h.browser(), h.as("leo")
	there.post("/login", credentials("mia", password))
	there.get("/dashboard").expect(t, 200)
	here.post("/logout-everywhere", nil).expect(t, http.StatusSeeOther)
	for _, b := range []*browser{here, there} {
		b.get("/dashboard").expect(t, http.StatusSeeOther)
	}
	other.get("/dashboard").expect(t, 200)
	h.browser().post("/logout-everywhere", nil).expect(t, http.StatusUnauthorized)
}

func TestOpenRedirect(t *testing.T) {
	h := newHouse(t)
	h.as("mia")
	for next, want := range map[string]string{
		"/studio":                      "/studio",
		"/invite/abc?x=1":              "/invite/abc?x=1",
		"":                             "/dashboard",
		"https://evil.example":         "/dashboard",
		"//evil.example":               "/dashboard",
		"/\\evil.example":              "/dashboard",
		"/\t/evil.example":             "/dashboard",
		"javascript:alert(1)":          "/dashboard",
		"studio":                       "/dashboard",
		"/" + strings.Repeat("a", 600): "/dashboard",
	} {
		if got := h.browser().post("/login", credentials("mia", password, "next", next)).Header.Get("Location"); got != want {
			t.Errorf("next=%q leads to %q, want %q", next, got, want)
		}
		a := h.browser().get("/login?next=" + url.QueryEscape(next))
		if strings.Contains(a.text, "evil.example") {
			t.Errorf("the form carries %q on", next)
		}
	}
}

func TestLoginIsSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.as("mia")
		guess := func(address, name string) answer {
			b := h.browser()
			b.address = address
			return b.post("/login", credentials(name, "wrong password"))
		}
		for range 10 {
			guess("192.0.2.1:1", "mia").expect(t, http.StatusUnprocessableEntity)
		}
		guess("192.0.2.1:1", "mia").expect(t, http.StatusTooManyRequests, "Too many attempts", `role="alert"`)
		guess("192.0.2.1:1", "MIA").expect(t, http.StatusTooManyRequests)
		guess("192.0.2.1:1", "leo").expect(t, http.StatusUnprocessableEntity)
		guess("192.0.2.1:1", "nobody").expect(t, http.StatusUnprocessableEntity)
		time.Sleep(11 * time.Second)
		guess("192.0.2.1:1", "mia").expect(t, http.StatusUnprocessableEntity)
	})
}

// Names are public, so whoever guesses from one address must not keep the owner out. Guessing from many has an end all the same.
func TestGuessingDoesNotLockTheOwnerOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.as("mia")
		guess := func(address string) int {
			b := h.browser()
			b.address = address
			return b.post("/login", credentials("mia", "wrong password")).StatusCode
		}
		for range 5 {
			for range 12 {
				guess("192.0.2.1:1")
			}
			owner := h.browser()
			owner.address = "198.51.100.9:1"
			owner.post("/login", credentials("mia", password)).expect(t, http.StatusSeeOther)
			time.Sleep(time.Minute)
		}
		refused := 0
		for i := range 100 {
			if guess(fmt.Sprintf("203.0.113.%d:1", i)) == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused < 50 {
			t.Errorf("of 100 guesses from as many addresses %d were refused", refused)
		}
	})
}

// A pass for the audience costs a signature, and everybody may ask for one.
func TestPassesAreSlowedDownByAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.as("mia")
		ask := func(address string) int {
			b := h.browser()
			b.address = address
			return b.get("/api/watch/mia").StatusCode
		}
		for i := range 200 {
			if status := ask("192.0.2.1:1"); status != http.StatusOK {
				t.Fatalf("pass %d: %d", i, status)
			}
		}
		if status := ask("192.0.2.1:1"); status != http.StatusTooManyRequests {
			t.Errorf("one more: %d", status)
		}
		if status := ask("192.0.2.2:1"); status != http.StatusOK {
			t.Errorf("another address: %d", status)
		}
	})
}

// Screen shares and invitations leave something behind in the database each.
func TestChangesAreSlowedDownByAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		mia, leo := h.as("mia"), h.as("leo")
		for i := range 60 {
			mia.address = fmt.Sprintf("192.0.2.%d:1", i)
			mia.json("POST", "/api/studio/mia/screen", "{}").expect(t, http.StatusOK)
		}
		mia.json("POST", "/api/studio/mia/screen", "{}").expect(t, http.StatusTooManyRequests)
		mia.json("POST", "/api/invitations", `{"for":"","lifetime":3600}`).expect(t, http.StatusTooManyRequests)
		mia.get("/api/invitations").expect(t, http.StatusOK)
		leo.json("POST", "/api/studio/leo/screen", "{}").expect(t, http.StatusOK)
	})
}

func TestRegistrationIsSlowedDownByAddress(t *testing.T) {
	for _, test := range []struct {
		name          string
		proxied       bool
		first, second string // addresses, or X-Forwarded-For behind a proxy
		shared        bool
	}{
		{"the same address", false, "192.0.2.1:1", "192.0.2.1:2", true},
		{"another address", false, "192.0.2.1:1", "192.0.2.2:1", false},
		{"the same network of one customer", false, "[2001:db8::1]:1", "[2001:db8::ffff:2]:1", true},
		{"another network", false, "[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false},
		{"behind a proxy", true, "203.0.113.5, 192.0.2.1", "203.0.113.6, 192.0.2.1", true},
		{"behind a proxy, another address", true, "192.0.2.1", "192.0.2.2", false},
		{"a header that nobody trusts", false, "", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, func(c *web.Config) { c.TrustProxy = test.proxied })
				try := func(from string) answer {
					b := h.browser()
					if test.proxied {
						return b.post("/register", credentials("x", "y"), "X-Forwarded-For", from)
					}
					if from != "" {
						b.address = from
					}
					return b.post("/register", credentials("x", "y"), "X-Forwarded-For", time.Now().String())
				}
				for range 60 {
					try(test.first).expect(t, http.StatusUnprocessableEntity)
				}
				try(test.first).expect(t, http.StatusTooManyRequests)
				want := http.StatusUnprocessableEntity
				if test.shared {
					want = http.StatusTooManyRequests
				}
				try(test.second).expect(t, want)
			})
		})
	}
}
