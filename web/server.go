package web

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
)

// Config is what a Server is made of.
type Config struct {
	Site Site
	// SDK holds the browser SDK's files (streamcat.js, streamcat.global.js, streamcat.d.ts) in dist/.
	SDK fs.FS
	Log *slog.Logger

	// PublicURL is where people reach the site, e.g. "https://example.org"; invitation links begin with it.
	PublicURL string
	// Dev reads templates and assets from ./web, so that an edit shows at the next reload.
	Dev bool
	// SecureCookies gives the session cookie the __Host- prefix and Secure; browsers then want HTTPS.
	SecureCookies bool
	// TrustProxy takes the client's address for rate limits from the last entry of X-Forwarded-For.
	TrustProxy bool
}

// Server answers browsers. It has no goroutines and needs no closing.
type Server struct {
	site     Site
	log      *slog.Logger
	public   *url.URL
	secure   bool
	proxied  bool
	views    *views
	assets   *assets
	sdk      *assets
	limits   *limits
	handler  http.Handler
	policies policies
}

// New makes a Server; a template or asset that is broken or missing is an error now, not at the first request.
func New(config Config) (*Server, error) {
	public, err := url.Parse(config.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("public URL: %w", err)
	}
	if public.Host == "" || public.Scheme != "http" && public.Scheme != "https" {
		return nil, fmt.Errorf("public URL %q is not like https://example.org", config.PublicURL)
	}
	if config.Site == nil || config.SDK == nil {
		return nil, errors.New("web needs a site and the SDK's files")
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		site:    config.Site,
		log:     config.Log,
		public:  public,
		secure:  config.SecureCookies,
		proxied: config.TrustProxy,
		limits:  newLimits(),
	}
	files, err := siteFiles(config.Dev)
	if err != nil {
		return nil, err
	}
	if s.assets, err = openAssets(files, "assets", config.Dev); err != nil {
		return nil, err
	}
	if s.sdk, err = openAssets(config.SDK, "dist", false); err != nil {
		return nil, err
	}
	if s.views, err = openViews(files, s.assets, config.Dev); err != nil {
		return nil, err
	}
	s.policies = newPolicies(public)
	if s.handler, err = s.routes(); err != nil {
		return nil, err
	}
	return s, nil
}

// Handler answers everything of the site: pages, assets, the SDK and the page scripts' JSON interface.
func (s *Server) Handler() http.Handler { return s.handler }

// link is an absolute URL of the site, for people to send to each other.
func (s *Server) link(path string) string {
	return strings.TrimSuffix(s.public.String(), "/") + path
}
