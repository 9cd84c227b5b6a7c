package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"streamcat/site"
)

// homeView lists who is live.
type homeView struct {
	Live []site.LiveChannel
}

func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	live, err := s.site.LiveChannels(r.Context())
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "home", "", homeView{Live: live})
}

// watchView is a channel page; the page script does the rest.
type watchView struct {
	Channel site.Channel
	Link    string
	Own     bool
}

func (s *Server) watch(w http.ResponseWriter, r *http.Request) error {
	channel, err := s.channel(r)
	if err != nil {
		return err
	}
	who := visitorOf(r)
	title := channel.Name
	if channel.Title != "" {
		title = channel.Title + " · " + channel.Name
	}
	return s.render(w, r, http.StatusOK, "watch", title, watchView{
		Channel: channel,
		Link:    s.link("/@" + channel.Name),
		Own:     who.Account != nil && who.Account.ID == channel.Owner,
	})
}

// channel is the one that the path names.
func (s *Server) channel(r *http.Request) (site.Channel, error) {
	channel, err := s.site.Channel(r.Context(), r.PathValue("name"))
	if site.CodeOf(err) == site.NotFound {
		return channel, &failure{Status: http.StatusNotFound, Code: string(site.NotFound), Title: "No such channel",
			Message: "Nobody here has this name. Check the spelling, or see who is live."}
	}
	return channel, err
}

// picture answers with the stored picture or draws one.
func (s *Server) picture(w http.ResponseWriter, r *http.Request) error {
	channel, err := s.channel(r)
	if err != nil {
		return err
	}
	body, kind := []byte(nil), "image/png"
	if channel.HasPicture {
		if body, err = s.site.Picture(r.Context(), channel.Name); err != nil && site.CodeOf(err) != site.NotFound {
			return err
		}
	}
	if body == nil {
		body, kind = drawPicture(channel.Name), "image/svg+xml"
	}
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Type", kind)
	// A person's upload: whatever it is, it is only ever a picture.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if _, err := w.Write(body); err != nil {
		return errGone
	}
	return nil
}
