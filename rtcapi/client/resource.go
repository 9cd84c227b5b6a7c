package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// maxAnswer bounds what is read of an answer: a whole-stage answer has some tens of kilobytes.
const maxAnswer = 1 << 20

// Resource is one media connection. It is not safe for concurrent use.
type Resource struct {
	// Answer is the server's SDP.
	Answer string
	// ETag names the ICE session, with its quotes.
	ETag string

	client *Client
	url    string
}

// ID is the last part of the resource's address, as WELCOME lists it.
func (r *Resource) ID() string { return path.Base(r.url) }

// Publish sends an offer to publish.
func (c *Client) Publish(ctx context.Context, offer string) (*Resource, error) {
	return c.post(ctx, c.WHIP, offer)
}

// Subscribe sends an offer to receive the whole stage, by slots.
func (c *Client) Subscribe(ctx context.Context, offer string) (*Resource, error) {
	return c.post(ctx, c.WHIP+"/subscribe", offer)
}

// SubscribeTo sends an offer to receive one publisher.
func (c *Client) SubscribeTo(ctx context.Context, publisher, offer string) (*Resource, error) {
	return c.post(ctx, c.WHIP+"/subscribe/"+url.PathEscape(publisher), offer)
}

func (c *Client) post(ctx context.Context, address, offer string) (*Resource, error) {
	response, answer, err := c.do(ctx, http.MethodPost, c.with(address), "application/sdp", offer, "")
	if err != nil {
		return nil, fmt.Errorf("send offer: %w", err)
	}
	if response.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("send offer: %w", &Error{Status: response.StatusCode})
	}
	location, err := response.Location() // resolved against the request
	if err != nil {
		return nil, fmt.Errorf("send offer: read Location: %w", err)
	}
	return &Resource{Answer: answer, ETag: response.Header.Get("ETag"), client: c, url: location.String()}, nil
}

// Trickle adds candidates from a trickle-ice-sdpfrag.
func (r *Resource) Trickle(ctx context.Context, fragment string) error {
	if _, _, err := r.patch(ctx, fragment, r.ETag); err != nil {
		return fmt.Errorf("trickle: %w", err)
	}
	return nil
}

// Restart restarts ICE with the credentials in the fragment and returns the server's.
func (r *Resource) Restart(ctx context.Context, fragment string) (answer string, err error) {
	response, answer, err := r.patch(ctx, fragment, `"*"`)
	if err != nil {
		return "", fmt.Errorf("restart ICE: %w", err)
	}
	r.ETag = response.Header.Get("ETag")
	return answer, nil
}

func (r *Resource) patch(ctx context.Context, fragment, ifMatch string) (*http.Response, string, error) {
	return r.client.do(ctx, http.MethodPatch, r.url, "application/trickle-ice-sdpfrag", fragment, ifMatch)
}

// Delete ends the connection.
func (r *Resource) Delete(ctx context.Context) error {
	if _, _, err := r.client.do(ctx, http.MethodDelete, r.url, "", "", ""); err != nil {
		return fmt.Errorf("delete session: %w", err)
	}
	return nil
}

// Check asks whether the events socket would be opened. A browser's client needs it, because a browser does not tell why a
// socket was refused.
func (c *Client) Check(ctx context.Context) error {
	address := c.Events
	if rest, ok := strings.CutPrefix(address, "ws"); ok {
		address = "http" + rest
	}
	if _, _, err := c.do(ctx, http.MethodGet, c.with(address), "", "", ""); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	return nil
}

// do makes a request and reads the answer. An answer that is not a success is an [Error].
func (c *Client) do(ctx context.Context, method, address, media, body, ifMatch string) (*http.Response, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	request.Header.Set("Authorization", "Bearer "+c.Token)
	if media != "" {
		request.Header.Set("Content-Type", media)
	}
	if ifMatch != "" {
		request.Header.Set("If-Match", ifMatch)
	}
	response, err := c.httpClient().Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return nil, "", refusal(response)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, "", fmt.Errorf("read answer: %w", err)
	}
	return response, string(answer), nil
}

// As is the same resource in another client's hands, for instance of one with a fresher token.
func (r *Resource) As(other *Client) *Resource {
	changed := *r
	changed.client = other
	return &changed
}
