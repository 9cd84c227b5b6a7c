package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"streamcat/site"
)

// errLogin says that a page is for people who are logged in.
var errLogin = errors.New("login required")

// failure is an answer that is not what was asked for: a status and words for the person.
type failure struct {
	Status  int
	Code    string
	Title   string
	Message string
	Channel string // whose page to offer instead; may be empty
	cause   error
}

func (f *failure) Error() string { return fmt.Sprintf("%d %s: %s", f.Status, f.Code, f.Message) }
func (f *failure) Unwrap() error { return f.cause }

// status is the table from the site's codes to HTTP.
func status(code site.Code) (int, string) {
	switch code {
	case site.Invalid:
		return http.StatusUnprocessableEntity, "That is not possible"
	case site.NotFound:
		return http.StatusNotFound, "There is nothing here"
	case site.Conflict:
		return http.StatusConflict, "Not now"
	case site.Denied:
		return http.StatusForbidden, "This door is closed"
	case site.Expired:
		return http.StatusGone, "This has expired"
	case site.Revoked:
		return http.StatusGone, "This was withdrawn"
	case site.Limited:
		return http.StatusTooManyRequests, "A little slower, please"
	}
	return http.StatusInternalServerError, "Something broke"
}

// failureOf turns any error into words that may be shown. What is not the site's own refusal shows nothing of its text.
func failureOf(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	if errors.Is(err, errLogin) {
		return &failure{Status: http.StatusUnauthorized, Code: "login_required", Title: "Log in first",
			Message: "You are not logged in, or your session has ended. Log in and try again.", cause: err}
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &failure{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Title: "That is too large",
			Message: fmt.Sprintf("At most %d KB can be sent here.", large.Limit>>10), cause: err}
	}
	code := site.CodeOf(err)
	f = &failure{Code: string(code), cause: err}
	f.Status, f.Title = status(code)
	var refusal *site.Error
	if errors.As(err, &refusal) && code != site.Internal {
		f.Message = refusal.Message
	} else {
		f.Message = "This is our fault, not yours. It has been written to the log; please try again in a moment."
	}
	return f
}

// writeJSON answers a page script.
func writeJSON(w http.ResponseWriter, status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err = w.Write(body)
	if err != nil {
		return fmt.Errorf("write answer: %w", errGone)
	}
	return nil
}

// errGone says that the client went away while it was answered; nobody is left to tell.
var errGone = errors.New("client is gone")
