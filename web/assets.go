package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"strings"
)

//go:embed templates assets
var embedded embed.FS

// siteFiles is where templates and assets come from.
func siteFiles(dev bool) (fs.FS, error) {
	if !dev {
		return embedded, nil
	}
	if _, err := os.Stat("web/templates"); err != nil {
		return nil, fmt.Errorf("dev reads templates and assets from ./web, run it in the source folder: %w", err)
	}
	return os.DirFS("web"), nil
}

// assets serves a folder of files. Fixed ones are read once, and have a version in their URL (a hash over all of them), so that
// browsers keep them for good; others are read at each request and asked for again each time.
type assets struct {
	files   fs.FS
	version string // "-" when the files may change
	fixed   map[string]asset
}

type asset struct {
	body []byte
	kind string
	tag  string
}

func openAssets(files fs.FS, dir string, changing bool) (*assets, error) {
	sub, err := fs.Sub(files, dir)
	if err != nil {
		return nil, fmt.Errorf("open assets: %w", err)
	}
	a := &assets{files: sub, version: "-"}
	if changing {
		return a, nil
	}
	a.fixed = map[string]asset{}
	sum := sha256.New()
	err = fs.WalkDir(sub, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		file, err := a.read(name)
		if err != nil {
			return err
		}
		a.fixed[name] = file
		io.WriteString(sum, name+"\x00"+file.tag+"\x00")
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	a.version = hex.EncodeToString(sum.Sum(nil)[:6])
	return a, nil
}

func (a *assets) read(name string) (asset, error) {
	body, err := fs.ReadFile(a.files, name)
	if err != nil {
		return asset{}, err
	}
	sum := sha256.Sum256(body)
	return asset{body, contentType(name), `"` + hex.EncodeToString(sum[:12]) + `"`}, nil
}

// contentType does not ask the machine's own table, which differs from machine to machine.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".ts", ".txt", ".map":
		return "text/plain; charset=utf-8"
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

// url is where a file of the folder assets is served.
func (a *assets) url(name string) string { return "/assets/" + a.version + "/" + name }

func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, version := r.PathValue("path"), r.PathValue("version")
	file, ok := a.fixed[name]
	if a.fixed == nil && fs.ValidPath(name) {
		var err error
		file, err = a.read(name)
		ok = err == nil
	}
	if !ok {
		http.Error(w, "There is no such file.", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", file.kind)
	h.Set("ETag", file.tag)
	if version != "" && version == a.version && a.fixed != nil {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), file.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(file.body) // a client that went away is nobody's error
}
