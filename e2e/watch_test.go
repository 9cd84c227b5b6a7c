package e2e

import (
	"fmt"
	"testing"
	"time"
)

// Issue point 8: two viewers wait, see it begin without a reload, see the same, hear it after a tap, see it end and begin again.
func TestWatch(t *testing.T) {
	sh := newShow(t)
	miaID, leoID := sh.host.idOf("mia"), sh.host.idOf("leo")
	sh.host.awaitMoving(joinTimeout, tileVideo(leoID), green)
	audience := browsers.get(t, kind{})
	viewers := []*tab{audience.watch(t, sh.server, nil, sh.mia), audience.watch(t, sh.server, sh.zoe, sh.mia)}
	for _, tb := range viewers {
		tb.await(stateTimeout, "waiting", tb.watching("offline"))
		eval[bool](tb, `() => window.sameDocument = true`)
	}
	home := audience.open(t, sh.server, nil, "/")
	home.await(stateTimeout, "nobody is live", func() error { return home.shows("#nobody-live") })

	live := sh.host.goLive()
	for _, tb := range viewers {
		tb.await(joinTimeout, "first picture", func() error {
			return tb.check("no frame yet", `(s) => document.querySelector(s)?.getVideoPlaybackQuality().totalVideoFrames > 0`, compositeVideo(miaID))
		})
		t.Logf("first picture at most %v after the button said ON AIR", time.Since(live))
	}
	for _, tb := range viewers {
		if took := time.Since(live); took > 10*time.Second {
			t.Errorf("the broadcast took %v to begin", took)
		}
		tb.await(stateTimeout, "composite", func() error { return tb.laidOut(sideBySide(miaID, leoID)) })
		tb.awaitMoving(stateTimeout, compositeVideo(miaID), red)
		tb.awaitMoving(stateTimeout, compositeVideo(leoID), green)
		if !eval[bool](tb, `() => window.sameDocument === true`) {
			t.Error("the page was reloaded")
		}
	}

	// StreamCat tutorial bug 19: the browser blocks sound before a gesture; one tap and everybody is heard.
	viewer := viewers[0]
	viewer.await(stateTimeout, "tap for sound", func() error { return viewer.shows("#unmute") })
	viewer.screenshot("watch-blocked-sound")
	viewer.click("#unmute")
	for _, id := range []string{miaID, leoID} {
		viewer.awaitSound(joinTimeout, audioOf(id))
	}
	viewer.await(stateTimeout, "the button is gone", func() error { return viewer.hides("#unmute") })
	viewer.screenshot("watch-live")

	home.await(10*time.Second, "the home page lists mia without a reload", func() error { return home.shows(`#live [data-channel="mia"]`) })
	home.screenshot("home-live")

	backstage(t, sh, viewers, miaID, leoID)

	sh.host.endBroadcast()
	for _, tb := range viewers {
		tb.await(stateTimeout, "ended", tb.watching("ended"))
	}
	home.await(10*time.Second, "nobody is live", func() error { return home.shows("#nobody-live") })

	again := sh.host.goLive()
	for _, tb := range viewers {
		tb.await(joinTimeout, "live again", tb.watching("live"))
		tb.awaitMoving(joinTimeout, compositeVideo(leoID), green)
		took := time.Since(again)
		t.Logf("the second broadcast was seen moving at most %v after it began", took)
		if took > 5*time.Second {
			t.Errorf("the second broadcast took %v to begin", took)
		}
		if !eval[bool](tb, `() => window.sameDocument === true`) {
			t.Error("the page was reloaded")
		}
	}
	viewer.awaitSound(joinTimeout, audioOf(miaID))
}

// backstage takes leo off air and back: only those on air are seen and heard.
func backstage(t *testing.T, sh *show, viewers []*tab, miaID, leoID string) {
	t.Helper()
	toggle := fmt.Sprintf(`[data-tile=%q] [data-action="on-air"]`, leoID)
	sh.host.do("reveal the tile's buttons", hover(fmt.Sprintf("[data-tile=%q]", leoID)))
	sh.host.click(toggle)
	for _, tb := range viewers {
		tb.await(stateTimeout, "leo is backstage", func() error { return tb.laidOut(sideBySide(miaID)) })
	}
	if err := viewers[0].hasNot(audioOf(leoID)); err != nil {
		t.Errorf("backstage and still heard: %v", err)
	}
	sh.host.awaitMoving(stateTimeout, tileVideo(leoID), green)
	sh.host.do("reveal the tile's buttons", hover(fmt.Sprintf("[data-tile=%q]", leoID)))
	sh.host.click(toggle)
	for _, tb := range viewers {
		tb.await(stateTimeout, "leo is on air", func() error { return tb.laidOut(sideBySide(miaID, leoID)) })
		tb.awaitMoving(joinTimeout, compositeVideo(leoID), green)
	}
}

// Issue point 8: whoever comes while it is live is in at once.
func TestComeWhileLive(t *testing.T) {
	sh := newShow(t)
	leoID := sh.host.idOf("leo")
	sh.host.awaitMoving(joinTimeout, tileVideo(leoID), green)
	sh.host.goLive()
	audience := browsers.get(t, kind{})
	audience.watch(t, sh.server, nil, sh.mia).awaitMoving(joinTimeout, compositeVideo(leoID), green)
	opened := time.Now()
	late := audience.watch(t, sh.server, nil, sh.mia)
	late.awaitMoving(joinTimeout, compositeVideo(leoID), green)
	t.Logf("the late viewer saw moving pictures %v after opening the page", time.Since(opened))
	late.awaitMoving(joinTimeout, compositeVideo(sh.host.idOf("mia")), red)
}
