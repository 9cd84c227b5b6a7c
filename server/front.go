package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// front is the listener that browsers reach, with what was found out about it.
type front struct {
	listener net.Listener
	address  string // host:port it is bound to, with the host as it was asked for
	url      string
	https    bool // browsers see https, by our own TLS or by a proxy's

	challenge net.Listener // port 80 for ACME, nil when not needed or not to be had
	redirect  http.Handler
	complaint error // why there is no challenge listener
}

func listenHTTP(config Config, certificates autocert.Cache) (*front, error) {
	address := config.httpAddress()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("listen for browsers: another program uses %s, choose another address with --http: %w", address, err)
		}
		return nil, fmt.Errorf("listen for browsers: %w", err)
	}
	bound := listener.Addr().(*net.TCPAddr)
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	f := &front{listener: listener, address: net.JoinHostPort(host, fmt.Sprint(bound.Port))}

	var certificate *tls.Certificate
	switch {
	case config.ACME != "":
		f.acme(config.ACME, certificates)
	case config.TLSCert != "":
		loaded, err := tls.LoadX509KeyPair(config.TLSCert, config.TLSKey)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("load the certificate: %w", err), listener.Close())
		}
		certificate = &loaded
		f.listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{loaded},
			MinVersion:   tls.VersionTLS12,
			NextProtos:   []string{"http/1.1"}, // WebSockets upgrade on HTTP/1.1
		})
	}
	f.url = config.publicURL(bound, certificate)
	f.https = strings.HasPrefix(f.url, "https://")
	return f, nil
}

// acme gets certificates for domain when the first browser comes, over the listener itself (TLS-ALPN-01) and, where port 80 can
// be had, over HTTP-01 too.
func (f *front) acme(domain string, cache autocert.Cache) {
	manager := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		HostPolicy: autocert.HostWhitelist(domain),
		Cache:      cache,
	}
	f.listener = tls.NewListener(f.listener, &tls.Config{
		GetCertificate: manager.GetCertificate,
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1", acme.ALPNProto},
	})
	f.challenge, f.complaint = net.Listen("tcp", ":80")
	f.redirect = manager.HTTPHandler(nil)
}

// Close stops listening; a front that is being served is closed by its http.Server.
func (f *front) Close() error {
	if f.challenge != nil {
		return errors.Join(f.listener.Close(), f.challenge.Close())
	}
	return f.listener.Close()
}

// warn says what will surprise the operator later.
func (f *front) warn(config Config) {
	if f.complaint != nil {
		config.Log.Warn("port 80 is not to be had: certificates come over port 443 alone, and http:// is not redirected", "error", f.complaint)
	}
	u, err := url.Parse(f.url)
	if err != nil || f.https || loopback(u.Hostname()) {
		return
	}
	config.Log.Warn("no HTTPS: browsers open a camera only on https:// or on localhost, so nobody can broadcast from "+f.url,
		"remedy", "--acme DOMAIN, or --tls-cert and --tls-key, or a proxy with TLS and --public-url https://…")
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
