package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// show is a stage with people on it, each in a browser of their own.
type show struct {
	server         *server
	mia, leo, zoe  *person // mia is the host
	host, one, two *tab    // mia's, leo's and zoe's pages
}

// newShow puts two people on mia's stage.
func newShow(t *testing.T, flags ...string) *show {
	t.Helper()
	s := startServer(t, flags...)
	sh := &show{server: s, mia: s.register("mia"), leo: s.register("leo"), zoe: s.register("zoe")}
	sh.leo.accept(sh.mia.invite(""))
	sh.host = browsers.get(t, kind{camera: red}).onStage(t, sh.mia, sh.mia)
	sh.one = browsers.get(t, kind{camera: green}).onStage(t, sh.leo, sh.mia)
	return sh
}

// addThird puts zoe on the stage, too.
func (sh *show) addThird(t *testing.T, b *browser) {
	t.Helper()
	sh.zoe.accept(sh.mia.invite(""))
	sh.two = b.onStage(t, sh.zoe, sh.mia)
}

// Issue point 6: two hosts see and hear each other, and both see the same composite.
func TestTwoHostsSeeAndHearEachOther(t *testing.T) {
	sh := newShow(t)
	miaID, leoID := sh.host.idOf("mia"), sh.host.idOf("leo")
	for _, side := range []struct {
		tb              *tab
		ownID, otherID  string
		own, other      paint
		ownName, theirs string
	}{
		{sh.host, miaID, leoID, red, green, "mia", "leo"},
		{sh.one, leoID, miaID, green, red, "leo", "mia"},
	} {
		side.tb.await(stateTimeout, "a tile for each", side.tb.showsTilesOf("mia", "leo"))
		took := side.tb.awaitMoving(joinTimeout, tileVideo(side.otherID), side.other)
		t.Logf("%s sees %s %v after entering", side.ownName, side.theirs, took)
		side.tb.awaitMoving(joinTimeout, tileVideo(side.ownID), side.own)
		side.tb.awaitSound(joinTimeout, audioOf(side.otherID))

		own, err := side.tb.tile(side.ownName)
		if err != nil || !own.Local {
			t.Errorf("the own tile is not marked: %+v, %v", own, err)
		}
		if err := side.tb.hasNot(audioOf(side.ownID)); err != nil {
			t.Errorf("%s hears itself: %v", side.ownName, err)
		}
		if n := eval[int](side.tb, `() => [...document.querySelectorAll("video")].filter((v) => !v.muted && v.srcObject?.getAudioTracks().length).length`); n != 0 {
			t.Errorf("%s: %d videos have sound", side.ownName, n)
		}
		side.tb.await(stateTimeout, "speaking mark", func() error { return side.tb.has(fmt.Sprintf(`[data-tile=%q][data-speaking="true"]`, side.otherID)) })
		side.tb.await(stateTimeout, "composite", func() error { return side.tb.laidOut(sideBySide(miaID, leoID)) })
		side.tb.awaitMoving(stateTimeout, compositeVideo(miaID), red)
		side.tb.awaitMoving(stateTimeout, compositeVideo(leoID), green)
	}
	sh.host.screenshot("studio-two-hosts")
}

// Issue point 6: muting shows for all within a second; a stopped camera leaves the person and the sound (StreamCat tutorial bug 3).
func TestMute(t *testing.T) {
	sh := newShow(t)
	leoID := sh.host.idOf("leo")
	sh.host.awaitSound(joinTimeout, audioOf(leoID))
	sh.host.awaitMoving(joinTimeout, tileVideo(leoID), green)
	// flips clicks a button on leo's page and measures until mia's page shows it.
	flips := func(button, attribute string, want bool) {
		t.Helper()
		clicked := time.Now()
		sh.one.click(button)
		sh.host.await(stateTimeout, fmt.Sprintf("%s is %v", attribute, want), func() error {
			return sh.host.has(fmt.Sprintf(`[data-tile=%q][%s="%v"]`, leoID, attribute, want))
		})
		if took := time.Since(clicked); took > 3*time.Second {
			t.Errorf("%s took %v to reach the other host", attribute, took)
		} else {
			t.Logf("%s=%v reached the other host %v after the click", attribute, want, took)
		}
		sh.one.await(stateTimeout, "own mark", func() error {
			return sh.one.has(fmt.Sprintf(`[data-tile=%q][%s="%v"]`, leoID, attribute, want))
		})
	}

	flips("#toggle-microphone", "data-audio-muted", true)
	sh.host.await(stateTimeout, "silence", func() error {
		s, err := sh.host.hear(audioOf(leoID))
		if err == nil && s.Peak > silent {
			err = fmt.Errorf("still heard: %+v", s)
		}
		return err
	})
	sh.host.awaitMoving(stateTimeout, tileVideo(leoID), green)
	flips("#toggle-microphone", "data-audio-muted", false)
	sh.host.awaitSound(stateTimeout, audioOf(leoID))

	flips("#toggle-camera", "data-video-stopped", true)
	always(t, time.Second, "the tile stays without a picture", sh.host.showsTilesOf("mia", "leo"))
	sh.host.awaitSound(stateTimeout, audioOf(leoID))
	flips("#toggle-camera", "data-video-stopped", false)
	sh.host.awaitMoving(stateTimeout, tileVideo(leoID), green)
}

// Issue point 6 and StreamCat tutorial bug 5: another camera and microphone while live, and still one tile a person.
func TestChangeDevices(t *testing.T) {
	s := startServer(t)
	mia, leo := s.register("mia"), s.register("leo")
	leo.accept(mia.invite(""))
	host := browsers.get(t, kind{camera: red}).onStage(t, mia, mia)
	guest := browsers.get(t, kind{devices: "device-count=4"}).onStage(t, leo, mia)
	leoID := host.idOf("leo")
	frames := func() int {
		sight, err := host.look(tileVideo(leoID))
		if err != nil {
			t.Fatal(err)
		}
		return sight.Frames
	}
	host.await(joinTimeout, "leo's picture", func() error {
		if n := frames(); n < 5 {
			return fmt.Errorf("%d frames", n)
		}
		return nil
	})
	host.awaitSound(joinTimeout, audioOf(leoID))

	guest.click("#open-devices")
	guest.await(stateTimeout, "device dialog", func() error { return guest.shows("dialog#devices[open]") })
	for _, list := range []string{"#live-camera", "#live-microphone"} {
		current := guest.value(list)
		// The last one: Chromium's second fake camera has pixels that no encoder takes.
		var other string
		for _, option := range guest.options(list) {
			if option != current && option != "none" && option != "" {
				other = option
			}
		}
		if other == "" {
			t.Fatalf("%s: no other device to choose", list)
		}
		guest.choose(list, other)
		guest.await(stateTimeout, "the new device is in use", func() error {
			return guest.check("the own picture stands", `(s) => document.querySelector(s).srcObject?.getVideoTracks().some((t) => t.readyState === "live")`, tileVideo(leoID))
		})
		always(t, 2*time.Second, "one tile a person", host.showsTilesOf("mia", "leo"))
	}
	before := frames()
	host.await(stateTimeout, "leo's picture goes on", func() error {
		if n := frames(); n < before+10 {
			return fmt.Errorf("%d frames, then %d", before, n)
		}
		return nil
	})
	host.awaitSound(stateTimeout, audioOf(leoID))
	if now := host.idOf("leo"); now != leoID {
		t.Errorf("leo is now participant %s, was %s", now, leoID)
	}
	miaID := host.idOf("mia")
	for _, tb := range []*tab{host, guest} {
		tb.await(stateTimeout, "composite of two", func() error { return tb.laidOut(sideBySide(miaID, leoID)) })
	}
}

// Issue point 6: a shared screen is a participant of its own, and takes the large place in the composite.
func TestShareScreen(t *testing.T) {
	sh := newShow(t)
	miaID, leoID := sh.host.idOf("mia"), sh.host.idOf("leo")
	sh.one.click("#share-screen")
	sh.one.await(stateTimeout, "sharing", func() error { return sh.one.has(`#share-screen[aria-pressed="true"]`) })
	var screen tile
	sh.host.await(joinTimeout, "tile of the screen", func() error {
		tiles, err := sh.host.tiles()
		if err != nil {
			return err
		}
		for _, tile := range tiles {
			if tile.Screen {
				screen = tile
				return nil
			}
		}
		return fmt.Errorf("tiles: %+v", tiles)
	})
	if screen.ID == leoID || screen.ID == miaID {
		t.Errorf("the screen has no participant of its own: %+v", screen)
	}
	want := []place{cells(screen.ID, 1, 4, 18, 18), cells(miaID, 19, 7, 6, 6), cells(leoID, 19, 13, 6, 6)}
	for _, tb := range []*tab{sh.host, sh.one} {
		tb.await(stateTimeout, "the screen is large", func() error { return tb.laidOut(want) })
	}
	sh.host.await(joinTimeout, "the screen's picture arrives", func() error {
		sight, err := sh.host.look(tileVideo(screen.ID))
		if err == nil && sight.Frames < 3 {
			err = fmt.Errorf("%+v", sight.Frames)
		}
		return err
	})
	sh.host.screenshot("studio-shared-screen")
	sh.one.click("#share-screen")
	for _, tb := range []*tab{sh.host, sh.one} {
		tb.await(stateTimeout, "the screen is gone", tb.showsTilesOf("mia", "leo"))
		tb.await(stateTimeout, "side by side again", func() error { return tb.laidOut(sideBySide(miaID, leoID)) })
	}
	sh.host.awaitMoving(stateTimeout, tileVideo(leoID), green)
}

// Issue point 6 and StreamCat tutorial bug 2: the guest in the middle is removed, that one and no other.
func TestRemoveGuest(t *testing.T) {
	sh := newShow(t)
	sh.addThird(t, browsers.get(t, kind{camera: blue}))
	leoID, zoeID := sh.host.idOf("leo"), sh.host.idOf("zoe")
	sh.host.awaitMoving(joinTimeout, tileVideo(zoeID), blue)
	token := sh.leo.studio("mia")
	sh.one.expect("status of 403", "status of 401", "WebSocket")

	sh.host.removeTile(leoID, "Thanks for coming!")
	sh.one.await(stateTimeout, "removed", sh.one.inPhase("removed"))
	if said := sh.one.text("#removed"); said == "" || !strings.Contains(said, "Thanks for coming!") {
		t.Errorf("the guest reads %q", said)
	}
	sh.one.await(stateTimeout, "countdown", func() error {
		return sh.one.check("no countdown", `() => /^[0-5]$/.test(document.querySelector("#countdown").innerText)`)
	})
	sh.one.screenshot("removed")
	took := sh.one.await(stateTimeout, "channel page", func() error { return sh.one.at("/@mia") })
	t.Logf("the guest was led to the channel page %v after the countdown began", took)

	for _, tb := range []*tab{sh.host, sh.two} {
		tb.await(stateTimeout, "leo is gone", tb.showsTilesOf("mia", "zoe"))
	}
	sh.host.awaitMoving(stateTimeout, tileVideo(zoeID), blue)
	sh.host.awaitSound(stateTimeout, audioOf(zoeID))

	if status, code := sh.server.publish(token.Token); status != http.StatusForbidden || code != "PARTICIPANT_DISCONNECTED" {
		t.Errorf("the removed guest's token: status %d, code %s", status, code)
	}
	if status := sh.leo.api(http.MethodGet, "/api/studio/mia", nil, nil); status != http.StatusForbidden {
		t.Errorf("the removed guest may enter again without a new invitation: status %d", status)
	}
	sh.leo.accept(sh.mia.invite("leo"))
	if again := sh.leo.studio("mia"); again.Participant == leoID {
		t.Error("after a new invitation the guest has the dead token")
	}
}

// removeTile removes a participant by the button on its tile.
func (tb *tab) removeTile(id, reason string) {
	tb.t.Helper()
	tb.do("reveal the tile's buttons", hover(fmt.Sprintf("[data-tile=%q]", id)))
	tb.click(fmt.Sprintf(`[data-tile=%q] [data-action="remove"]`, id))
	tb.await(stateTimeout, "remove dialog", func() error { return tb.shows("dialog#remove-dialog[open]") })
	tb.fill("#remove-reason", reason)
	tb.click("#remove-confirm")
}

// Issue point 6: leaving is leaving, for everybody.
func TestLeave(t *testing.T) {
	sh := newShow(t)
	sh.host.awaitMoving(joinTimeout, tileVideo(sh.host.idOf("leo")), green)
	leoID := sh.host.idOf("leo")
	left := time.Now()
	sh.one.click("#leave")
	awaitGone(t, sh.host, left, "mia")
	sh.one.await(stateTimeout, "the channel page", func() error { return sh.one.at("/@mia") })
	miaID := sh.host.idOf("mia")
	sh.host.await(stateTimeout, "composite of one", func() error { return sh.host.laidOut(sideBySide(miaID)) })
	if err := sh.host.hasNot(audioOf(leoID)); err != nil {
		t.Errorf("the sound of who left is still there: %v", err)
	}
	if err := sh.host.connected(); err != nil {
		t.Error(errors.Join(errors.New("the host was disturbed"), err))
	}
}
