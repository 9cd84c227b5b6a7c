package e2e

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

// password is everybody's password.
const password = "correct horse battery"

// person is an account and an HTTP client that is logged in as it. The browser of the person gets the same cookies.
type person struct {
	t      *testing.T
	Name   string
	server *server
	client *http.Client
}

// cookieWatcher is a cookie jar that also remembers what it was given in full.
type cookieWatcher struct {
	http.CookieJar
	seen []*http.Cookie
}

func (w *cookieWatcher) SetCookies(u *url.URL, cookies []*http.Cookie) {
	w.seen = append(w.seen, cookies...)
	w.CookieJar.SetCookies(u, cookies)
}

// stranger is an HTTP client without an account.
func (s *server) stranger() *person {
	inner, _ := cookiejar.New(nil)
	jar := &cookieWatcher{CookieJar: inner}
	return &person{t: s.t, server: s, client: &http.Client{
		Jar:       jar,
		Timeout:   10 * time.Second,
		Transport: insecureTransport(),
	}}
}

// register makes an account by posting the form, as a browser without scripts would.
func (s *server) register(name string) *person {
	s.t.Helper()
	p := s.stranger()
	p.Name = name
	status, body := p.postForm("/register", url.Values{"name": {name}, "password": {password}})
	if status != http.StatusOK {
		s.t.Fatalf("register %s: status %d\n%s", name, status, body)
	}
	return p
}

// insecureTransport accepts the certificates that these tests make.
func insecureTransport() *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
}

// postForm posts a form, follows redirects and returns the last answer.
func (p *person) postForm(path string, form url.Values) (int, string) {
	p.t.Helper()
	return p.do(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode(), nil)
}

// get returns a page.
func (p *person) get(path string) (int, string) {
	p.t.Helper()
	return p.do(http.MethodGet, path, "", "", nil)
}

// api calls a JSON endpoint of the site; body may be nil, the answer is decoded into answer unless that is nil.
func (p *person) api(method, path string, body, answer any) int {
	p.t.Helper()
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			p.t.Fatal(err)
		}
	}
	status, text := p.do(method, path, "application/json", string(encoded), nil)
	if answer != nil && status < 300 {
		decode(p.t, text, answer)
	}
	return status
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, text)
	}
}

// do sends one request to the site.
func (p *person) do(method, path, contentType, body string, header http.Header) (int, string) {
	p.t.Helper()
	request, err := http.NewRequest(method, p.server.URL+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := p.client.Do(request)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return response.StatusCode, string(bytes.TrimSpace(answer))
}

// cookies are the person's cookies for the site.
func (p *person) cookies() []*http.Cookie {
	site, err := url.Parse(p.server.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.client.Jar.Cookies(site)
}
