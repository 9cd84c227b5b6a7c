package rtcapi

import (
	"net/http"
	"regexp"
	"strings"

	"streamcat/jwt"
	"streamcat/stage"
)

var (
	tokenForm = regexp.MustCompile(`^[A-Za-z0-9_.~+/=-]+$`) // RFC 6750 2.1
	clientID  = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)
	// participantID is also the form of resource ids, which are shorter.
	participantID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	sdkVersion    = regexp.MustCompile(`^[A-Za-z0-9.+-]{1,32}$`)

	errNoToken   = stage.Errorf(stage.TokenMalformed, "Send a participant token as Authorization: Bearer TOKEN.")
	errNoSocket  = stage.Errorf(stage.TokenMalformed, "Offer the participant token as the only WebSocket sub-protocol.")
	errBadClient = stage.Errorf(stage.InvalidInput, "The parameter client is 8 to 64 letters, digits, - or _, and given once.")
)

// bearer returns the token in the Authorization header, RFC 6750 2.1. The scheme's case does not matter, RFC 9110 11.1.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", errNoToken
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || !wellFormed(token) {
		return "", errNoToken
	}
	return token, nil
}

// subprotocol returns the token that a WebSocket client offers as its only sub-protocol.
func subprotocol(r *http.Request) (string, error) {
	values := r.Header.Values("Sec-WebSocket-Protocol")
	if len(values) != 1 {
		return "", errNoSocket
	}
	token := strings.TrimSpace(values[0])
	if !wellFormed(token) {
		return "", errNoSocket
	}
	return token, nil
}

func wellFormed(token string) bool {
	return len(token) <= jwt.MaxSize && tokenForm.MatchString(token)
}

// clientOf returns the client's id of itself, "" when it gives none.
func clientOf(r *http.Request) (string, error) {
	values, given := r.URL.Query()["client"]
	if !given {
		return "", nil
	}
	if len(values) != 1 || !clientID.MatchString(values[0]) {
		return "", errBadClient
	}
	return values[0], nil
}

// authenticate verifies the bearer token of a request that names no stage.
func (s *Server) authenticate(r *http.Request) (stage.Grant, error) {
	token, err := bearer(r)
	if err != nil {
		return stage.Grant{}, err
	}
	return s.stages.Authenticate(r.Context(), token, "")
}
