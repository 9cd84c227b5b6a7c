package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Issue point 1: one command, one line with the address, and nothing is lost between two runs.
func TestRestartKeepsEverything(t *testing.T) {
	s := startServer(t)
	eventually(t, stateTimeout, "the line with the address", func() error {
		if printed := s.log.String(); !strings.HasPrefix(printed, "StreamCat is at "+s.URL+"\n") {
			return fmt.Errorf("the program says %q", printed)
		}
		return nil
	})
	if info, err := os.Stat(s.Dir); err != nil || !info.IsDir() {
		t.Errorf("no data folder: %v", err)
	}
	mia, leo := s.register("mia"), s.register("leo")
	leo.accept(mia.invite("leo"))
	before := leo.studio("mia")
	if status, _ := mia.postForm("/dashboard/channel", url.Values{"title": {"Cooking with cats"}, "description": {"Every Friday"}}); status != http.StatusOK {
		t.Fatalf("set title: status %d", status)
	}

	s.stop()
	s.start()

	if status, page := mia.get("/dashboard"); status != http.StatusOK || !strings.Contains(page, "Cooking with cats") {
		t.Errorf("after a restart the session or the title is gone: status %d", status)
	}
	if after := leo.studio("mia"); after.Participant != before.Participant || after.Token != before.Token {
		t.Errorf("after a restart the guest's token is another one: %s, was %s", after.Participant, before.Participant)
	}
	again := s.stranger()
	if status, page := again.postForm("/login", url.Values{"name": {"MIA"}, "password": {password}}); status != http.StatusOK || !strings.Contains(page, "mia") {
		t.Errorf("after a restart the password is gone: status %d", status)
	}
}

// Issue point 1: the playground prints passwords that work, and serves what is on disk.
func TestPlayground(t *testing.T) {
	address := freeAddress(t)
	s := newServer(t, "http://"+address, filepath.Join(t.TempDir(), "data"), []string{"dev", "--http", address, "--admin", freeAddress(t)})
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	s.folder = root
	s.start()
	account := regexp.MustCompile(`(?m)^(\w+)\s+(\S{8,})\s+.*(host|viewer)`)
	var found [][]string
	eventually(t, stateTimeout, "three accounts with passwords", func() error {
		if found = account.FindAllStringSubmatch(s.log.String(), -1); len(found) < 3 {
			return fmt.Errorf("found %v in:\n%s", found, s.log.String())
		}
		return nil
	})
	for _, line := range found {
		status, page := s.stranger().postForm("/login", url.Values{"name": {line[1]}, "password": {line[2]}})
		if status != http.StatusOK || !strings.Contains(page, `id="logout"`) && !strings.Contains(page, "id=logout") {
			t.Errorf("%s cannot log in with the printed password: status %d", line[1], status)
		}
	}
}

// An operator makes an account from the command line, while the program serves and by the same rules.
func TestUserCommand(t *testing.T) {
	s := startServer(t)
	if printed, err := s.output(password+"\n", "user", "create", "Olga", "--password-stdin"); err != nil {
		t.Fatalf("user create: %v\n%s", err, printed)
	}
	if status, _ := s.stranger().postForm("/login", url.Values{"name": {"olga"}, "password": {password}}); status != http.StatusOK {
		t.Errorf("log in: status %d", status)
	}
	for _, name := range []string{"OLGA", "admin", "x"} {
		if printed, err := s.output(password+"\n", "user", "create", name, "--password-stdin"); err == nil {
			t.Errorf("user create %s: %s", name, printed)
		}
	}
}

// Issue point 2: register, log in and log out, by hand in a browser.
func TestRegisterLoginLogout(t *testing.T) {
	s := startServer(t)
	visitor := browsers.get(t, kind{}).open(t, s, nil, "/")
	visitor.await(stateTimeout, "empty home page", func() error { return visitor.shows("#nobody-live") })

	visitor.navigate("/register")
	visitor.fill("#register input[name=name]", "Mia_the-1st")
	visitor.fill("#register input[name=password]", password)
	visitor.click("#register button:not([type=button])")
	visitor.await(stateTimeout, "registered", func() error { return visitor.at("/dashboard") })

	visitor.logOut()
	visitor.navigate("/studio")
	visitor.await(stateTimeout, "sent to log in", func() error { return visitor.at("/login") })
	visitor.fill("#login input[name=name]", "mia_THE-1ST")
	visitor.fill("#login input[name=password]", "wrong password")
	visitor.click("#login button:not([type=button])")
	visitor.expect("status of 422")
	visitor.await(stateTimeout, "refusal", func() error { return visitor.shows("[role=alert]") })
	unknown, wrong := loginRefusal(s, "nobody-here"), loginRefusal(s, "Mia_the-1st")
	if unknown != wrong || unknown == "" {
		t.Errorf("the refusals tell whether an account exists: %q and %q", unknown, wrong)
	}

	visitor.fill("#login input[name=name]", "mia_THE-1ST")
	visitor.fill("#login input[name=password]", password)
	visitor.click("#login button:not([type=button])")
	visitor.await(stateTimeout, "back where the login began", func() error { return visitor.at("/studio") })
}

// loginRefusal returns the sentence of a refused login.
func loginRefusal(s *server, name string) string {
	_, page := s.stranger().postForm("/login", url.Values{"name": {name}, "password": {"not the password"}})
	return alertIn(page)
}

var (
	alert = regexp.MustCompile(`(?s)role="?alert"?[^>]*>(.*?)</(?:p|div|section)>`)
	tag   = regexp.MustCompile(`<[^>]*>`)
)

// alertIn returns the text of the first alert of a page.
func alertIn(page string) string {
	match := alert.FindStringSubmatch(page)
	if match == nil {
		return ""
	}
	return strings.Join(strings.Fields(tag.ReplaceAllString(match[1], " ")), " ")
}

// logOut opens the account menu if there is one and logs out.
func (tb *tab) logOut() {
	tb.t.Helper()
	tb.await(stateTimeout, "account menu", func() error { return tb.has("form#logout") })
	eval[bool](tb, `() => {
		const form = document.querySelector("form#logout");
		form.closest("details")?.setAttribute("open", "");
		form.requestSubmit();
		return true;
	}`)
	tb.await(stateTimeout, "logged out", func() error { return tb.hasNot("form#logout") })
}

// Issue point 2: each refusal of a name or a password says which rule it broke, and nothing is made.
func TestRegistrationRefusals(t *testing.T) {
	s := startServer(t)
	s.register("Taken")
	seen := map[string]string{}
	for _, test := range []struct{ name, account, password, says string }{
		{"too short", "ab", password, "3"},
		{"too long", strings.Repeat("x", 33), password, "32"},
		{"with a space", "two words", password, "letters"},
		{"with a slash", "a/b/c", password, "letters"},
		{"not ASCII", "käthe", password, "letters"},
		{"taken in another case", "tAKEN", password, "taken"},
		{"reserved", "admin", password, "reserved"},
		{"reserved in another case", "Studio", password, "reserved"},
		{"no password", "fresh-one", "", "password"},
		{"short password", "fresh-one", "short", "8"},
		{"enormous password", "fresh-one", strings.Repeat("x", 5000), "password"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, page := s.stranger().postForm("/register", url.Values{"name": {test.account}, "password": {test.password}})
			sentence := alertIn(page)
			if status != http.StatusUnprocessableEntity {
				t.Errorf("status %d, not 422", status)
			}
			if !strings.Contains(strings.ToLower(sentence), test.says) {
				t.Errorf("the refusal is %q and does not say %q", sentence, test.says)
			}
			if strings.Contains(page, test.password) && test.password != "" {
				t.Error("the page repeats the password")
			}
			seen[sentence] = test.name
		})
	}
	if len(seen) < 6 {
		t.Errorf("only %d different sentences: %v", len(seen), seen)
	}
	if status, _ := s.stranger().postForm("/login", url.Values{"name": {"fresh-one"}, "password": {"short"}}); status == http.StatusOK {
		t.Error("a refused registration made an account")
	}
}

// StreamCat tutorial bugs 8 and 9: who may do what follows from the account that asks and never from an id that it sends, and
// no other site may post in a person's name.
func TestNobodyActsForSomebodyElse(t *testing.T) {
	s := startServer(t)
	mia, eve := s.register("mia"), s.register("eve")
	invitation := mia.invite("")
	if status := eve.api(http.MethodDelete, "/api/invitations/"+invitation.ID, nil, nil); status < 400 {
		t.Errorf("a stranger revoked an invitation: status %d", status)
	}
	if status, _ := eve.get(invitation.path(t)); status != http.StatusOK {
		t.Errorf("the invitation is gone: status %d", status)
	}
	id := mia.studio("mia").Participant
	for path, body := range map[string]any{
		"/api/participants/" + id + "/remove": map[string]any{"reason": "because I can"},
		"/api/participants/" + id + "/on-air": map[string]any{"onAir": false},
	} {
		if status := eve.api(http.MethodPost, path, body, nil); status < 400 {
			t.Errorf("a stranger may %s: status %d", path, status)
		}
	}
	if now := mia.studio("mia").Participant; now != id {
		t.Error("a stranger ended the host's token")
	}

	header := http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}
	for _, path := range []string{"/dashboard/channel", "/logout", "/logout-everywhere", "/login", "/register"} {
		status, _ := mia.do(http.MethodPost, path, "application/x-www-form-urlencoded", "title=owned&name=x&password=y", header)
		if status != http.StatusForbidden {
			t.Errorf("another site may post to %s: status %d", path, status)
		}
	}
	if status, page := mia.get("/dashboard"); status != http.StatusOK || strings.Contains(page, "owned") {
		t.Errorf("another site changed something: status %d", status)
	}
}
