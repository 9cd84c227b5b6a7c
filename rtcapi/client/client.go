package client

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Client is one client of one participant.
type Client struct {
	// WHIP is the publish endpoint; the subscribe endpoints are below it.
	WHIP string
	// Events is the address of the events socket, with the stage id, as http(s) or ws(s).
	Events string
	// Token is the participant token.
	Token string
	// Participant is the token's participant id.
	Participant string
	// ID is this client's id of itself: connections with the same one are one client. May be empty.
	ID string
	// HTTP makes the requests; nil means http.DefaultClient.
	HTTP *http.Client
}

// New makes a Client with a fresh ID from what the token says. The token is not verified: that is for the server to do.
func New(token string) (*Client, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("read participant token: not a JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, fmt.Errorf("read participant token: %w", err)
	}
	var claims struct {
		Participant string `json:"jti"`
		Topic       string `json:"topic"`
		Events      string `json:"events_url"`
		WHIP        string `json:"whip_url"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, fmt.Errorf("read participant token: %w", err)
	}
	if claims.Topic == "" || claims.Events == "" || claims.WHIP == "" {
		return nil, errors.New("read participant token: it does not say where to go")
	}
	return &Client{
		WHIP:        claims.WHIP,
		Events:      claims.Events + "/" + url.PathEscape(claims.Topic),
		Token:       token,
		Participant: claims.Participant,
		ID:          rand.Text(),
	}, nil
}

// with adds the client's id to an address.
func (c *Client) with(address string) string {
	if c.ID == "" {
		return address
	}
	return address + "?client=" + url.QueryEscape(c.ID)
}

func (c *Client) httpClient() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return http.DefaultClient
}
