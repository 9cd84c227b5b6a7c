package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"streamcat/site"
	"streamcat/stage"
)

// channelJSON is a channel as page scripts know it.
type channelJSON struct {
	Name    string     `json:"name"`
	Title   string     `json:"title"`
	Picture string     `json:"picture"`
	Live    bool       `json:"live"`
	Since   *time.Time `json:"since,omitempty"`
}

func channelOf(c site.Channel) channelJSON {
	j := channelJSON{Name: c.Name, Title: c.Title, Picture: "/@" + c.Name + "/picture", Live: c.Live}
	if c.Live && !c.LiveSince.IsZero() {
		j.Since = &c.LiveSince
	}
	return j
}

// liveJSON is a card of the home page.
type liveJSON struct {
	channelJSON
	Viewers int      `json:"viewers"`
	Hosts   []string `json:"hosts"`
}

func (s *Server) apiLive(w http.ResponseWriter, r *http.Request) error {
	live, err := s.site.LiveChannels(r.Context())
	if err != nil {
		return err
	}
	cards := make([]liveJSON, 0, len(live))
	for _, c := range live {
		cards = append(cards, liveJSON{channelOf(c.Channel), c.Viewers, append([]string{}, c.Hosts...)})
	}
	return writeJSON(w, http.StatusOK, struct {
		Channels []liveJSON `json:"channels"`
	}{cards})
}

// tokenJSON is a way onto a stage.
type tokenJSON struct {
	Token       string    `json:"token"`
	Participant string    `json:"participantId"`
	UserID      string    `json:"userId"`
	Expires     time.Time `json:"expires"`
}

func tokenOf(t stage.Token) tokenJSON {
	return tokenJSON{string(t.Raw), string(t.Participant), t.UserID, t.Expires}
}

func (s *Server) apiWatch(w http.ResponseWriter, r *http.Request) error {
	channel, err := s.channel(r)
	if err != nil {
		return err
	}
	if err := s.limits.allowPass(s.clientPrefix(r)); err != nil {
		return err
	}
	token, err := s.site.ViewerToken(r.Context(), visitorOf(r).accountID(), channel.Name)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		Channel channelJSON `json:"channel"`
		tokenJSON
	}{channelOf(channel), tokenOf(token)})
}

func (s *Server) apiStudio(w http.ResponseWriter, r *http.Request) error {
	account, err := account(r)
	if err != nil {
		return err
	}
	entry, err := s.site.Studio(r.Context(), account.ID, r.PathValue("name"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		Role    site.Role   `json:"role"`
		Channel channelJSON `json:"channel"`
		InUse   bool        `json:"inUse"`
		tokenJSON
	}{entry.Role, channelOf(entry.Channel), entry.InUse, tokenOf(entry.Token)})
}

func (s *Server) apiScreen(w http.ResponseWriter, r *http.Request) error {
	account, err := account(r)
	if err != nil {
		return err
	}
	token, err := s.site.ScreenToken(r.Context(), account.ID, r.PathValue("name"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, tokenOf(token))
}

func (s *Server) apiSetLive(w http.ResponseWriter, r *http.Request) error {
	account, err := account(r)
	if err != nil {
		return err
	}
	var request struct {
		Live *bool `json:"live"`
	}
	if err := readJSON(r, &request); err != nil {
		return err
	}
	if request.Live == nil {
		return site.Errorf(site.Invalid, "Say whether to be live.")
	}
	if err := s.site.SetLive(r.Context(), account.ID, *request.Live); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, request)
}

func (s *Server) apiRemove(w http.ResponseWriter, r *http.Request) error {
	account, err := account(r)
	if err != nil {
		return err
	}
	var request struct {
		Reason string `json:"reason"`
	}
	if err := readJSON(r, &request); err != nil {
		return err
	}
	if err := s.site.RemoveParticipant(r.Context(), account.ID, stage.ParticipantID(r.PathValue("id")), request.Reason); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct{}{})
}

func (s *Server) apiOnAir(w http.ResponseWriter, r *http.Request) error {
	account, err := account(r)
	if err != nil {
		return err
	}
	var request struct {
		OnAir *bool `json:"onAir"`
	}
	if err := readJSON(r, &request); err != nil {
		return err
	}
	if request.OnAir == nil {
		return site.Errorf(site.Invalid, "Say whether the participant is on air.")
	}
	if err := s.site.SetOnAir(r.Context(), account.ID, stage.ParticipantID(r.PathValue("id")), *request.OnAir); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, request)
}

// invitationJSON is an invitation as its host sees it.
type invitationJSON struct {
	ID       string    `json:"id"`
	Link     string    `json:"link"`
	For      string    `json:"for"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
	Accepted []string  `json:"accepted"`
}

func (s *Server) invitationOf(i site.Invitation) invitationJSON {
	return invitationJSON{i.ID, s.link("/invite/" + string(i.Code)), i.For, i.Created, i.Expires, append([]string{}, i.Accepted...)}
}

func (s *Server) apiInvitations(w http.ResponseWriter, r *http.Request) error {
	account, err := account(r)
	if err != nil {
		return err
	}
	list, err := s.site.Invitations(r.Context(), account.ID)
	if err != nil {
		return err
	}
	out := make([]invitationJSON, 0, len(list))
	for _, i := range list {
		out = append(out, s.invitationOf(i))
	}
	return writeJSON(w, http.StatusOK, struct {
		Invitations []invitationJSON `json:"invitations"`
	}{out})
}

func (s *Server) apiInvite(w http.ResponseWriter, r *http.Request) error {
	account, err := account(r)
	if err != nil {
		return err
	}
	var request struct {
		For      string `json:"for"`
		Lifetime int64  `json:"lifetime"` // seconds
	}
	if err := readJSON(r, &request); err != nil {
		return err
	}
	const month = 30 * 24 * 60 * 60
	if request.Lifetime <= 0 || request.Lifetime > month {
		return site.Errorf(site.Invalid, "An invitation lasts between five minutes and thirty days.")
	}
	invitation, err := s.site.Invite(r.Context(), account.ID, request.For, time.Duration(request.Lifetime)*time.Second)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, s.invitationOf(invitation))
}

func (s *Server) apiRevoke(w http.ResponseWriter, r *http.Request) error {
	account, err := account(r)
	if err != nil {
		return err
	}
	if err := s.site.RevokeInvitation(r.Context(), account.ID, r.PathValue("id")); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct{}{})
}

// readJSON reads one JSON object and nothing after it. The content type is asked for because a form of another site cannot send it.
func readJSON(r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &failure{Status: http.StatusUnsupportedMediaType, Code: string(site.Invalid), Title: "Not JSON", Message: "Send application/json."}
	}
	decoder := json.NewDecoder(r.Body)
	err := decoder.Decode(into)
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		}
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	return &failure{Status: http.StatusBadRequest, Code: string(site.Invalid), Title: "Not JSON", Message: "The body is not one JSON object of the expected shape.", cause: err}
}
