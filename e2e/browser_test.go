package e2e

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/probe.js
var probe string

// actionTimeout is how long one action in a page may take on a busy machine.
const actionTimeout = 20 * time.Second

// kind is what makes two browser processes differ. Its zero value is an audience's browser: no camera, nobody asked.
type kind struct {
	camera  paint  // the picture of the fake camera; "" for none
	devices string // without camera: what fake devices there are, in the words of --use-fake-device-for-media-stream
	deny    bool   // the person refuses camera and microphone
	resolve string // --host-resolver-rules, to lead a browser through a link that can be cut
}

// browser is a running Chromium.
type browser struct {
	kind   kind
	ctx    context.Context
	cancel context.CancelFunc
	dir    string
}

// pool keeps browsers between tests; starting one costs a second and more.
type pool struct {
	mu   sync.Mutex
	open map[kind]*browser
}

var browsers = pool{open: map[kind]*browser{}}

// get returns the browser of a kind, started if needed.
func (p *pool) get(t *testing.T, k kind) *browser {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.open[k]; b != nil && b.ctx.Err() == nil {
		return b
	}
	b, err := startBrowser(k)
	if err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	p.open[k] = b
	return b
}

func (p *pool) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.open {
		b.close()
	}
}

// close ends the browser and removes its profile.
func (b *browser) close() {
	b.cancel()
	os.RemoveAll(b.dir)
}

// kill ends the browser as a crash would.
func (b *browser) kill(t *testing.T) {
	t.Helper()
	if err := chromedp.FromContext(b.ctx).Browser.Process().Kill(); err != nil {
		t.Fatalf("kill Chromium: %v", err)
	}
}

func startBrowser(k kind) (*browser, error) {
	path, err := chromiumPath()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "streamcat-browser-")
	if err != nil {
		return nil, err
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path),
		chromedp.Headless, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WindowSize(1440, 900),
		chromedp.UserDataDir(filepath.Join(dir, "profile")),
		chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("disable-breakpad", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-default-apps", true),
		chromedp.Flag("disable-client-side-phishing-detection", true),
		chromedp.Flag("disable-features", "Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider"),
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
		chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("password-store", "basic"),
		chromedp.Flag("enable-automation", true),
		chromedp.Flag("enable-logging", "stderr"),
	}
	if k.camera != "" {
		picture := filepath.Join(dir, "camera.y4m")
		if err := writeCamera(picture, k.camera); err != nil {
			return nil, err
		}
		options = append(options,
			chromedp.Flag("use-fake-device-for-media-stream", true),
			chromedp.Flag("use-file-for-fake-video-capture", picture),
			chromedp.Flag("auto-accept-this-tab-capture", true),
		)
	}
	switch {
	case k.deny:
		options = append(options, chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-fake-ui-for-media-stream", "deny"))
	case k.camera != "":
		options = append(options, chromedp.Flag("use-fake-ui-for-media-stream", true))
	case k.devices != "":
		options = append(options, chromedp.Flag("use-fake-device-for-media-stream", k.devices), chromedp.Flag("use-fake-ui-for-media-stream", true))
	}
	if k.resolve != "" {
		options = append(options, chromedp.Flag("host-resolver-rules", k.resolve))
	}

	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancelBrowser := chromedp.NewContext(allocator)
	b := &browser{kind: k, ctx: ctx, dir: dir, cancel: func() { cancelBrowser(); cancelAllocator() }}
	if err := chromedp.Do(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// chromiumPath finds the browser; STREAMCAT_CHROMIUM names another one.
func chromiumPath() (string, error) {
	if path := os.Getenv("STREAMCAT_CHROMIUM"); path != "" {
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium found: install Debian's package chromium, or name one in STREAMCAT_CHROMIUM")
}

// tab is a page in a browser, and what it complained about.
type tab struct {
	t      *testing.T
	name   string // for messages and file names
	server *server
	ctx    context.Context
	cancel context.CancelFunc

	mu         sync.Mutex
	complaints []string
	expected   []string
}

// open opens a page of the server as a person in a browser context of its own. who may be nil: a visitor without account.
func (b *browser) open(t *testing.T, s *server, who *person, path string) *tab {
	t.Helper()
	return b.newTab(t, s, who, path, chromedp.WithNewBrowserContext())
}

// second opens another tab of the same browser context, as a person who opens the page twice.
func (tb *tab) second(path string) *tab {
	tb.t.Helper()
	id := chromedp.FromContext(tb.ctx).BrowserContextID
	return (&browser{ctx: tb.ctx}).newTab(tb.t, tb.server, nil, path, chromedp.WithExistingBrowserContext(id), chromedp.WithNewWindow(true))
}

func (b *browser) newTab(t *testing.T, s *server, who *person, path string, options ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, options...)
	tb := &tab{t: t, server: s, ctx: ctx, cancel: cancel, name: "visitor"}
	if who != nil {
		tb.name = who.Name
	}
	console := chromedp.Console(ctx)
	go tb.listen(console)
	tb.do("prepare the tab", func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		if _, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: probe}); err != nil {
			return chromedp.Void{}, err
		}
		if who == nil {
			return chromedp.Void{}, nil
		}
		var cookies []*network.CookieParam
		for _, c := range who.cookies() {
			cookies = append(cookies, &network.CookieParam{
				Name: c.Name, Value: c.Value, URL: s.URL, Path: "/", HTTPOnly: true,
				Secure: strings.HasPrefix(s.URL, "https:"), SameSite: network.CookieSameSiteLax,
			})
		}
		_, err := cdp.Call(ctx, target, network.SetCookies, network.SetCookiesParams{Cookies: cookies})
		return chromedp.Void{}, err
	})
	t.Cleanup(func() {
		if t.Failed() && tb.ctx.Err() == nil {
			tb.screenshot(strings.ReplaceAll(t.Name(), "/", "-") + "-failed-" + tb.name)
		}
		tb.close()
		for _, complaint := range tb.unexpected() {
			t.Errorf("page of %s: %s", tb.name, complaint)
		}
	})
	tb.navigate(path)
	return tb
}

// close closes the tab as its person would.
func (tb *tab) close() { tb.cancel() }

// listen keeps what the console says in anger: errors, exceptions, violations of the Content-Security-Policy.
func (tb *tab) listen(console func(func(chromedp.ConsoleMessage, error) bool)) {
	for message, err := range console {
		if err != nil {
			return
		}
		bad := message.Type == chromedp.ConsoleError || message.IsException() || strings.Contains(message.Text, "Content Security Policy")
		if !bad {
			continue
		}
		complaint := fmt.Sprintf("%s (%s)", message, message.URL)
		tb.mu.Lock()
		if !slices.Contains(tb.complaints, complaint) {
			tb.complaints = append(tb.complaints, complaint)
		}
		tb.mu.Unlock()
	}
}

// expect says which complaints belong to the test: those that contain one of the texts.
func (tb *tab) expect(texts ...string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.expected = append(tb.expected, texts...)
}

// endedAlready matches the console's word on ending a media session that the server has ended a moment before, which is a
// 404 by docs/protocol.md and no flaw.
var endedAlready = regexp.MustCompile(`status of 404 .*/rtc/whip/sessions/`)

func (tb *tab) unexpected() []string {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	var left []string
next:
	for _, complaint := range tb.complaints {
		if endedAlready.MatchString(complaint) {
			continue
		}
		for _, text := range tb.expected {
			if strings.Contains(complaint, text) {
				continue next
			}
		}
		left = append(left, complaint)
	}
	return left
}

// do runs one action with a deadline.
func (tb *tab) do(what string, action chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	// The first action of a context starts its tab, whose life is then bound to that context, so it must not have the deadline.
	if err := chromedp.Do(tb.ctx); err != nil {
		tb.t.Fatalf("page of %s: %v", tb.name, err)
	}
	ctx, cancel := context.WithTimeout(tb.ctx, actionTimeout)
	defer cancel()
	if err := chromedp.Do(ctx, action); err != nil {
		tb.t.Fatalf("page of %s: %s: %v", tb.name, what, err)
	}
}

// navigate goes to a path of the server, or to a whole URL.
func (tb *tab) navigate(path string) {
	tb.t.Helper()
	url := path
	if strings.HasPrefix(path, "/") {
		url = tb.server.URL + path
	}
	tb.do("go to "+path, chromedp.Navigate(url))
}

func (tb *tab) reload() { tb.t.Helper(); tb.do("reload", chromedp.Reload()) }

// click clicks with a real mouse event, which the page may take for a person's gesture.
func (tb *tab) click(selector string) {
	tb.t.Helper()
	tb.do("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// tap clicks beside everything: the gesture that a browser wants before sound.
func (tb *tab) tap() {
	tb.t.Helper()
	tb.do("tap", chromedp.MouseClickXY(3, 450))
}

// hover moves the mouse over an element.
func hover(selector string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		if _, err := chromedp.ScrollIntoView(chromedp.CSS(selector))(ctx, target); err != nil {
			return chromedp.Void{}, err
		}
		at, err := chromedp.Evaluate[struct{ X, Y float64 }](fmt.Sprintf(`(() => {
			const box = document.querySelector(%q).getBoundingClientRect();
			return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
		})()`, selector))(ctx, target)
		if err != nil {
			return chromedp.Void{}, err
		}
		return chromedp.MouseEvent(chromedp.MouseMoved, at.X, at.Y)(ctx, target)
	}
}

// fill types into a field that it empties first.
func (tb *tab) fill(selector, text string) {
	tb.t.Helper()
	tb.do("fill "+selector, chromedp.Steps(
		chromedp.WaitVisible(chromedp.CSS(selector)),
		chromedp.Clear(chromedp.CSS(selector)),
		chromedp.SendKeys(chromedp.CSS(selector), text),
	))
}

// choose picks an option of a select and lets the page know.
func (tb *tab) choose(selector, value string) {
	tb.t.Helper()
	ok := eval[bool](tb, `(selector, value) => {
		const select = document.querySelector(selector);
		if (![...select.options].some((option) => option.value === value)) return false;
		select.value = value;
		select.dispatchEvent(new Event("input", { bubbles: true }));
		select.dispatchEvent(new Event("change", { bubbles: true }));
		return true;
	}`, selector, value)
	if !ok {
		tb.t.Fatalf("page of %s: %s has no option %q", tb.name, selector, value)
	}
}

// eval calls a JavaScript function in the page with arguments and returns what it returns or resolves to.
func eval[T any](tb *tab, function string, args ...any) T {
	tb.t.Helper()
	value, err := tryEval[T](tb, function, args...)
	if err != nil {
		tb.t.Fatalf("page of %s: %v", tb.name, err)
	}
	return value
}

// tryEval is eval for polls: a page that is just being left has no answer.
func tryEval[T any](tb *tab, function string, args ...any) (T, error) {
	encoded := make([]string, len(args))
	for i, arg := range args {
		text, err := json.Marshal(arg)
		if err != nil {
			panic(err)
		}
		encoded[i] = string(text)
	}
	ctx, cancel := context.WithTimeout(tb.ctx, actionTimeout)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T]("("+function+")("+strings.Join(encoded, ",")+")", chromedp.EvalAwaitPromise))
}

// has says whether an element that matches is there, shown or not.
func (tb *tab) has(selector string) error {
	return tb.check("nothing matches "+selector, `(s) => document.querySelector(s) !== null`, selector)
}

// hasNot is the opposite of has.
func (tb *tab) hasNot(selector string) error {
	return tb.check("something matches "+selector, `(s) => document.querySelector(s) === null`, selector)
}

// shows says whether an element that matches is shown.
func (tb *tab) shows(selector string) error {
	return tb.check("nothing shown matches "+selector, `(s) => [...document.querySelectorAll(s)].some((e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && e.getClientRects().length > 0)`, selector)
}

// hides says whether no element that matches is shown.
func (tb *tab) hides(selector string) error {
	if tb.shows(selector) == nil {
		return fmt.Errorf("%s is shown", selector)
	}
	return nil
}

// at says whether the page is at a path.
func (tb *tab) at(path string) error {
	here, err := tryEval[string](tb, `() => location.pathname`)
	if err == nil && here != path {
		err = fmt.Errorf("the page is at %s, not %s", here, path)
	}
	return err
}

// text returns what an element says, and "" where there is none.
func (tb *tab) text(selector string) string {
	tb.t.Helper()
	return strings.TrimSpace(eval[string](tb, `(s) => document.querySelector(s)?.innerText ?? ""`, selector))
}

// attribute returns an attribute of an element, and "" where there is none.
func (tb *tab) attribute(selector, name string) string {
	tb.t.Helper()
	return eval[string](tb, `(s, name) => document.querySelector(s)?.getAttribute(name) ?? ""`, selector, name)
}

func (tb *tab) check(complaint, function string, args ...any) error {
	ok, err := tryEval[bool](tb, function, args...)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%s (page %s)", complaint, tb.where())
	}
	return nil
}

func (tb *tab) where() string {
	here, _ := tryEval[string](tb, `() => location.pathname + " " + (document.querySelector("main")?.dataset.phase ?? document.querySelector("main")?.dataset.state ?? "")`)
	return here
}

// await polls one of the checks above.
func (tb *tab) await(within time.Duration, what string, ask func() error) time.Duration {
	tb.t.Helper()
	return eventually(tb.t, within, "page of "+tb.name+": "+what, ask)
}

// screenshot saves what the page looks like to out/NAME.png.
func (tb *tab) screenshot(name string) {
	ctx, cancel := context.WithTimeout(tb.ctx, actionTimeout)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		tb.t.Logf("screenshot %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(out, name+".png"), png, 0o644); err != nil {
		tb.t.Logf("screenshot %s: %v", name, err)
	}
}

// resize makes the page as large as a screen, or a phone.
func (tb *tab) resize(width, height int64) {
	tb.t.Helper()
	tb.do("resize", chromedp.EmulateViewport(width, height))
}

// theme makes the system prefer light or dark.
func (tb *tab) theme(scheme string) {
	tb.t.Helper()
	tb.do("theme", func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return chromedp.Void{}, err
	})
}
