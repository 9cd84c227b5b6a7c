package web_test

import (
	"net/http"
	"testing"
	"time"

	"streamcat/stage"
)

// TestAccess is who may do what, as one table.
func TestAccess(t *testing.T) {
	h := newHouse(t)
	people := map[string]*browser{"anonymous": h.browser(), "host": h.as("mia"), "guest": h.as("leo"), "stranger": h.as("zoe")}
	invitation := h.invite("mia", "", time.Hour)
	link := "/invite/" + string(invitation.Code)
	people["guest"].post(link, nil).expect(t, http.StatusSeeOther)
	h.publish("mia", stage.Publisher{ID: "someone", UserID: "visitor", Publishing: true, OnAir: true})

	const login = http.StatusSeeOther // to the login page, for a page; 401 for a script
	for _, test := range []struct {
		method, path, body               string
		anonymous, host, guest, stranger int
	}{
		{"GET", "/", "", 200, 200, 200, 200},
		{"GET", "/register", "", 200, 303, 303, 303},
		{"GET", "/login", "", 200, 303, 303, 303},
		{"GET", "/dashboard", "", login, 200, 200, 200},
		{"GET", "/studio", "", login, 200, 200, 200},
		{"GET", "/studio/@mia", "", login, 303, 200, 403},
		{"GET", "/studio/@MIA", "", login, 303, 200, 403},
		{"GET", "/studio/mia", "", login, 404, 404, 404},
		{"GET", "/studio/@nobody-here", "", login, 404, 404, 404},
		{"GET", "/@mia", "", 200, 200, 200, 200},
		{"GET", "/@Mia", "", 200, 200, 200, 200},
		{"GET", "/@mia/picture", "", 200, 200, 200, 200},
		{"GET", "/@nobody-here", "", 404, 404, 404, 404},
		{"GET", "/@nobody-here/picture", "", 404, 404, 404, 404},
		{"GET", "/@/mia", "", 404, 404, 404, 404},
		{"GET", "/@", "", 404, 404, 404, 404},
		{"GET", link, "", 200, 200, 200, 200},
		{"GET", "/nothing", "", 404, 404, 404, 404},

		{"GET", "/api/live", "", 200, 200, 200, 200},
		{"GET", "/api/watch/mia", "", 200, 200, 200, 200},
		{"GET", "/api/watch/nobody-here", "", 404, 404, 404, 404},
		{"GET", "/api/studio/mia", "", 401, 200, 200, 403},
		{"POST", "/api/studio/mia/screen", "{}", 401, 200, 200, 403},
		{"GET", "/api/invitations", "", 401, 200, 200, 200},
		{"GET", "/api/nothing", "", 404, 404, 404, 404},

		// The rest acts on the own stage only; whoever names another's participant or invitation finds nothing.
		{"POST", "/api/live", `{"live":true}`, 401, 200, 409, 409},
		{"POST", "/api/live", `{"live":false}`, 401, 200, 200, 200},
		{"POST", "/api/participants/someone/remove", `{"reason":""}`, 401, 200, 404, 404},
		{"POST", "/api/invitations", `{"for":"","lifetime":3600}`, 401, 201, 201, 201},
	} {
		for name, want := range map[string]int{"anonymous": test.anonymous, "host": test.host, "guest": test.guest, "stranger": test.stranger} {
			t.Run(test.method+" "+test.path+" as "+name, func(t *testing.T) {
				var got answer
				if test.method == "GET" {
					got = people[name].get(test.path)
				} else {
					got = people[name].json(test.method, test.path, test.body)
				}
				got.expect(t, want)
			})
		}
	}

	t.Run("another's invitation cannot be withdrawn", func(t *testing.T) {
		people["guest"].json("DELETE", "/api/invitations/"+invitation.ID, "").expect(t, 404)
		people["anonymous"].json("DELETE", "/api/invitations/"+invitation.ID, "").expect(t, 401)
		people["host"].json("DELETE", "/api/invitations/"+invitation.ID, "").expect(t, 200)
	})
	t.Run("a withdrawn invitation ends the guest's right", func(t *testing.T) {
		people["guest"].get("/studio/@mia").expect(t, 403, "revoked", `href="/@mia"`)
		people["guest"].get("/api/studio/mia").expect(t, 403, `"code":"denied"`)
	})
}

func TestRedirectsWhereOneComesFrom(t *testing.T) {
	h := newHouse(t)
	h.as("mia")
	for path, want := range map[string]string{
		"/studio":       "/login?next=%2Fstudio",
		"/studio/@mia":  "/login?next=%2Fstudio%2F%40mia",
		"/dashboard?x=": "/login?next=%2Fdashboard%3Fx%3D",
	} {
		if got := h.browser().get(path).Header.Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
	}
}

func TestSecondScreenAndViewerTokensDiffer(t *testing.T) {
	h := newHouse(t)
	host := h.as("mia")
	seen := map[string]bool{}
	for _, a := range []answer{
		host.get("/api/studio/mia"), host.json("POST", "/api/studio/mia/screen", "{}"), host.get("/api/watch/mia"), h.browser().get("/api/watch/mia"),
	} {
		a.expect(t, 200, `"token":"token-of-`)
		if seen[a.text] {
			t.Errorf("the same answer twice: %s", a.text)
		}
		seen[a.text] = true
	}
	first, second := host.get("/api/studio/mia"), host.get("/api/studio/mia")
	if first.text != second.text {
		t.Errorf("the stored token was not handed out again: %s, then %s", first.text, second.text)
	}
}

func TestPagesKnowWhoIsLive(t *testing.T) {
	h := newHouse(t)
	mia, leo := h.as("mia"), h.as("leo")
	invitation := h.invite("mia", "leo", time.Hour)
	leo.post("/invite/"+string(invitation.Code), nil).expect(t, 303)
	mia.get("/studio").expect(t, 200, "Entering is not going live")
	leo.get("/studio/@mia").expect(t, 200, "when the show is live")
	h.browser().get("/@mia").expect(t, 200, `data-state="offline"`)
	h.publish("mia", stage.Publisher{ID: "someone", UserID: "visitor", Publishing: true, OnAir: true})
	mia.json("POST", "/api/live", `{"live":true}`).expect(t, 200)
	mia.get("/studio").expect(t, 200, "as soon as you enter")
	leo.get("/studio/@mia").expect(t, 200, "as soon as you enter")
	h.browser().get("/@mia").expect(t, 200, `data-state="connecting"`) // also without JavaScript it is not said to be off
}
