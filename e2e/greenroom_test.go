package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// microphoneLevel reads the level meter of the green room.
func (tb *tab) microphoneLevel() (float64, error) {
	return tryEval[float64](tb, `() => Number(document.querySelector("#level").getAttribute("aria-valuenow"))`)
}

// awaitBeep waits until the level meter has shown both the beep of the fake microphone and the pause after it.
func (tb *tab) awaitBeep() {
	tb.t.Helper()
	low, high := 100.0, 0.0
	tb.await(stateTimeout, "the level meter moves", func() error {
		level, err := tb.microphoneLevel()
		if err != nil {
			return err
		}
		low, high = min(low, level), max(high, level)
		if high < 5 || high-low < 5 {
			return fmt.Errorf("the level was between %v and %v", low, high)
		}
		return nil
	})
}

// options lists the values of a select.
func (tb *tab) options(selector string) []string {
	tb.t.Helper()
	return eval[[]string](tb, `(s) => [...document.querySelectorAll(s + " option")].map((option) => option.value)`, selector)
}

func (tb *tab) value(selector string) string {
	tb.t.Helper()
	return eval[string](tb, `(s) => document.querySelector(s).value`, selector)
}

// awaitDeviceMessage waits for a sentence about devices that speaks of something.
func (tb *tab) awaitDeviceMessage(words ...string) {
	tb.t.Helper()
	tb.await(stateTimeout, fmt.Sprintf("a sentence about %v", words), func() error {
		said, err := tryEval[string](tb, `() => document.querySelector("#device-message").innerText`)
		if err != nil {
			return err
		}
		for _, word := range words {
			if !strings.Contains(strings.ToLower(said), word) {
				return fmt.Errorf("the sentence is %q", said)
			}
		}
		return nil
	})
}

// Issue point 3: preview, moving level, lists, and the choice is remembered.
func TestGreenRoom(t *testing.T) {
	s := startServer(t)
	mia := s.register("mia")
	// As a person comes: by a link. A page that nobody has touched may not listen to the microphone.
	tb := browsers.get(t, kind{camera: red}).open(t, s, mia, "/dashboard")
	tb.click("a.nav-studio")
	tb.await(joinTimeout, "green room", tb.inPhase("green-room"))
	tb.awaitMoving(joinTimeout, "#preview", red)
	tb.awaitBeep()
	if sight, err := tb.look("#preview"); err != nil || !sight.Muted {
		t.Errorf("the preview is not muted: %v, %v", sight.Muted, err)
	}

	microphones := tb.options("#microphone")
	if len(microphones) < 3 {
		t.Fatalf("microphones: %v", microphones)
	}
	chosen := microphones[1]
	if chosen == "none" {
		chosen = microphones[2]
	}
	tb.choose("#microphone", chosen)
	tb.awaitBeep()
	tb.choose("#quality", "540")
	tb.reload()
	tb.await(joinTimeout, "the choice is remembered", func() error {
		if tb.value("#microphone") != chosen || tb.value("#quality") != "540" {
			return fmt.Errorf("microphone %q, quality %q", tb.value("#microphone"), tb.value("#quality"))
		}
		return nil
	})
	tb.awaitMoving(joinTimeout, "#preview", red)

	tb.choose("#camera", "none")
	tb.await(stateTimeout, "the preview is dark without a camera", func() error {
		return tb.check("a camera is on", `() => !document.querySelector("#preview").srcObject?.getVideoTracks().some((t) => t.readyState === "live")`)
	})
	tb.choose("#microphone", "none")
	tb.reload()
	tb.await(joinTimeout, "no camera and no microphone is remembered, too", func() error {
		if tb.value("#microphone") != "none" || tb.value("#camera") != "none" {
			return fmt.Errorf("camera %q, microphone %q", tb.value("#camera"), tb.value("#microphone"))
		}
		return nil
	})
}

// Issue point 3: who blocks camera and microphone reads what to do, and is not locked out.
func TestGreenRoomBlocked(t *testing.T) {
	s := startServer(t)
	mia := s.register("mia")
	tb := browsers.get(t, kind{deny: true}).open(t, s, mia, "/studio")
	tb.await(joinTimeout, "green room", tb.inPhase("green-room"))
	tb.awaitDeviceMessage("block", "allow")
	tb.screenshot("green-room-blocked")
}

// Issue point 3: a machine without devices gets a sentence, and can enter to listen.
func TestGreenRoomWithoutDevices(t *testing.T) {
	s := startServer(t)
	mia := s.register("mia")
	tb := browsers.get(t, kind{}).open(t, s, mia, "/studio")
	tb.await(joinTimeout, "green room", tb.inPhase("green-room"))
	tb.awaitDeviceMessage("camera", "microphone")
	tb.enter()
	tb.await(stateTimeout, "an own tile", tb.showsTilesOf("mia"))
}

// Issue point 3: with a microphone alone one is on stage, heard and not seen. StreamCat tutorial bug 3.
func TestEnterWithoutCamera(t *testing.T) {
	s := startServer(t)
	mia, leo := s.register("mia"), s.register("leo")
	leo.accept(mia.invite(""))
	host := browsers.get(t, kind{camera: red}).onStage(t, mia, mia)
	guest := browsers.get(t, kind{devices: "device-count=0"}).open(t, s, leo, "/studio/@mia")
	guest.await(joinTimeout, "green room", guest.inPhase("green-room"))
	guest.awaitDeviceMessage("camera")
	guest.tap()
	guest.awaitBeep()
	guest.enter()

	leoID := host.idOf("leo")
	host.await(stateTimeout, "leo's tile shows that there is no picture", func() error {
		tile, err := host.tile("leo")
		if err == nil && !tile.VideoStopped {
			err = errors.New("data-video-stopped is false")
		}
		return err
	})
	host.awaitSound(joinTimeout, audioOf(leoID))
	guest.awaitMoving(joinTimeout, tileVideo(guest.idOf("mia")), red)
	always(t, 2*time.Second, "both tiles stay", host.showsTilesOf("mia", "leo"))
}
