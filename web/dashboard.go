package web

import (
	"errors"
	"io"
	"net/http"

	"streamcat/site"
)

// dashboardView is the account's own place.
type dashboardView struct {
	Channel    site.Channel
	Link       string
	Broadcasts []site.Broadcast
	Saved      string
	Problem    string
	Form       string // which form the problem belongs to: channel or picture
}

func (s *Server) dashboard(w http.ResponseWriter, r *http.Request) error {
	saved := ""
	switch r.URL.Query().Get("saved") {
	case "channel":
		saved = "Saved. Your channel page shows it from now on."
	case "picture":
		saved = "Your channel has a new picture."
	case "no-picture":
		saved = "The picture is gone; your channel shows its own pattern again."
	}
	return s.showDashboard(w, r, http.StatusOK, dashboardView{Saved: saved}, nil)
}

// showDashboard fills the view; edit may put back what a refused form held.
func (s *Server) showDashboard(w http.ResponseWriter, r *http.Request, status int, view dashboardView, edit func(*site.Channel)) error {
	account, err := account(r)
	if err != nil {
		return err
	}
	if view.Channel, err = s.site.Channel(r.Context(), account.Name); err != nil {
		return err
	}
	if view.Broadcasts, err = s.site.Broadcasts(r.Context(), view.Channel.ID); err != nil {
		return err
	}
	if edit != nil {
		edit(&view.Channel)
	}
	view.Link = s.link("/@" + view.Channel.Name)
	return s.render(w, r, status, "dashboard", "Dashboard", view)
}

func (s *Server) updateChannel(w http.ResponseWriter, r *http.Request) error {
	account, err := account(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return unreadable(err)
	}
	title, description := r.PostForm.Get("title"), r.PostForm.Get("description")
	if err := s.site.UpdateChannel(r.Context(), account.ID, title, description); err != nil {
		if site.CodeOf(err) != site.Invalid {
			return err
		}
		message, _ := refusal(err)
		return s.showDashboard(w, r, http.StatusUnprocessableEntity, dashboardView{Problem: message, Form: "channel"}, func(c *site.Channel) {
			c.Title, c.Description = title, description
		})
	}
	return redirect(w, r, "/dashboard?saved=channel")
}

func (s *Server) updatePicture(w http.ResponseWriter, r *http.Request) error {
	account, err := account(r)
	if err != nil {
		return err
	}
	picture, remove, err := readPicture(r)
	if err == nil && !remove && len(picture) == 0 {
		err = site.Errorf(site.Invalid, "Choose a picture first: PNG, JPEG or GIF, at most 2 MB.")
	}
	if err == nil {
		err = s.site.SetPicture(r.Context(), account.ID, picture)
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		err = site.Errorf(site.Invalid, "That picture is larger than 2 MB.")
	}
	switch {
	case site.CodeOf(err) == site.Invalid:
		message, _ := refusal(err)
		return s.showDashboard(w, r, http.StatusUnprocessableEntity, dashboardView{Problem: message, Form: "picture"}, nil)
	case err != nil:
		return err
	case remove:
		return redirect(w, r, "/dashboard?saved=no-picture")
	}
	return redirect(w, r, "/dashboard?saved=picture")
}

// readPicture reads a multipart form's file, part by part so that nothing is written to disk.
func readPicture(r *http.Request) (picture []byte, remove bool, err error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, false, unreadable(err)
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return picture, remove, nil
		}
		if err != nil {
			return nil, false, unreadable(err)
		}
		switch part.FormName() {
		case "remove":
			return nil, true, nil
		case "picture":
			if picture, err = io.ReadAll(part); err != nil {
				return nil, false, unreadable(err)
			}
		}
	}
}
