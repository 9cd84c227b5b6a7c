package e2e

import (
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// Issue point 4: the stored token is used again while it is good, also by the page after a reload.
func TestTokenIsReused(t *testing.T) {
	s := startServer(t)
	mia := s.register("mia")
	first, second := mia.studio("mia"), mia.studio("MIA")
	if first.Token != second.Token || first.Participant != second.Participant {
		t.Error("two requests gave two tokens")
	}
	claims := first.claims(t)
	if claims["jti"] != first.Participant || claims["version"] != "1.0" {
		t.Errorf("the token says %v", claims)
	}
	if capabilities := fmt.Sprint(claims["capabilities"]); capabilities != "map[allow_publish:true allow_subscribe:true]" {
		t.Errorf("the host's token allows %s", capabilities)
	}

	tb := browsers.get(t, kind{camera: red}).onStage(t, mia, mia)
	if id := tb.idOf("mia"); id != first.Participant {
		t.Errorf("the page joined as %s, not as %s", id, first.Participant)
	}
	tb.reload()
	tb.await(joinTimeout, "green room", tb.inPhase("green-room"))
	tb.enter()
	if id := tb.idOf("mia"); id != first.Participant {
		t.Errorf("after a reload the page joined as %s, not as %s", id, first.Participant)
	}
	tb.await(stateTimeout, "one tile", tb.showsTilesOf("mia"))
}

// Issue point 4: whoever is neither host nor invited is turned away.
func TestStrangersAreTurnedAway(t *testing.T) {
	s := startServer(t)
	s.register("mia")
	eve := s.register("eve")
	if status := eve.api(http.MethodGet, "/api/studio/mia", nil, nil); status != http.StatusForbidden {
		t.Errorf("the token: status %d, not 403", status)
	}
	if status := eve.api(http.MethodPost, "/api/studio/mia/screen", nil, nil); status != http.StatusForbidden {
		t.Errorf("the screen token: status %d, not 403", status)
	}
	if status := s.stranger().api(http.MethodGet, "/api/studio/mia", nil, nil); status != http.StatusUnauthorized {
		t.Errorf("without account: status %d, not 401", status)
	}
	tb := browsers.get(t, kind{}).open(t, s, eve, "/studio/@mia")
	tb.expect("status of 403")
	tb.await(stateTimeout, "turned away", func() error { return tb.shows("a#to-channel") })
	if tb.text("[role=alert]") == "" {
		t.Error("no sentence says why")
	}
	tb.click("a#to-channel")
	tb.await(stateTimeout, "channel page", func() error { return tb.at("/@mia") })
}

// Issue point 5 and StreamCat tutorial bug 15: the host makes a link, a guest without account comes by it, the host withdraws it.
func TestInvitation(t *testing.T) {
	s := startServer(t)
	mia, leo := s.register("mia"), s.register("leo")
	host := browsers.get(t, kind{camera: red}).onStage(t, mia, mia)
	host.click("button#invite")
	host.fill("form#invite-form input[name=for]", "leo")
	host.choose("form#invite-form select[name=lifetime]", "3600")
	host.click("form#invite-form button[type=submit]")
	host.await(stateTimeout, "a link", func() error { return host.has("[data-invitation] input[data-link]") })
	link := eval[string](host, `() => document.querySelector("[data-invitation] input[data-link]").value`)
	if !strings.HasPrefix(link, s.URL+"/invite/") {
		t.Fatalf("the link is %q", link)
	}
	host.screenshot("invitations")

	// The guest is not logged in yet.
	guest := browsers.get(t, kind{camera: green}).open(t, s, nil, link)
	guest.click(`main a[href^="/login"]`)
	guest.await(stateTimeout, "log in", func() error { return guest.at("/login") })
	guest.fill("#login input[name=name]", "leo")
	guest.fill("#login input[name=password]", password)
	guest.click("#login button:not([type=button])")
	guest.await(stateTimeout, "invitation", func() error { return guest.has("form#accept") })
	guest.click("form#accept button")
	guest.await(stateTimeout, "the studio", func() error { return guest.at("/studio/@mia") })
	guest.awaitMoving(joinTimeout, "#preview", green)
	guest.enter()
	host.awaitMoving(joinTimeout, tileVideo(host.idOf("leo")), green)
	if err := guest.hides("#go-live"); err != nil {
		t.Errorf("a guest can go live: %v", err)
	}

	eve := s.register("eve")
	path := strings.TrimPrefix(link, s.URL)
	if status, page := eve.get(path); status != http.StatusForbidden || !strings.Contains(page, `id="to-channel"`) {
		t.Errorf("somebody else's invitation: status %d, not 403 with a link to the channel", status)
	}
	if status, _ := eve.postForm(path, nil); status != http.StatusForbidden {
		t.Errorf("somebody else accepts: status %d, not 403", status)
	}

	host.click(`[data-invitation] [data-action="revoke"]`)
	host.await(stateTimeout, "the link is gone from the list", func() error { return host.hasNot("[data-invitation]") })
	status, page := s.stranger().get(path)
	if status != http.StatusGone || !strings.Contains(page, `href="/@mia"`) || alertIn(page) == "" {
		t.Errorf("a withdrawn invitation: status %d, %q", status, alertIn(page))
	}
	if status := leo.api(http.MethodGet, "/api/studio/mia", nil, nil); status != http.StatusForbidden {
		t.Errorf("a guest of a withdrawn invitation may enter again: status %d", status)
	}
}

// Issue point 5: an expired link says so and leads to the channel page.
func TestExpiredInvitation(t *testing.T) {
	s := startServer(t)
	mia, leo := s.register("mia"), s.register("leo")
	used, fresh := mia.invite(""), mia.invite("")
	leo.accept(used)
	leo.studio("mia")

	// Nothing but time makes an invitation expire, so the test sets the clock in the database forward.
	s.expireInvitations()
	for _, i := range []invitation{used, fresh} {
		status, page := leo.get(i.path(t))
		sentence := alertIn(page)
		if status != http.StatusGone || !strings.Contains(sentence, "expired") || !strings.Contains(page, `href="/@mia"`) {
			t.Errorf("an expired invitation: status %d, %q", status, sentence)
		}
		if status, _ := leo.postForm(i.path(t), nil); status != http.StatusGone {
			t.Errorf("an expired invitation can be accepted: status %d", status)
		}
	}
	status, page := s.stranger().get("/invite/there-is-no-such-code")
	if status != http.StatusNotFound || regexp.MustCompile(`mia`).MatchString(page) {
		t.Errorf("an invented invitation: status %d", status)
	}
}

// expireInvitations makes all invitations end a minute ago.
func (s *server) expireInvitations() {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.Dir, "*.db"))
	if err != nil || len(files) != 1 {
		s.t.Fatalf("the database: %v, %v", files, err)
	}
	db, err := sql.Open("sqlite", files[0]+"?_pragma=busy_timeout(5000)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	result, err := db.Exec(`UPDATE invitations SET expires = $1`, time.Now().Add(-time.Minute).UnixMilli())
	if err != nil {
		s.t.Fatal(err)
	}
	if rows, err := result.RowsAffected(); err != nil || rows == 0 {
		s.t.Fatalf("%d invitations expired: %v", rows, err)
	}
}
