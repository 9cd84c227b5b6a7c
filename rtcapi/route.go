package rtcapi

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"streamcat/forwarded"
	"streamcat/ratelimit"
	"streamcat/stage"
)

// route puts around the methods of a path what every request gets: headers, rate limit, recovery, one place where errors are
// answered and logged, and an access log.
func (s *Server) route(methods methods) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		id := rand.Text()[:16]
		log := s.log.With("request", id)
		r = r.WithContext(context.WithValue(r.Context(), logKey{}, log))
		answer := &answer{ResponseWriter: w}
		body := &body{ReadCloser: r.Body}
		r.Body = body
		setHeaders(answer.Header(), id)

		err := s.serve(methods, answer, r)
		if err != nil {
			if code, _ := describe(err); code == stage.Internal && r.Context().Err() == nil {
				log.Error("request failed", "method", r.Method, "route", r.Pattern, "error", err)
			}
			if answer.status == 0 {
				// Without this net/http would first wait for the rest of the body, as long as it takes to come.
				if r.ContentLength != 0 && !body.ended && r.ProtoMajor == 1 {
					answer.Header().Set("Connection", "close")
				}
				writeProblem(answer, err)
			}
		}
		if log.Enabled(r.Context(), slog.LevelDebug) {
			log.Debug("request", "method", r.Method, "route", r.Pattern, "status", answer.status, "code", stage.CodeOf(err),
				"duration", time.Since(begin), "address", forwarded.Client(r, s.trustProxy))
		}
	})
}

// serve limits, dispatches, and makes an error of a panic.
func (s *Server) serve(methods methods, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	// A preflight is free: browsers send it, nobody gains by it, and refusing it would hide the reason of the refusal.
	if r.Method != http.MethodOptions {
		if wait := s.limits.Take(ratelimit.Prefix(forwarded.Client(r, s.trustProxy))); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
			return stage.Errorf(tooManyRequests, "Too many requests from your address. Wait a moment.")
		}
	}
	return methods.dispatch(w, r)
}

// setHeaders sets what every answer has. Any origin may read any answer: the token is the credential, and nothing here looks
// at cookies.
func setHeaders(header http.Header, id string) {
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Expose-Headers",
		"Location, ETag, Link, Retry-After, Accept-Post, Accept-Patch, Allow, WWW-Authenticate, X-Request-Id")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Request-Id", id)
}

// answer remembers the status that was written.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the first final status.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implies 200, as everywhere in net/http.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap lets a WebSocket take the connection over.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// body remembers whether it was read to its end.
type body struct {
	io.ReadCloser
	ended bool
}

// Read notices the end.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.ended = b.ended || err == io.EOF
	return n, err
}

type logKey struct{}

// logOf returns the logger that names the request.
func logOf(r *http.Request) *slog.Logger {
	return r.Context().Value(logKey{}).(*slog.Logger)
}
