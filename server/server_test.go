package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"streamcat/site"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a server on free loopback ports until the test ends.
func start(t *testing.T, config Config) *Server {
	t.Helper()
	if config.HTTP == "" {
		config.HTTP = "localhost:0"
		// A free TCP port may be somebody's UDP port.
		config.UDP = "localhost:0"
	}
	if config.Data == "" {
		config.Data = t.TempDir()
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	s, err := Start(t.Context(), config)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}

func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	client.CloseIdleConnections()
	return response.StatusCode, string(body)
}

func TestEveryPartAnswers(t *testing.T) {
	s := start(t, Config{Admin: "localhost:0"})
	for _, test := range []struct {
		path   string
		status int
		holds  string
	}{
		{"/healthz", http.StatusOK, "ok"},
		{"/", http.StatusOK, "<html"},
		{"/sdk/streamcat.js", http.StatusOK, "Stage"},
		{"/@nobody", http.StatusNotFound, "<html"},
		{"/rtc/events/none", http.StatusUnauthorized, "TOKEN_MALFORMED"},
	} {
		status, body := get(t, http.DefaultClient, s.URL()+test.path)
		if status != test.status || !strings.Contains(body, test.holds) {
			t.Errorf("GET %s: status %d, want %d; body lacks %q: %.200s", test.path, status, test.status, test.holds, body)
		}
	}
	status, body := get(t, http.DefaultClient, "http://"+s.admin+"/metrics")
	if status != http.StatusOK || !strings.Contains(body, "streamcat_media_publishers 0") {
		t.Errorf("GET /metrics: status %d, no media gauges in %.300s", status, body)
	}
	if status, _ := get(t, http.DefaultClient, s.URL()+"/metrics"); status != http.StatusNotFound {
		t.Errorf("the public listener answers /metrics with %d", status)
	}
}

// Nobody may hold a connection by sending or taking nothing. Profiles take as long as they are asked to.
func TestEveryListenerHasLimits(t *testing.T) {
	s := start(t, Config{Admin: "localhost:0"})
	if len(s.listeners) != 2 {
		t.Fatalf("%d listeners", len(s.listeners))
	}
	for i, h := range s.listeners {
		if h.ReadHeaderTimeout == 0 || h.ReadTimeout == 0 || h.IdleTimeout == 0 || h.MaxHeaderBytes == 0 {
			t.Errorf("listener %d has no limits: %+v", i, h)
		}
	}
	if public := s.listeners[0]; public.WriteTimeout < public.ReadTimeout {
		t.Errorf("who takes an answer slowly is given %v, who asks slowly %v", public.WriteTimeout, public.ReadTimeout)
	}
	if s.listeners[1].WriteTimeout != 0 {
		t.Error("a long profile is cut off")
	}
}

func TestRestartLosesNothing(t *testing.T) {
	data := t.TempDir()
	first, err := Start(t.Context(), Config{HTTP: "localhost:0", UDP: "localhost:0", Data: data, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Site().Register(t.Context(), "Mia", "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	stop(t, first)

	second := start(t, Config{Data: data})
	if _, err := second.Site().Login(t.Context(), "mia", "correct horse battery"); err != nil {
		t.Errorf("log in after a restart: %v", err)
	}
	if _, err := second.Site().Channel(t.Context(), "mia"); err != nil {
		t.Errorf("channel after a restart: %v", err)
	}
}

func TestCreateAccountBesideARunningServer(t *testing.T) {
	data := t.TempDir()
	s := start(t, Config{Data: data})
	if _, err := CreateAccount(t.Context(), Config{Data: data}, "leo", "a long password"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Site().Login(t.Context(), "leo", "a long password"); err != nil {
		t.Errorf("the running server does not know the account: %v", err)
	}
	if _, err := CreateAccount(t.Context(), Config{Data: data}, "LEO", "a long password"); site.CodeOf(err) != site.Conflict {
		t.Errorf("making the account twice: %v, want a conflict", err)
	}
}

// A rate below one request in three seconds leaves no whole request for a burst of three seconds.
func TestSlowestRequestRate(t *testing.T) {
	s := start(t, Config{RequestRate: 0.1})
	for _, want := range []int{http.StatusUnauthorized, http.StatusTooManyRequests} {
		if status, body := get(t, http.DefaultClient, s.URL()+"/rtc/events/none"); status != want {
			t.Errorf("status %d, want %d: %.200s", status, want, body)
		}
	}
}

func TestOwnCertificate(t *testing.T) {
	cert, key, pool := selfSigned(t, "live.example.org")
	s := start(t, Config{TLSCert: cert, TLSKey: key})
	if !strings.HasPrefix(s.URL(), "https://live.example.org:") {
		t.Errorf("URL is %s, want the certificate's name", s.URL())
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "live.example.org"}}}
	port := s.URL()[strings.LastIndex(s.URL(), ":"):]
	if status, _ := get(t, client, "https://localhost"+port+"/healthz"); status != http.StatusOK {
		t.Errorf("healthz over TLS: %d", status)
	}
}

func TestMissingHTTPSIsSaid(t *testing.T) {
	for _, test := range []struct {
		name   string
		config Config
		warns  bool
	}{
		{"localhost needs none", Config{}, false},
		{"another name over http", Config{PublicURL: "http://live.example.org"}, true},
		{"a proxy does TLS", Config{PublicURL: "https://live.example.org"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log lockedBuffer
			test.config.Log = slog.New(slog.NewTextHandler(&log, nil))
			start(t, test.config)
			if warns := strings.Contains(log.String(), "no HTTPS"); warns != test.warns {
				t.Errorf("warned: %v, want %v; log: %s", warns, test.warns, log.String())
			}
		})
	}
}

func TestConfigIsCheckedBeforeAnythingIsOpened(t *testing.T) {
	for _, test := range []struct {
		name   string
		config Config
		says   string
	}{
		{"certificate without key", Config{TLSCert: "a.pem"}, "go together"},
		{"two certificates", Config{TLSCert: "a", TLSKey: "b", ACME: "example.org"}, "choose one"},
		{"domain with a path", Config{ACME: "https://example.org"}, "bare domain"},
		{"public URL without scheme", Config{PublicURL: "example.org"}, "--public-url"},
		{"public URL with a path", Config{PublicURL: "https://example.org/live"}, "--public-url"},
		{"name instead of an address", Config{PublicIPs: []string{"example.org"}}, "--public-ip"},
		{"too many publishers", Config{MaxPublishers: 25}, "--max-publishers"},
		{"less than no requests", Config{RequestRate: -1}, "--request-rate"},
		{"hardly any requests", Config{RequestRate: 0.01}, "--request-rate"},
		{"endless requests", Config{RequestRate: math.Inf(1)}, "--request-rate"},
		{"no number of requests", Config{RequestRate: math.NaN()}, "--request-rate"},
		{"nowhere to keep things", Config{}, "data directory"},
		{"address in use by nobody", Config{Data: "x", HTTP: "203.0.113.1:1"}, "listen for browsers"},
		{"unreadable certificate", Config{Data: "x", HTTP: "localhost:0", TLSCert: "none.pem", TLSKey: "none.pem"}, "load the certificate"},
		{"unknown database", Config{Data: "x", DB: "mysql://localhost"}, "postgres://"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.config.Data != "" {
				test.config.Data = t.TempDir()
			}
			s, err := Start(t.Context(), test.config)
			if err == nil {
				stop(t, s)
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("says %q, want something with %q", err, test.says)
			}
		})
	}
}

func TestPortInUseNamesTheRemedy(t *testing.T) {
	s := start(t, Config{})
	second, err := Start(t.Context(), Config{Data: t.TempDir(), HTTP: strings.TrimPrefix(s.URL(), "http://")})
	if err == nil {
		stop(t, second)
		t.Fatal("two servers on one port")
	}
	if !strings.Contains(err.Error(), "--http") {
		t.Errorf("says %q, want the flag to change", err)
	}
}

// selfSigned writes a certificate for name and localhost to files.
func selfSigned(t *testing.T, name string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{"*.example.org", name, "localhost"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return cert, key, pool
}

// lockedBuffer may be written by the server while the test reads.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
