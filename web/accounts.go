package web

import (
	"errors"
	"net/http"

	"streamcat/site"
)

// credentials is the view of the forms to register and to log in.
type credentials struct {
	Name    string
	Next    string
	Problem string
	Field   string // at fault, may be empty
}

func (s *Server) registerForm(w http.ResponseWriter, r *http.Request) error {
	return s.credentialsForm(w, r, "register", "Create your channel")
}

func (s *Server) loginForm(w http.ResponseWriter, r *http.Request) error {
	return s.credentialsForm(w, r, "login", "Log in")
}

func (s *Server) credentialsForm(w http.ResponseWriter, r *http.Request, view, title string) error {
	next := localPath(r.URL.Query().Get("next"))
	if visitorOf(r).Account != nil {
		return redirect(w, r, orDashboard(next))
	}
	return s.render(w, r, http.StatusOK, view, title, credentials{Next: next})
}

func (s *Server) register(w http.ResponseWriter, r *http.Request) error {
	name, password, next, err := readCredentials(r)
	if err != nil {
		return err
	}
	var account site.Account
	if err = s.limits.allowRegister(s.clientPrefix(r)); err == nil {
		account, err = s.site.Register(r.Context(), name, password)
	}
	if err != nil {
		return s.refuseCredentials(w, r, "register", "Create your channel", credentials{Name: name, Next: next}, err)
	}
	if err := s.logIn(w, r, account.ID); err != nil {
		return err
	}
	return redirect(w, r, orDashboard(next))
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	name, password, next, err := readCredentials(r)
	if err != nil {
		return err
	}
	var account site.Account
	if err = s.limits.allowLogin(s.clientPrefix(r), name); err == nil {
		account, err = s.site.Login(r.Context(), name, password)
	}
	if err != nil {
		return s.refuseCredentials(w, r, "login", "Log in", credentials{Name: name, Next: next}, err)
	}
	if err := s.logIn(w, r, account.ID); err != nil {
		return err
	}
	return redirect(w, r, orDashboard(next))
}

// refuseCredentials shows the form again with the reason; 422 unless the reason has a status of its own that says more.
func (s *Server) refuseCredentials(w http.ResponseWriter, r *http.Request, view, title string, form credentials, err error) error {
	code := site.CodeOf(err)
	if code == site.Internal {
		return err
	}
	form.Problem, form.Field = refusal(err)
	answer := http.StatusUnprocessableEntity
	if code == site.Limited {
		answer = http.StatusTooManyRequests
	}
	return s.render(w, r, answer, view, title, form)
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	if old := visitorOf(r).session; old != "" {
		if err := s.site.CloseSession(r.Context(), old); err != nil {
			return err
		}
	}
	s.setCookie(w, "", -1)
	return redirect(w, r, "/")
}

func (s *Server) logoutEverywhere(w http.ResponseWriter, r *http.Request) error {
	account, err := account(r)
	if err != nil {
		return err
	}
	if err := s.site.CloseSessions(r.Context(), account.ID); err != nil {
		return err
	}
	s.setCookie(w, "", -1)
	return redirect(w, r, "/login")
}

func readCredentials(r *http.Request) (name, password, next string, err error) {
	if err := r.ParseForm(); err != nil {
		return "", "", "", unreadable(err)
	}
	return r.PostForm.Get("name"), r.PostForm.Get("password"), localPath(r.PostForm.Get("next")), nil
}

// unreadable keeps "too large" apart from a body that is no form.
func unreadable(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	return &failure{Status: http.StatusBadRequest, Code: string(site.Invalid), Title: "That was garbled",
		Message: "What was sent could not be read. Go back and try again.", cause: err}
}

// refusal is the site's sentence, and the form field it is about.
func refusal(err error) (message, field string) {
	var e *site.Error
	if errors.As(err, &e) {
		return e.Message, e.Field
	}
	return failureOf(err).Message, ""
}

func orDashboard(next string) string {
	if next == "" {
		return "/dashboard"
	}
	return next
}

func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
