package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"

	"streamcat/site"
)

// handler answers a request or says why not.
type handler func(w http.ResponseWriter, r *http.Request) error

// page wraps a handler whose refusals are pages.
func (s *Server) page(limit int64, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.run(limit, h, w, &r)
		if err == nil || errors.Is(err, errGone) {
			return
		}
		if errors.Is(err, errLogin) && r.Method == http.MethodGet {
			http.Redirect(w, r, "/login?next="+url.QueryEscape(localPath(r.RequestURI)), http.StatusSeeOther)
			return
		}
		f := failureOf(err)
		s.report(r, f)
		if err := s.render(w, r, f.Status, "failure", f.Title, f); err != nil && !errors.Is(err, errGone) {
			s.log.ErrorContext(r.Context(), "show failure", "route", r.Pattern, "err", err)
			http.Error(w, f.Message, f.Status)
		}
	})
}

// api wraps a handler whose refusals are JSON. What an account changes over it is limited.
func (s *Server) api(limit int64, h handler) http.Handler {
	paced := func(w http.ResponseWriter, r *http.Request) error {
		if who := visitorOf(r).Account; who != nil && r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := s.limits.allowChange(who.ID); err != nil {
				return err
			}
		}
		return h(w, r)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.run(limit, paced, w, &r)
		if err == nil || errors.Is(err, errGone) {
			return
		}
		f := failureOf(err)
		s.report(r, f)
		if err := writeJSON(w, f.Status, problem{Code: f.Code, Message: f.Message}); err != nil && !errors.Is(err, errGone) {
			s.log.ErrorContext(r.Context(), "answer failure", "route", r.Pattern, "err", err)
		}
	})
}

// problem is how page scripts are told of a refusal.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// run finds out who asks and calls the handler; a panic becomes an error like any other.
func (s *Server) run(limit int64, h handler, w http.ResponseWriter, r **http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	(*r).Body = http.MaxBytesReader(w, (*r).Body, limit)
	who, err := s.identify(*r)
	if err != nil {
		return err
	}
	*r = (*r).WithContext(context.WithValue((*r).Context(), visitorKey{}, who))
	return h(w, *r)
}

// report logs what the person cannot mend. The path is not written: that of an invitation is its secret.
func (s *Server) report(r *http.Request, f *failure) {
	if f.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		s.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "route", r.Pattern, "err", f.cause)
	}
}

// notFound answers what no route does.
func (s *Server) notFound(http.ResponseWriter, *http.Request) error {
	return site.Errorf(site.NotFound, "There is no page at this address. It may have moved, or the link was mistyped.")
}

// foreign answers requests that another site's page made in the visitor's name.
func (s *Server) foreign() http.Handler {
	return s.page(formLimit, func(http.ResponseWriter, *http.Request) error {
		return &failure{Status: http.StatusForbidden, Code: "cross_origin", Title: "This came from another site",
			Message: "The request was made by another site and was refused. Open the page here and try again."}
	})
}
