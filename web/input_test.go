package web_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"streamcat/site"
	"streamcat/web"
)

func TestLargeBodies(t *testing.T) {
	h := newHouse(t)
	host := h.as("mia")
	large := strings.Repeat("a", 10<<20)
	for _, test := range []struct{ method, path, kind, body string }{
		{"POST", "/login", "application/x-www-form-urlencoded", "name=mia&password=" + large},
		{"POST", "/register", "application/x-www-form-urlencoded", "name=leo&password=" + large},
		{"POST", "/dashboard/channel", "application/x-www-form-urlencoded", "title=" + large},
		{"POST", "/api/live", "application/json", `{"live":true,"x":"` + large + `"}`},
		{"POST", "/api/invitations", "application/json", `{"for":"` + large + `"}`},
	} {
		t.Run(test.path, func(t *testing.T) {
			host.send(test.method, test.path, test.kind, test.body).expect(t, http.StatusRequestEntityTooLarge)
		})
	}
	host.get("/dashboard").expect(t, 200)
}

func TestGarbledBodies(t *testing.T) {
	h := newHouse(t)
	host := h.as("mia")
	for _, test := range []struct {
		name, path, kind, body string
		want                   int
	}{
		{"no JSON", "/api/live", "application/json", "live", 400},
		{"an array", "/api/live", "application/json", "[true]", 400},
		{"two objects", "/api/live", "application/json", `{"live":false}{"live":true}`, 400},
		{"nothing", "/api/live", "application/json", "", 400},
		{"a field of another type", "/api/live", "application/json", `{"live":"yes"}`, 400},
		{"nothing said", "/api/live", "application/json", `{}`, 422},
		{"nothing said of on air", "/api/participants/x/on-air", "application/json", `{}`, 422},
		{"a form to the JSON interface", "/api/live", "text/plain", `{"live":false}`, 415},
		{"no content type", "/api/live", "", `{"live":false}`, 415},
		{"a lifetime that overflows", "/api/invitations", "application/json", `{"lifetime":9223372036854775807}`, 422},
		{"a negative lifetime", "/api/invitations", "application/json", `{"lifetime":-1}`, 422},
		{"a lifetime too short", "/api/invitations", "application/json", `{"lifetime":1}`, 422},
		{"JSON to a form", "/dashboard/picture", "application/json", `{}`, 400},
		{"a broken multipart body", "/dashboard/picture", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=picture\r\n\r\nabc", 400},
		{"percent signs that mean nothing", "/dashboard/channel", "application/x-www-form-urlencoded", "title=%zz", 400},
		{"a title too long", "/dashboard/channel", "application/x-www-form-urlencoded", "title=" + strings.Repeat("x", 141), 422},
	} {
		t.Run(test.name, func(t *testing.T) { host.send("POST", test.path, test.kind, test.body).expect(t, test.want) })
	}
}

// form makes a multipart body with one file or field.
func form(t *testing.T, field string, body []byte) (kind, text string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile(field, "cat.png")
	if err != nil {
		t.Fatal(err)
	}
	part.Write(body)
	w.Close()
	return w.FormDataContentType(), b.String()
}

func TestPicture(t *testing.T) {
	h := newHouse(t)
	host, visitor := h.as("mia"), h.browser()

	drawn := visitor.get("/@mia/picture")
	drawn.expect(t, 200, "<svg", ">M</text>")
	if kind := drawn.Header.Get("Content-Type"); kind != "image/svg+xml" {
		t.Errorf("drawn picture: %s", kind)
	}
	visitor.get("/@mia/picture", "If-None-Match", drawn.Header.Get("ETag")).expect(t, http.StatusNotModified)

	var photo bytes.Buffer
	if err := png.Encode(&photo, image.NewRGBA(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	kind, body := form(t, "picture", photo.Bytes())
	host.send("POST", "/dashboard/picture", kind, body).expect(t, http.StatusSeeOther)
	stored := visitor.get("/@mia/picture")
	if kind := stored.Header.Get("Content-Type"); kind != "image/png" || !strings.HasPrefix(stored.text, "\x89PNG") {
		t.Errorf("stored picture: %s", kind)
	}
	host.get("/dashboard?saved=picture").expect(t, 200, `role="status"`, `name="remove"`)

	for name, body := range map[string][]byte{"not a picture": []byte("<svg onload=alert(1)>"), "nothing": nil, "more than 2 MB": make([]byte, 3<<20)} {
		kind, text := form(t, "picture", body)
		a := host.send("POST", "/dashboard/picture", kind, text)
		if a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.text, `role="alert"`) {
			t.Errorf("%s: status %d", name, a.StatusCode)
		}
	}
	if visitor.get("/@mia/picture").text != stored.text {
		t.Error("a refused picture replaced the good one")
	}

	kind, body = form(t, "remove", []byte("1"))
	host.send("POST", "/dashboard/picture", kind, body).expect(t, http.StatusSeeOther)
	if visitor.get("/@mia/picture").text != drawn.text {
		t.Error("the drawn picture did not come back the same")
	}
}

func TestChannelTextIsEscaped(t *testing.T) {
	h := newHouse(t)
	host := h.as("mia")
	host.post("/dashboard/channel", map[string][]string{"title": {`"><script>alert(1)</script>`}, "description": {"<img src=x onerror=alert(1)>"}}).expect(t, http.StatusSeeOther)
	host.get("/dashboard?saved=channel").expect(t, 200, "Saved.")
	for _, path := range []string{"/@mia", "/dashboard"} {
		a := h.browser()
		a.cookies = host.cookies
		page := a.get(path)
		page.expect(t, 200, "&lt;script&gt;alert(1)")
		if strings.Contains(page.text, "<script>alert") || strings.Contains(page.text, "<img src=x") {
			t.Errorf("%s shows markup of its owner", path)
		}
	}
}

func TestInvitationPages(t *testing.T) {
	h := newHouse(t)
	host, leo, zoe, nobody := h.as("mia"), h.as("leo"), h.as("zoe"), h.browser()
	invitation := h.invite("mia", "leo", time.Hour)
	link := "/invite/" + string(invitation.Code)

	nobody.get(link).expect(t, 200, "mia invites you", "/login?next=%2finvite%2f", "/register?next=")
	host.get(link).expect(t, 200, "your own invitation")
	leo.get(link).expect(t, 200, `id="accept"`)
	zoe.get(link).expect(t, http.StatusForbidden, "for leo", `id="to-channel"`, `href="/@mia"`)
	zoe.post(link, nil).expect(t, http.StatusForbidden, `href="/@mia"`)
	if to := nobody.post(link, nil).Header.Get("Location"); to != link {
		t.Errorf("accepting without an account leads to %q", to)
	}
	a := leo.post(link, nil)
	a.expect(t, http.StatusSeeOther)
	if to := a.Header.Get("Location"); to != "/studio/@mia" {
		t.Errorf("accepting leads to %q", to)
	}
	leo.get("/studio/@mia").expect(t, 200, `id="studio-page"`, `data-role="guest"`)

	host.json("DELETE", "/api/invitations/"+invitation.ID, "").expect(t, 200)
	for _, b := range []*browser{nobody, leo, zoe} {
		b.get(link).expect(t, http.StatusGone, "withdrawn", `id="to-channel"`, `href="/@mia"`)
	}
	leo.post(link, nil).expect(t, http.StatusGone)
	for _, code := range []string{"no-such-code", strings.Repeat("a", 5000), "%00", "..%2f..%2f"} {
		if a := nobody.get("/invite/" + code); a.StatusCode != http.StatusNotFound {
			t.Errorf("code %.20q: status %d", code, a.StatusCode)
		}
	}
}

// brokenSite fails as a site whose database is gone does.
type brokenSite struct {
	web.Site
	fail func() error
}

func (b brokenSite) LiveChannels(context.Context) ([]site.LiveChannel, error) { return nil, b.fail() }

func TestFailuresShowNothingOfThemselves(t *testing.T) {
	for name, fail := range map[string]func() error{
		"an error": func() error { return errors.New("secret: database at 10.0.0.1") },
		"a panic":  func() error { panic("secret: database at 10.0.0.1") },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(c *web.Config) { c.Site = brokenSite{c.Site, fail} })
			page, script := h.browser().get("/"), h.browser().get("/api/live")
			page.expect(t, 500, "Something broke", "<!doctype html>")
			script.expect(t, 500, `"code":"internal"`)
			for _, a := range []answer{page, script} {
				if strings.Contains(a.text, "secret") {
					t.Errorf("the answer tells: %s", a.text)
				}
			}
			if !strings.Contains(h.log.String(), "10.0.0.1") {
				t.Error("the log does not tell")
			}
		})
	}
}
