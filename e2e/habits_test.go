package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Whoever stops the video sees the camera's light go off soon after, and everybody the picture again when it is started.
func TestStoppedCameraIsLetGo(t *testing.T) {
	sh := newShow(t)
	leoID := sh.host.idOf("leo")
	sh.host.awaitMoving(joinTimeout, tileVideo(leoID), green)
	eval[bool](sh.one, `(video) => { window.camera = document.querySelector(video).srcObject.getVideoTracks()[0]; return true; }`, tileVideo(leoID))

	stopped := func(want bool) func() error {
		return func() error { return sh.host.has(fmt.Sprintf(`[data-tile=%q][data-video-stopped="%v"]`, leoID, want)) }
	}
	sh.one.click("#toggle-camera")
	sh.host.await(stateTimeout, "leo's video stopped", stopped(true))
	sh.one.await(stateTimeout, "the camera is closed", func() error {
		return sh.one.check("the camera is open", `() => window.camera.readyState === "ended"`)
	})
	always(t, time.Second, "leo stays, without a picture", sh.host.showsTilesOf("mia", "leo"))
	if err := sh.one.has("#toggle-camera[aria-pressed=true]:not([disabled])"); err != nil {
		t.Errorf("the camera cannot be switched on again: %v", err)
	}
	sh.host.awaitSound(stateTimeout, audioOf(leoID))

	sh.one.click("#toggle-camera")
	sh.host.await(stateTimeout, "leo's video again", stopped(false))
	sh.host.awaitMoving(stateTimeout, tileVideo(leoID), green)
}

// The host ends a guest's screen share with the keyboard, and the guest stays.
func TestRemoveScreenByKeyboard(t *testing.T) {
	sh := newShow(t)
	sh.one.click("#share-screen")
	sh.host.await(joinTimeout, "leo's screen", func() error { return sh.host.has(`[data-tile][data-screen="true"]`) })
	sh.one.expect("status of 403", "status of 404")

	sh.host.do("reveal the tile's buttons", hover(`[data-tile][data-screen="true"]`))
	sh.host.click(`[data-tile][data-screen="true"] [data-action="remove"]`)
	sh.host.await(stateTimeout, "remove dialog", func() error { return sh.host.shows("dialog#remove-dialog[open]") })
	if says := sh.host.text("#remove-dialog"); !strings.Contains(says, "leo stays") {
		t.Errorf("of a screen the dialog says %q", says)
	}
	sh.host.do("press Enter", chromedp.SendKeys(chromedp.CSS("#remove-reason"), "\r"))
	sh.host.await(stateTimeout, "the screen is gone", sh.host.showsTilesOf("mia", "leo"))
	sh.one.await(stateTimeout, "leo shares no more", func() error { return sh.one.has("#share-screen[aria-pressed=false]") })
	sh.one.await(stateTimeout, "leo reads why", func() error {
		return sh.one.check("no reason is shown", `() => [...document.querySelectorAll("[role=alert]")].some((e) => e.checkVisibility() && e.innerText.includes("mia has ended your screen share"))`)
	})
	always(t, time.Second, "leo stays on stage", sh.one.inPhase("on-stage"))
}

// Who is live and sends nothing is told before the broadcast ends by itself, and why it did.
func TestNobodySends(t *testing.T) {
	s := startServer(t, "--empty-timeout=8s")
	mia := s.register("mia")
	host := browsers.get(t, kind{camera: red}).onStage(t, mia, mia)
	viewer := browsers.get(t, kind{}).watch(t, s, s.stranger(), mia)
	host.awaitMoving(joinTimeout, tileVideo(host.idOf("mia")), red)
	host.goLive()
	viewer.await(stateTimeout, "live", viewer.watching("live"))
	if err := host.hides("#deserted"); err != nil {
		t.Error(err)
	}
	host.click("#open-devices")
	host.choose("#live-camera", "none")
	host.choose("#live-microphone", "none")
	host.await(joinTimeout, "a warning", func() error { return host.shows("#deserted") })
	if err := host.has(`#on-air[data-live="true"]`); err != nil {
		t.Errorf("the warning came too late: %v", err)
	}
	viewer.await(joinTimeout, "the end", viewer.watching("ended"))
	host.await(stateTimeout, "the reason", func() error {
		return host.check("no reason is shown", `() => [...document.querySelectorAll("[role=alert]")].some((e) => e.checkVisibility() && e.innerText.includes("ended by itself"))`)
	})
}
