package rtcapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"streamcat/stage"
)

func TestClientInfo(t *testing.T) {
	for _, test := range []struct {
		name, agent string
		want        stage.ClientInfo
	}{
		{"Chrome on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
			stage.ClientInfo{Browser: "Chrome", BrowserVersion: "131.0.0.0", OS: "Windows", OSVersion: "10.0"}},
		{"Edge", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.51",
			stage.ClientInfo{Browser: "Edge", BrowserVersion: "131.0.2903.51", OS: "Windows", OSVersion: "10.0"}},
		{"headless Chromium on Linux", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36",
			stage.ClientInfo{Browser: "Chrome", BrowserVersion: "140.0.0.0", OS: "Linux"}},
		{"Firefox on macOS", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0",
			stage.ClientInfo{Browser: "Firefox", BrowserVersion: "133.0", OS: "macOS", OSVersion: "10.15"}},
		{"Safari on an iPhone", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
			stage.ClientInfo{Browser: "Safari", BrowserVersion: "18.1", OS: "iOS", OSVersion: "18.1"}},
		{"Safari on an iPad", "Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
			stage.ClientInfo{Browser: "Safari", BrowserVersion: "17.4", OS: "iOS", OSVersion: "17.4"}},
		{"Samsung Internet", "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
			stage.ClientInfo{Browser: "Samsung Internet", BrowserVersion: "26.0", OS: "Android", OSVersion: "14"}},
		{"ChromeOS", "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
			stage.ClientInfo{Browser: "Chrome", BrowserVersion: "130.0.0.0", OS: "ChromeOS", OSVersion: "14541.0.0"}},
		{"an encoder", "OBS-Studio/30.2 (linux)", stage.ClientInfo{}},
		{"endless", strings.Repeat("Firefox/1 ", 10000), stage.ClientInfo{Browser: "Firefox", BrowserVersion: "1"}},
		{"none", "", stage.ClientInfo{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/rtc/events/stage1?sdk=1.0.0", http.NoBody)
			r.Header.Set("User-Agent", test.agent)
			test.want.SDKVersion, test.want.Protocol = "1.0.0", "UNKNOWN"
			if got := clientInfo(r); got != test.want {
				t.Fatalf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
	r := httptest.NewRequest("GET", "/rtc/events/stage1?sdk=%3Cscript%3E", http.NoBody)
	if got := clientInfo(r).SDKVersion; got != "" {
		t.Fatalf("an SDK version %q", got)
	}
}
