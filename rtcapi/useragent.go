package rtcapi

import (
	"net/http"
	"regexp"
	"strings"

	"streamcat/stage"
)

// product is one "name/version" of a user agent, RFC 9110 10.1.5.
var product = regexp.MustCompile(`\b([A-Za-z]+)/([0-9][0-9.]{0,23})`)

// system is an operating system as user agents write it.
var system = regexp.MustCompile(`(Windows NT|Android|CrOS [a-z0-9_]+|iPhone OS|CPU OS|Mac OS X|Linux)(?: ([0-9][0-9._]{0,23}))?`)

// clientInfo is what a client tells of itself. Whoever wants to lie may; it is only recorded.
func clientInfo(r *http.Request) stage.ClientInfo {
	info := stage.ClientInfo{Protocol: "UNKNOWN"}
	if version := r.URL.Query().Get("sdk"); sdkVersion.MatchString(version) {
		info.SDKVersion = version
	}
	agent := r.UserAgent()
	agent = agent[:min(len(agent), 512)]
	info.Browser, info.BrowserVersion = parseBrowser(agent)
	info.OS, info.OSVersion = parseSystem(agent)
	return info
}

// parseBrowser finds the browser's own product among those that it pretends to be: everybody says Chrome or Safari.
func parseBrowser(agent string) (name, version string) {
	rank := 0
	for _, match := range product.FindAllStringSubmatch(agent, 16) {
		found, foundRank := "", 0
		switch match[1] {
		case "Edg", "EdgA", "EdgiOS":
			found, foundRank = "Edge", 3
		case "OPR", "OPiOS":
			found, foundRank = "Opera", 3
		case "SamsungBrowser":
			found, foundRank = "Samsung Internet", 3
		case "Firefox", "FxiOS":
			found, foundRank = "Firefox", 3
		case "Chrome", "HeadlessChrome", "CriOS":
			found, foundRank = "Chrome", 2
		case "Version": // Safari gives its version here
			found, foundRank = "Safari", 1
		}
		if foundRank > rank {
			name, version, rank = found, match[2], foundRank
		}
	}
	if name == "Safari" && !strings.Contains(agent, "Safari/") {
		return "", ""
	}
	return name, version
}

// parseSystem takes the first that is not Linux, since Android says both.
func parseSystem(agent string) (name, version string) {
	for _, match := range system.FindAllStringSubmatch(agent, 4) {
		version := strings.ReplaceAll(match[2], "_", ".")
		switch word, _, _ := strings.Cut(match[1], " "); word {
		case "Windows":
			return "Windows", version
		case "Android":
			return "Android", version
		case "CrOS":
			return "ChromeOS", version
		case "Mac":
			return "macOS", version
		case "iPhone", "CPU":
			return "iOS", version
		}
		name = "Linux"
	}
	return name, ""
}
