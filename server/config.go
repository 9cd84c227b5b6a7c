package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"streamcat/ratelimit"
)

// Config says how to run. Its zero value with a Data directory serves on localhost.
type Config struct {
	HTTP      string   // address of the site and the signalling; "" means localhost:8080, or :443 with ACME
	UDP       string   // address of the media port; "" means the host and port of HTTP
	Admin     string   // address of metrics and profiling; "" means none
	PublicURL string   // where browsers reach HTTP; "" is derived from the listener or certificate
	Data      string   // directory of everything that is kept
	DB        string   // "postgres://…"; "" means SQLite in Data
	NATS      string   // "nats://…"; "" means one in this process
	PublicIPs []string // addresses that a NAT in front maps to this machine

	TLSCert string // PEM files
	TLSKey  string
	ACME    string // domain to get a certificate for

	MaxPublishers int           // a stage, at most 24; 0 means 12
	EmptyTimeout  time.Duration // after which a broadcast without publishers ends; 0 means a minute
	RequestRate   float64       // signalling requests a second and address; 0 means 20
	TrustProxy    bool          // believe X-Forwarded-For of a proxy in front

	Dev bool // templates and assets are read from the source tree
	Log *slog.Logger
}

const (
	// mostPublishers bounds MaxPublishers: with 24 slots the offer of a browser for the whole stage has 61 KB, and 64 are accepted.
	mostPublishers = 24
	// leastRate and mostRate bound RequestRate: one request in ten seconds, and as good as no limit.
	leastRate = 0.1
	mostRate  = 1e6
)

// check refuses what cannot work, before anything is opened.
func (c Config) check() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	if c.TLSCert != "" && c.ACME != "" {
		return errors.New("--acme and --tls-cert are two ways to the same thing: choose one")
	}
	if strings.ContainsAny(c.ACME, "/: ") {
		return fmt.Errorf("--acme wants a bare domain name, not %q", c.ACME)
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
			return fmt.Errorf("--public-url wants the form https://host, not %q", c.PublicURL)
		}
	}
	for _, ip := range c.PublicIPs {
		if _, err := netip.ParseAddr(ip); err != nil {
			return fmt.Errorf("--public-ip wants an IP address, not %q", ip)
		}
	}
	if c.MaxPublishers < 0 || c.MaxPublishers > mostPublishers {
		return fmt.Errorf("--max-publishers is between 1 and %d, not %d", mostPublishers, c.MaxPublishers)
	}
	if c.RequestRate != 0 && !(c.RequestRate >= leastRate && c.RequestRate <= mostRate) { // NaN neither
		return fmt.Errorf("--request-rate is between %v and %d, not %v", leastRate, int(mostRate), c.RequestRate)
	}
	return nil
}

// signallingRate is RequestRate with bursts of three seconds; the zero value leaves the choice to rtcapi.
func (c Config) signallingRate() ratelimit.Rate {
	return ratelimit.Rate{PerSecond: c.RequestRate, Burst: int(math.Ceil(3 * c.RequestRate))}
}

func (c Config) httpAddress() string {
	switch {
	case c.HTTP != "":
		return c.HTTP
	case c.ACME != "":
		return ":443"
	}
	return "localhost:8080"
}

func (c Config) database() string {
	if c.DB != "" {
		return c.DB
	}
	return "sqlite:" + filepath.Join(c.Data, "streamcat.db")
}

func (c Config) secure() bool { return c.TLSCert != "" || c.ACME != "" }

// publicURL is where browsers reach a listener: as told, or by what the certificate or the machine is called.
func (c Config) publicURL(listener *net.TCPAddr, certificate *tls.Certificate) string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	scheme, host, usual := "http", "localhost", 80
	if c.secure() {
		scheme, usual = "https", 443
	}
	switch {
	case c.ACME != "":
		host = c.ACME
	case certificate != nil && certificateHost(certificate) != "":
		host = certificateHost(certificate)
	case listener.IP.IsUnspecified():
		host = machineAddress()
	case !listener.IP.IsLoopback():
		host = listener.IP.String()
	}
	if listener.Port != usual {
		host = net.JoinHostPort(host, fmt.Sprint(listener.Port))
	} else if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return scheme + "://" + host
}

// certificateHost is the first name a certificate is for that is not a wildcard.
func certificateHost(certificate *tls.Certificate) string {
	leaf := certificate.Leaf
	if leaf == nil {
		parsed, err := x509.ParseCertificate(certificate.Certificate[0])
		if err != nil {
			return ""
		}
		leaf = parsed
	}
	for _, name := range leaf.DNSNames {
		if !strings.HasPrefix(name, "*") {
			return name
		}
	}
	return ""
}

// machineAddress is the first address of this machine that others can use, or localhost.
func machineAddress() string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "localhost"
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			return n.IP.String()
		}
	}
	return "localhost"
}
