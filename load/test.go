package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"streamcat/load/footage"
	"streamcat/load/peer"
	"streamcat/rtcapi/client"
)

const (
	// joinTimeout bounds the joining of one viewer, refusals that ask to come later included.
	joinTimeout = 30 * time.Second
	// requestTimeout bounds one request.
	requestTimeout = 15 * time.Second
	// throttleWait is waited after a refusal that does not say for how long.
	throttleWait = time.Second
	// goodbye is how long saying it to the server may take.
	goodbye = 5 * time.Second
	// maxErrors is how many errors a report holds.
	maxErrors = 5
)

// test is a run under way.
type test struct {
	config    Config
	run       footage.Run
	pool      *peer.Pool
	meters    []*meter // by the index of their loops
	transport *http.Transport
	report    *Report

	hosts   []*host
	playing sync.WaitGroup // hosts, and the events sockets of viewers

	throttled atomic.Int64

	mu       sync.Mutex
	audience []*viewer
	tokens   []string // not in use; with WHEP, none
}

// newTest opens what a run needs.
func newTest(ctx context.Context, config Config) (*test, error) {
	t := &test{config: config, run: footage.NewRun(), report: &Report{Schema: 1}, tokens: slices.Clone(config.ViewerTokens)}
	address, err := t.address()
	if err != nil {
		return nil, err
	}
	t.report.Server.URL = address
	local, err := peer.LocalTowards(ctx, address)
	if err != nil {
		return nil, err
	}
	o := peer.Options{Loops: config.Loops, Whole: config.Whole, Rest: config.Rest, Local: local}
	if t.pool, err = peer.NewPool(o); err != nil {
		return nil, err
	}
	for range t.pool.Loops() {
		t.meters = append(t.meters, &meter{run: t.run})
	}
	t.transport = &http.Transport{
		DialContext:         (&net.Dialer{Timeout: requestTimeout}).DialContext,
		MaxIdleConnsPerHost: config.Joining,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
	}
	return t, nil
}

// address is where the server is.
func (t *test) address() (string, error) {
	for _, a := range []string{t.config.WHEP, t.config.WHIP} {
		if a != "" {
			return a, nil
		}
	}
	tokens := slices.Concat(t.config.HostTokens, t.config.ViewerTokens)
	if len(tokens) == 0 {
		return "", errors.New("neither a token nor an address says where the server is")
	}
	c, err := client.New(tokens[0])
	if err != nil {
		return "", err
	}
	return c.WHIP, nil
}

// close ends everything. A server that does not answer is left to find out by itself.
func (t *test) close(stop context.CancelFunc) error {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	t.leave(ctx, t.audienceNow())
	stop()
	t.playing.Wait()
	for _, h := range t.hosts {
		t.end(ctx, h.conn, h.resource)
	}
	t.transport.CloseIdleConnections()
	return t.pool.Close()
}

// client makes the protocol client of a participant.
func (t *test) client(token, endpoint string) (*client.Client, error) {
	c := &client.Client{WHIP: endpoint, Token: token}
	if endpoint == "" {
		var err error
		if c, err = client.New(token); err != nil {
			return nil, err
		}
	}
	via := &sender{transport: t.transport, bare: token == ""}
	if t.config.Forwarded {
		via.address = netip.AddrFrom4([4]byte{10, byte(rand.Uint32()), byte(rand.Uint32()), byte(rand.Uint32())}).String()
	}
	c.HTTP = &http.Client{Transport: via, Timeout: requestTimeout}
	return c, nil
}

// sender makes the requests of one participant.
type sender struct {
	transport *http.Transport
	address   string // as if there were a proxy; empty for none
	bare      bool   // there is no token
}

// RoundTrip adds what makes this participant.
func (s *sender) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.address == "" && !s.bare {
		return s.transport.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	if s.address != "" {
		r.Header.Set("X-Forwarded-For", s.address)
	}
	if s.bare {
		r.Header.Del("Authorization")
	}
	return s.transport.RoundTrip(r)
}

// signal makes a Signal of a request, which is made again when the server asks for that.
func (t *test) signal(resource **client.Resource, post func(ctx context.Context, offer string) (*client.Resource, error)) peer.Signal {
	return func(ctx context.Context, offer string, sending func()) (string, error) {
		for {
			sending()
			r, err := post(ctx, offer)
			if err == nil {
				*resource = r
				return r.Answer, nil
			}
			var refused *client.Error
			if !errors.As(err, &refused) || refused.Status != http.StatusTooManyRequests && refused.Status != http.StatusServiceUnavailable {
				return "", err
			}
			t.throttled.Add(1)
			wait := max(refused.RetryAfter, throttleWait)
			select {
			case <-time.After(wait + rand.N(wait/2)):
			case <-ctx.Done():
				return "", fmt.Errorf("%w, and so until %w", err, ctx.Err())
			}
		}
	}
}

// publish connects the hosts and lets them play.
func (t *test) publish(ctx, playing context.Context) error {
	for i := range t.config.Hosts {
		token := ""
		if i < len(t.config.HostTokens) {
			token = t.config.HostTokens[i]
		}
		endpoint := t.config.WHIP
		c, err := t.client(token, endpoint)
		if err != nil {
			return err
		}
		h := newHost(i, c, &t.config, t.run)
		join, cancel := context.WithTimeout(ctx, joinTimeout)
		_, err = t.pool.Dial(join, h.offer(), t.signal(&h.resource, c.Publish), h.serve)
		cancel()
		if err != nil {
			t.end(ctx, nil, h.resource)
			return fmt.Errorf("connect host %d: %w", i+1, err)
		}
		t.hosts = append(t.hosts, h)
		t.playing.Go(func() { h.play(playing) })
	}
	return nil
}

// join connects one viewer.
func (t *test) join(ctx context.Context, token string, number int) (*viewer, error) {
	c, err := t.client(token, t.config.WHEP)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	v := &viewer{client: c, config: &t.config, token: token}
	post, slots := c.Subscribe, t.config.Slots
	switch {
	case t.config.WHEP != "":
		post, slots = c.Publish, 1 // WHEP: the offer goes to the endpoint itself
	case t.config.PerPublisher:
		publisher, err := client.New(t.config.HostTokens[number%max(1, t.config.Hosts)])
		if err != nil {
			return nil, err
		}
		post = func(ctx context.Context, offer string) (*client.Resource, error) {
			return c.SubscribeTo(ctx, publisher.Participant, offer)
		}
		slots = 1
	}
	if t.config.Events {
		if err := t.listen(ctx, v); err != nil {
			return nil, err
		}
	}
	f := peer.Feedback{
		TWCC: t.config.Feedback == "auto" || t.config.Feedback == "twcc",
		REMB: t.config.Feedback == "auto" || t.config.Feedback == "remb",
	}
	offer := peer.Receiving(slots, t.config.Audio, t.config.video(), f)
	_, err = t.pool.Dial(ctx, offer, t.signal(&v.resource, post), func(c *peer.Conn) peer.Handler {
		v.meter = t.meters[c.Loop().Index]
		return v.serve(c)
	})
	if err != nil {
		t.end(context.WithoutCancel(ctx), nil, v.resource)
		v.hush()
		return nil, err
	}
	return v, nil
}

// listen opens the events socket of a viewer, and keeps reading it.
func (t *test) listen(ctx context.Context, v *viewer) error {
	events, err := v.client.Connect(ctx)
	if err != nil {
		return err
	}
	reading, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	v.events = func() {
		cancel()
		<-ended
	}
	t.playing.Go(func() {
		defer close(ended)
		defer events.Close()
		for {
			if _, err := events.Next(reading); err != nil {
				return
			}
		}
	})
	return nil
}

// hush ends the events socket of a viewer.
func (v *viewer) hush() {
	if v.events != nil {
		v.events()
	}
}

// end ends a connection, and tells the server.
func (t *test) end(ctx context.Context, c *peer.Conn, r *client.Resource) {
	if r != nil {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		_ = r.Delete(ctx) // it may have ended already; if not, silence ends it
		cancel()
	}
	if c != nil {
		c.Close()
	}
}

// leave ends the connections of viewers and takes them out of the audience.
func (t *test) leave(ctx context.Context, viewers []*viewer) {
	var work sync.WaitGroup
	turns := make(chan struct{}, t.config.Joining)
	for _, v := range viewers {
		turns <- struct{}{}
		work.Go(func() {
			defer func() { <-turns }()
			v.hush()
			t.end(ctx, v.conn, v.resource)
		})
	}
	work.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.audience = slices.DeleteFunc(t.audience, func(v *viewer) bool { return slices.Contains(viewers, v) })
	for _, v := range viewers {
		if v.token != "" {
			t.tokens = append(t.tokens, v.token)
		}
	}
}

// audienceNow are the viewers that are there.
func (t *test) audienceNow() []*viewer {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.audience)
}

// token takes one that is not in use.
func (t *test) token() (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.tokens)
	if n == 0 {
		if t.config.WHEP != "" {
			return "", nil
		}
		return "", errors.New("no viewer token is left")
	}
	token := t.tokens[n-1]
	t.tokens = t.tokens[:n-1]
	return token, nil
}
