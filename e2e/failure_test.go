package e2e

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// goneWithin is how long the tile of somebody who is gone may stay, and how long a busy machine may need to show it.
const goneWithin, goneWithinBusy = 5 * time.Second, 8 * time.Second

// awaitGone measures how long a page shows somebody who is gone.
func awaitGone(t *testing.T, tb *tab, since time.Time, left ...string) {
	t.Helper()
	tb.await(2*goneWithinBusy, "the tile is gone", tb.showsTilesOf(left...))
	took := time.Since(since)
	t.Logf("page of %s: the tile was gone after %v", tb.name, took)
	if took > goneWithinBusy {
		t.Errorf("page of %s: the tile stayed for %v, promised are %v", tb.name, took, goneWithin)
	}
}

// Issue point 9: a closed tab and a killed browser are gone for all in five seconds; the right tile goes, the others stay.
func TestHostDisappears(t *testing.T) {
	sh := newShow(t)
	doomed, err := startBrowser(kind{camera: blue})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(doomed.close)
	sh.addThird(t, doomed)
	miaID, zoeID := sh.host.idOf("mia"), sh.host.idOf("zoe")
	sh.host.awaitMoving(joinTimeout, tileVideo(zoeID), blue)
	sh.host.awaitMoving(joinTimeout, tileVideo(sh.host.idOf("leo")), green)

	// leo joined second and closes the tab: the middle tile.
	since := time.Now()
	sh.one.close()
	awaitGone(t, sh.host, since, "mia", "zoe")
	sh.host.awaitMoving(stateTimeout, tileVideo(zoeID), blue)
	sh.host.await(stateTimeout, "composite of two", func() error { return sh.host.laidOut(sideBySide(miaID, zoeID)) })
	sh.two.awaitMoving(stateTimeout, tileVideo(miaID), red)

	since = time.Now()
	doomed.kill(t)
	awaitGone(t, sh.host, since, "mia")
	sh.host.await(stateTimeout, "composite of one", func() error { return sh.host.laidOut(sideBySide(miaID)) })
	sh.host.awaitMoving(stateTimeout, tileVideo(miaID), red)
}

// Issue point 9 and StreamCat tutorial bug 7: a broadcast whose last host died ends, everywhere.
func TestLastHostDies(t *testing.T) {
	s := startServer(t, "--empty-timeout", "5s")
	mia := s.register("mia")
	doomed, err := startBrowser(kind{camera: blue})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(doomed.close)
	host := doomed.onStage(t, mia, mia)
	host.awaitMoving(joinTimeout, compositeVideo(host.idOf("mia")), blue)
	viewer := browsers.get(t, kind{}).watch(t, s, nil, mia)
	host.goLive()
	viewer.await(joinTimeout, "live", viewer.watching("live"))

	since := time.Now()
	doomed.kill(t)
	viewer.await(30*time.Second, "the broadcast ends", viewer.watching("ended"))
	took := time.Since(since)
	t.Logf("the broadcast ended %v after its last host was killed, with five seconds of grace", took)
	if took < 5*time.Second {
		t.Errorf("the broadcast ended after %v: a host who reloads has no chance to come back", took)
	}
	home := browsers.get(t, kind{}).open(t, s, nil, "/")
	home.await(stateTimeout, "nobody is live", func() error { return home.shows("#nobody-live") })
}

// Issue point 9: the network is gone for ten seconds, for one host, and comes back by itself.
func TestNetworkLost(t *testing.T) {
	s := startServer(t)
	mia, leo := s.register("mia"), s.register("leo")
	leo.accept(mia.invite(""))
	host := browsers.get(t, kind{camera: red}).onStage(t, mia, mia)
	cable, behind := newLink(t, s, green)
	b, err := startBrowser(behind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	guest := b.onStage(t, leo, mia)
	guest.expect("WebSocket", "ERR_", "Failed to load resource", "Failed to fetch")
	eval[bool](guest, `() => window.sameDocument = true`)
	miaID, leoID := host.idOf("mia"), host.idOf("leo")
	host.awaitMoving(joinTimeout, tileVideo(leoID), green)
	guest.awaitMoving(joinTimeout, tileVideo(miaID), red)

	cable.cut()
	cut := time.Now()
	host.await(goneWithinBusy, "the guest's picture stands still", func() error {
		if host.seesMoving(tileVideo(leoID), green) == nil {
			return errors.New("it moves")
		}
		return nil
	})
	guest.await(10*time.Second, "the guest reads that something is wrong", func() error {
		return guest.hasNot(`#connection[data-state="connected"]`)
	})
	t.Logf("the guest's page noticed after %v", time.Since(cut))
	time.Sleep(time.Until(cut.Add(10 * time.Second)))
	cable.mend()
	mended := time.Now()
	host.await(joinTimeout, "leo is back", host.showsTilesOf("mia", "leo"))
	host.awaitMoving(joinTimeout, tileVideo(host.idOf("leo")), green)
	guest.await(joinTimeout, "connected", guest.connected)
	guest.awaitMoving(joinTimeout, tileVideo(miaID), red)
	guest.awaitSound(joinTimeout, audioOf(miaID))
	t.Logf("both saw each other %v after the network came back", time.Since(mended))
	if !eval[bool](guest, `() => window.sameDocument === true`) {
		t.Error("the page was reloaded")
	}
}

// Issue point 9: the server restarts, and everybody is back within fifteen seconds with no reload.
func TestServerRestarts(t *testing.T) {
	sh := newShow(t)
	viewer := browsers.get(t, kind{}).watch(t, sh.server, nil, sh.mia)
	pages := []*tab{sh.host, sh.one, viewer}
	miaID, leoID := sh.host.idOf("mia"), sh.host.idOf("leo")
	sh.host.awaitMoving(joinTimeout, tileVideo(leoID), green)
	sh.host.goLive()
	viewer.awaitMoving(joinTimeout, compositeVideo(leoID), green)
	for _, tb := range pages {
		tb.expect("WebSocket", "ERR_", "Failed to load resource", "Failed to fetch")
		eval[bool](tb, `() => window.sameDocument = true`)
	}

	sh.server.stop()
	sh.server.start()
	up := time.Now()
	sh.host.await(30*time.Second, "the host sees the guest", func() error { return sh.host.seesMoving(tileVideo(leoID), green) })
	sh.one.await(30*time.Second, "the guest sees the host", func() error { return sh.one.seesMoving(tileVideo(miaID), red) })
	took := time.Since(up)
	t.Logf("both hosts saw each other %v after the server was up again", took)
	if took > 15*time.Second {
		t.Errorf("it took %v until everybody was back on stage, promised are fifteen seconds", took)
	}
	viewer.await(30*time.Second, "the viewer sees the guest", func() error { return viewer.seesMoving(compositeVideo(leoID), green) })
	t.Logf("the viewer saw the guest %v after the server was up again", time.Since(up))
	sh.host.awaitSound(joinTimeout, audioOf(leoID))
	sh.host.await(stateTimeout, "one tile a person", sh.host.showsTilesOf("mia", "leo"))
	for _, tb := range pages {
		if !eval[bool](tb, `() => window.sameDocument === true`) {
			t.Errorf("the page of %s was reloaded", tb.name)
		}
	}
}

// Issue point 9 and StreamCat tutorial bug 4: a second tab asks before it takes over, and the first says what happened.
func TestSecondTab(t *testing.T) {
	s := startServer(t)
	mia, leo := s.register("mia"), s.register("leo")
	leo.accept(mia.invite(""))
	other := browsers.get(t, kind{camera: green}).onStage(t, leo, mia)
	first := browsers.get(t, kind{camera: red}).onStage(t, mia, mia)
	miaID := other.idOf("mia")
	other.awaitMoving(joinTimeout, tileVideo(miaID), red)

	second := first.second("/studio")
	second.await(joinTimeout, "green room", second.inPhase("green-room"))
	always(t, time.Second, "opening the page disturbs nobody", first.inPhase("on-stage"))
	second.click("#enter")
	second.await(stateTimeout, "the question", func() error { return second.shows("dialog#takeover[open]") })
	second.screenshot("takeover")
	second.click("#takeover-cancel")
	second.await(stateTimeout, "back in the green room", second.inPhase("green-room"))
	always(t, time.Second, "a no changes nothing", first.inPhase("on-stage"))

	second.click("#enter")
	second.await(stateTimeout, "the question again", func() error { return second.shows("dialog#takeover[open]") })
	second.click("#takeover-confirm")
	second.await(joinTimeout, "on stage", second.inPhase("on-stage"))
	first.await(stateTimeout, "taken over", first.inPhase("taken-over"))
	if err := first.shows("#taken-over"); err != nil {
		t.Error(err)
	}
	other.await(stateTimeout, "one tile of mia", other.showsTilesOf("mia", "leo"))
	other.awaitMoving(joinTimeout, tileVideo(miaID), red)
	always(t, 2*time.Second, "they do not fight", func() error {
		if err := first.inPhase("taken-over")(); err != nil {
			return err
		}
		return second.inPhase("on-stage")()
	})

	first.click("#take-back")
	first.await(joinTimeout, "on stage again", first.inPhase("on-stage"))
	second.await(stateTimeout, "taken over", second.inPhase("taken-over"))
	other.awaitMoving(joinTimeout, tileVideo(miaID), red)
	if got := other.idOf("mia"); got != miaID {
		t.Error(fmt.Errorf("mia is now participant %s, was %s", got, miaID))
	}
}
