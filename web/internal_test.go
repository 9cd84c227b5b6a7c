package web

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"streamcat/site"
)

func testViews(t *testing.T) *views {
	t.Helper()
	a, err := openAssets(embedded, "assets", false)
	if err != nil {
		t.Fatal(err)
	}
	v, err := openViews(embedded, a, false)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestTemplates executes every template with everything filled in, and once with as little as possible.
func TestTemplates(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	channel := site.Channel{ID: "c1", Owner: "a1", Name: "mia", Title: "Cats <live>", Description: "All\nabout cats", HasPicture: true, Live: true, LiveSince: now}
	full := map[string][]any{
		"home":      {homeView{Live: []site.LiveChannel{{Channel: channel, Viewers: 3, Hosts: []string{"mia", "leo"}}, {Channel: site.Channel{Name: "zoe"}}}}, homeView{}},
		"register":  {credentials{Name: "mia", Next: "/studio", Problem: "The name is taken.", Field: "name"}, credentials{}},
		"login":     {credentials{Name: "mia", Next: "/studio", Problem: "Wrong.", Field: "password"}, credentials{}},
		"watch":     {watchView{Channel: channel, Link: "https://cats.example/@mia", Own: true}, watchView{Channel: site.Channel{Name: "mia"}}},
		"studio":    {studioView{Channel: channel, Host: true, Back: "/dashboard"}, studioView{Channel: channel, Back: "/@mia"}},
		"dashboard": {dashboardView{Channel: channel, Link: "l", Broadcasts: []site.Broadcast{{Title: "One", Started: now, Ended: now.Add(time.Hour)}, {Started: now}}, Saved: "Saved.", Problem: "No.", Form: "picture"}, dashboardView{Channel: site.Channel{Name: "mia"}, Form: "channel", Problem: "No."}},
		"invite":    {invitationView{Channel: channel, For: "leo", Expires: now, Path: "/invite/x", Own: true}, invitationView{Channel: channel, Expires: now, Path: "/invite/x"}},
		"failure":   {&failure{Status: 403, Code: "denied", Title: "No", Message: "Because.", Channel: "mia"}, &failure{Status: 401, Code: "login_required", Title: "No", Message: "Because."}},
	}
	v := testViews(t)
	for name := range v.pages {
		if full[name] == nil {
			t.Errorf("template %s is not executed here", name)
		}
	}
	forbidden := regexp.MustCompile(`(?i)<no value>|<script>|<style|\sstyle=|\son[a-z]+\s*=|javascript:|%!`)
	for name, list := range full {
		for i, view := range list {
			for _, account := range []*site.Account{{ID: "a1", Name: "mia"}, nil} {
				if account == nil && (name == "studio" || name == "dashboard") {
					continue // these need one
				}
				var b bytes.Buffer
				if err := v.pages[name].Execute(&b, pageView{Title: "T", Account: account, View: view}); err != nil {
					t.Errorf("%s %d: %v", name, i, err)
					continue
				}
				if found := forbidden.FindString(b.String()); found != "" {
					t.Errorf("%s %d holds %q", name, i, found)
				}
				if !strings.HasSuffix(strings.TrimSpace(b.String()), "</html>") {
					t.Errorf("%s %d does not end", name, i)
				}
			}
		}
	}
}

// TestReferences checks that every asset and icon that a template names is there.
func TestReferences(t *testing.T) {
	v := testViews(t)
	templates, err := embedded.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	sprite, err := embedded.ReadFile("assets/icons.svg")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, entry := range templates {
		text, err := embedded.ReadFile(path.Join("templates", entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`asset "([^"]+)"`).FindAllSubmatch(text, -1) {
			if _, ok := v.assets.fixed[string(m[1])]; !ok {
				t.Errorf("%s names asset %s, which is not there", entry.Name(), m[1])
			}
		}
		for _, m := range regexp.MustCompile(`icon "([^"]+)"`).FindAllSubmatch(text, -1) {
			used[string(m[1])] = true
			if !bytes.Contains(sprite, []byte(`<symbol id="`+string(m[1])+`"`)) {
				t.Errorf("%s names icon %s, which is not there", entry.Name(), m[1])
			}
		}
	}
	for _, m := range regexp.MustCompile(`<symbol id="([^"]+)"`).FindAllSubmatch(sprite, -1) {
		if !used[string(m[1])] {
			t.Errorf("nobody uses icon %s", m[1])
		}
	}
}

func TestDrawnPictures(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{"mia", "leo", "zoe", "a_b", "-x-", "___", "42", "<&>", "\xff", ""} {
		picture := drawPicture(name)
		if !bytes.Equal(picture, drawPicture(strings.ToUpper(name))) {
			t.Errorf("%q is drawn differently in upper case", name)
		}
		if seen[string(picture)] {
			t.Errorf("%q looks like another", name)
		}
		seen[string(picture)] = true
		decoder := xml.NewDecoder(bytes.NewReader(picture))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%q: %v", name, err)
				break
			}
		}
		if bytes.Contains(picture, []byte("%!")) {
			t.Errorf("%q: %s", name, picture)
		}
	}
}

func TestSpell(t *testing.T) {
	for d, want := range map[time.Duration]string{
		20 * time.Second: "under a minute", 90 * time.Second: "2 min", 59 * time.Minute: "59 min", time.Hour: "1 h 00 min", 125 * time.Minute: "2 h 05 min",
	} {
		if got := spell(d); got != want {
			t.Errorf("%v is spelt %q, want %q", d, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/studio", "//evil.example", "/\\evil.example", "/a?b=//c", "/@mia", "/%5cevil", "/..//evil", "\t//x", "/\n/x", "http:/x"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://cats.example/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := localPath(next)
		if got == "" {
			return
		}
		// As a browser reads it: backslashes are slashes.
		to, err := base.Parse(strings.ReplaceAll(got, `\`, "/"))
		if err != nil || to.Host != base.Host || to.Scheme != base.Scheme {
			t.Errorf("%q leads to %v, %v", next, to, err)
		}
	})
}
