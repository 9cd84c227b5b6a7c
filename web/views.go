package web

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"streamcat/site"
)

// views are the page templates: each file in templates/ but the layout and parts is a page that fills the layout's blocks.
type views struct {
	files  fs.FS
	assets *assets
	dev    bool
	pages  map[string]*template.Template
}

// pageView is what the layout sees; View is what the page's own template sees as .View.
type pageView struct {
	Title   string // "" on the home page
	Account *site.Account
	View    any
}

func openViews(files fs.FS, assets *assets, dev bool) (*views, error) {
	v := &views{files: files, assets: assets, dev: dev}
	var err error
	v.pages, err = v.parse()
	return v, err
}

func (v *views) parse() (map[string]*template.Template, error) {
	layout, err := template.New("layout.html").Funcs(v.funcs()).ParseFS(v.files, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("parse layout: %w", err)
	}
	names, err := fs.Glob(v.files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, file := range names {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "templates/"), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		page, err := template.Must(layout.Clone()).ParseFS(v.files, file)
		if err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
		pages[name] = page
	}
	return pages, nil
}

func (v *views) funcs() template.FuncMap {
	return template.FuncMap{
		"asset": v.assets.url,
		"icon": func(name string) template.HTML {
			return template.HTML(`<svg class="icon" aria-hidden="true"><use href="` + v.assets.url("icons.svg") + `#` + template.HTMLEscapeString(name) + `"></use></svg>`)
		},
		"isoTime":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"date":     func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
		"duration": func(from, to time.Time) string { return spell(to.Sub(from)) },
		"names":    func(names []string) string { return strings.Join(names, ", ") },
	}
}

// spell writes a duration as people say it.
func spell(d time.Duration) string {
	switch minutes := int(d.Round(time.Minute) / time.Minute); {
	case minutes < 1:
		return "under a minute"
	case minutes < 60:
		return strconv.Itoa(minutes) + " min"
	default:
		return fmt.Sprintf("%d h %02d min", minutes/60, minutes%60)
	}
}

// render shows a page. It is made whole first: a template that fails gives an error page, not half of one.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name, title string, view any) error {
	pages := s.views.pages
	if s.views.dev {
		var err error
		if pages, err = s.views.parse(); err != nil {
			return err
		}
	}
	page := pages[name]
	if page == nil {
		return fmt.Errorf("there is no template %q", name)
	}
	var b bytes.Buffer
	err := page.Execute(&b, pageView{Title: title, Account: visitorOf(r).Account, View: view})
	if err != nil {
		return fmt.Errorf("show page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if _, err := b.WriteTo(w); err != nil {
		return errGone
	}
	return nil
}
