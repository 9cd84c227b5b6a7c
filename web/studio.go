package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"streamcat/site"
	"streamcat/stage"
)

// studioView is the studio page; the token travels only by the JSON interface, when the person enters.
type studioView struct {
	Channel site.Channel
	Host    bool
	Back    string // where leaving leads
}

// ownStudio is the host's.
func (s *Server) ownStudio(w http.ResponseWriter, r *http.Request) error {
	account, err := account(r)
	if err != nil {
		return err
	}
	return s.showStudio(w, r, account, account.Name)
}

// studio is a guest's way in; the host who opens it stands in the own studio.
func (s *Server) studio(w http.ResponseWriter, r *http.Request) error {
	account, err := account(r)
	if err != nil {
		return err
	}
	name, ok := strings.CutPrefix(r.PathValue("name"), "@")
	if !ok {
		return s.notFound(w, r)
	}
	if strings.EqualFold(name, account.Name) {
		return redirect(w, r, "/studio")
	}
	return s.showStudio(w, r, account, name)
}

func (s *Server) showStudio(w http.ResponseWriter, r *http.Request, account site.Account, name string) error {
	entry, err := s.site.Studio(r.Context(), account.ID, name)
	if err != nil {
		return offerChannel(err, name)
	}
	view := studioView{Channel: entry.Channel, Host: entry.Role == site.Host, Back: "/@" + entry.Channel.Name}
	if view.Host {
		view.Back = "/dashboard"
	}
	return s.render(w, r, http.StatusOK, "studio", entry.Channel.Name+"’s studio", view)
}

// offerChannel adds the way to the channel page to a refusal.
func offerChannel(err error, name string) error {
	f := failureOf(err)
	if f.Status < http.StatusInternalServerError && f.Status != http.StatusNotFound {
		f.Channel = name
	}
	return f
}

// invitationView is an invitation link, opened.
type invitationView struct {
	Channel  site.Channel
	For      string
	Expires  time.Time
	Path     string
	Own      bool // the host looks at an own invitation
	Stranger bool // it is for somebody else than who looks
}

func (s *Server) invitation(w http.ResponseWriter, r *http.Request) error {
	code := r.PathValue("code")
	invitation, channel, err := s.site.Invitation(r.Context(), stage.Secret(code))
	if err != nil {
		return offerInvitedTo(err, channel)
	}
	view := invitationView{Channel: channel, For: invitation.For, Expires: invitation.Expires, Path: "/invite/" + code}
	if who := visitorOf(r).Account; who != nil {
		view.Own = who.ID == channel.Owner
		view.Stranger = !view.Own && invitation.For != "" && !strings.EqualFold(invitation.For, who.Name)
		if view.Stranger {
			return &failure{Status: http.StatusForbidden, Code: string(site.Denied), Title: "This invitation is for somebody else",
				Message: "It was made for " + invitation.For + ", and you are logged in as " + who.Name + ". Ask " + channel.Name + " for an invitation of your own.",
				Channel: channel.Name}
		}
	}
	return s.render(w, r, http.StatusOK, "invite", channel.Name+" invites you", view)
}

func (s *Server) acceptInvitation(w http.ResponseWriter, r *http.Request) error {
	account, err := account(r)
	if err != nil {
		return redirect(w, r, r.URL.Path) // the page explains how to log in
	}
	channel, err := s.site.AcceptInvitation(r.Context(), account.ID, stage.Secret(r.PathValue("code")))
	if err != nil {
		return offerInvitedTo(err, channel)
	}
	return redirect(w, r, "/studio/@"+channel.Name)
}

// offerInvitedTo words a link that does not work any more. A code that never existed has no channel to offer.
func offerInvitedTo(err error, channel site.Channel) error {
	if site.CodeOf(err) == site.NotFound {
		return &failure{Status: http.StatusNotFound, Code: string(site.NotFound), Title: "No such invitation",
			Message: "There is no invitation at this address. Check that the whole link was copied, or ask for a new one."}
	}
	f := failureOf(err)
	var refusal *site.Error
	if errors.As(err, &refusal) && channel.Name != "" {
		f.Channel = channel.Name
	}
	switch site.CodeOf(err) {
	case site.Expired:
		f.Title = "This invitation has expired"
	case site.Revoked:
		f.Title = "This invitation was withdrawn"
	}
	return f
}
