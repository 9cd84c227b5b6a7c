package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// screens are the sizes at which every page is looked at.
var screens = []struct {
	name          string
	width, height int64
}{
	{"desk", 1440, 900},
	{"phone", 390, 844},
}

// TestLook saves what every page looks like, on a desk and on a phone, light and dark, and checks what a program can check
// about that: nothing is wider than the screen, no picture is broken, every control has a name.
//
// With STREAMCAT_SCREENSHOT=FILE it also saves the picture of the README.
func TestLook(t *testing.T) {
	sh := newShow(t)
	sh.host.awaitMoving(joinTimeout, tileVideo(sh.host.idOf("leo")), green)
	sh.mia.postForm("/dashboard/channel", map[string][]string{"title": {"Two cats, one window"}, "description": {"Every evening at eight."}})
	invitation := sh.mia.invite("zoe")
	visitors, cameras := browsers.get(t, kind{}), browsers.get(t, kind{camera: blue})

	lost := visitors.open(t, sh.server, nil, "/no/such/page")
	lost.expect("status of 404")
	pages := map[string]*tab{
		"home-empty":    visitors.open(t, sh.server, nil, "/"),
		"register":      visitors.open(t, sh.server, nil, "/register"),
		"login":         visitors.open(t, sh.server, nil, "/login"),
		"not-found":     lost,
		"watch-offline": visitors.watch(t, sh.server, nil, sh.mia),
		"invite":        visitors.open(t, sh.server, sh.zoe, invitation.path(t)),
		"dashboard":     visitors.open(t, sh.server, sh.mia, "/dashboard"),
		"green-room":    cameras.greenRoom(t, sh.zoe, sh.zoe),
		"studio":        sh.host,
		"studio-guest":  sh.one,
	}
	pages["watch-offline"].await(stateTimeout, "waiting", pages["watch-offline"].watching("offline"))
	for name, tb := range pages {
		lookAt(t, tb, name)
	}
	for name, tb := range pages {
		if name != "studio" && name != "studio-guest" && name != "home-empty" && name != "watch-offline" {
			tb.close()
		}
	}

	sh.host.goLive()
	live, home := pages["watch-offline"], pages["home-empty"]
	live.awaitMoving(joinTimeout, compositeVideo(sh.host.idOf("leo")), green)
	home.await(joinTimeout, "mia is live", func() error { return home.shows(`#live [data-channel="mia"]`) })
	lookAt(t, sh.host, "studio-live")
	lookAt(t, live, "watch-live")
	lookAt(t, home, "home-live")
	if file := os.Getenv("STREAMCAT_SCREENSHOT"); file != "" {
		saveForReadme(t, sh, file)
	}
}

// lookAt saves a page in both sizes and themes and checks it.
func lookAt(t *testing.T, tb *tab, name string) {
	t.Helper()
	for _, screen := range screens {
		tb.resize(screen.width, screen.height)
		for _, scheme := range []string{"light", "dark"} {
			tb.theme(scheme)
			where := fmt.Sprintf("%s-%s-%s", name, screen.name, scheme)
			if got := tb.attribute("html", "data-theme"); got != scheme {
				tb.await(stateTimeout, where+" follows the system", func() error {
					return tb.has(fmt.Sprintf("html[data-theme=%q]", scheme))
				})
			}
			tb.settle()
			if wide := eval[int64](tb, `() => Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)`); wide > screen.width {
				t.Errorf("%s is %d pixels wide: %s", where, wide, tb.widest(screen.width))
			}
			tb.screenshot("look-" + where)
		}
	}
	for _, flaw := range eval[[]string](tb, `() => {
		const flaws = [];
		const shown = (e) => e.checkVisibility() && e.getClientRects().length > 0;
		for (const image of document.images) {
			if (shown(image) && image.complete && !image.naturalWidth) flaws.push("broken picture " + image.src);
			if (!image.hasAttribute("alt")) flaws.push("picture without alt " + image.src);
		}
		for (const control of document.querySelectorAll("button, a[href], input:not([type=hidden]), select, textarea")) {
			if (!shown(control)) continue;
			const label = control.getAttribute("aria-label") || control.title || control.innerText?.trim() || control.labels?.[0]?.innerText.trim() || control.querySelector("img[alt]")?.alt;
			if (!label) flaws.push("control without a name: " + control.outerHTML.slice(0, 120));
		}
		if (document.querySelectorAll("main").length !== 1) flaws.push("not one main");
		if (!document.title.includes("StreamCat")) flaws.push("the title is " + document.title);
		return flaws;
	}`) {
		t.Errorf("%s: %s", name, flaw)
	}
}

// settle ends the transitions that a change of theme or size has begun.
func (tb *tab) settle() {
	tb.t.Helper()
	eval[bool](tb, `async () => {
		const frame = () => new Promise((done) => requestAnimationFrame(done));
		for (let i = 0; i < 3; i++) {
			await frame();
			for (const animation of document.getAnimations()) {
				if (Number.isFinite(animation.effect?.getComputedTiming().endTime)) animation.finish();
			}
		}
		await frame();
		return true;
	}`)
}

// widest names the elements that stick out of a screen.
func (tb *tab) widest(width int64) []string {
	return eval[[]string](tb, `(width) => [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width + 1)
		.slice(0, 5).map((e) => e.tagName + "." + e.className + "#" + e.id)`, width)
}

// saveForReadme saves the studio while three people are live.
func saveForReadme(t *testing.T, sh *show, file string) {
	t.Helper()
	sh.addThird(t, browsers.get(t, kind{camera: blue}))
	tb := sh.host
	tb.resize(1440, 900)
	tb.theme("dark")
	tb.awaitMoving(joinTimeout, compositeVideo(tb.idOf("zoe")), blue)
	tb.settle()
	tb.screenshot("readme")
	png, err := os.ReadFile(filepath.Join(out, "readme.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, png, 0o644); err != nil {
		t.Fatal(err)
	}
}
