package rtcapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// handler answers a request or returns why not.
type handler func(w http.ResponseWriter, r *http.Request) error

// methods of one path.
type methods map[string]handler

// routes is the whole surface.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, methods := range map[string]methods{
		"/rtc/whip":                         {"POST": s.publish},
		"/rtc/whip/subscribe":               {"POST": s.subscribe},
		"/rtc/whip/subscribe/{participant}": {"POST": s.subscribe},
		"/rtc/whip/sessions/{resource}":     {"PATCH": s.patch, "DELETE": s.delete},
		"/rtc/events/{stage}":               {"GET": s.events},
		"/":                                 nil,
	} {
		mux.Handle(pattern, s.route(methods))
	}
	return mux
}

const (
	mediaSDP      = "application/sdp"
	mediaFragment = "application/trickle-ice-sdpfrag" // RFC 8840 9
	mediaProblem  = "application/problem+json"        // RFC 9457 6.1
)

// dispatch picks the handler of the method.
func (m methods) dispatch(w http.ResponseWriter, r *http.Request) error {
	if m == nil {
		return errNoSuchPath
	}
	if handle, ok := m[r.Method]; ok {
		return handle(w, r)
	}
	w.Header().Set("Allow", m.allow())
	if r.Method == http.MethodOptions {
		m.options(w)
		return nil
	}
	return errMethod
}

func (m methods) allow() string {
	return strings.Join(append(slices.Sorted(maps.Keys(m)), http.MethodOptions), ", ")
}

// options answers both what a WHIP client asks (RFC 9725 4.2) and what a browser asks before a request of another origin.
func (m methods) options(w http.ResponseWriter) {
	header := w.Header()
	if _, ok := m["POST"]; ok {
		header.Set("Accept-Post", mediaSDP)
	}
	if _, ok := m["PATCH"]; ok {
		header.Set("Accept-Patch", mediaFragment)
	}
	header.Set("Access-Control-Allow-Methods", m.allow())
	header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	header.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}
