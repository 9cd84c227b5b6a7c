package web

import (
	"bytes"
	"compress/gzip"
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
	"strconv"
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

// assets serves a folder of files. Fixed ones are read and compressed once, and those asked for under their version (a hash over all
// of them) are kept by browsers for good; files that may change are read at each request, and asked for again each time.
type assets struct {
	files   fs.FS
	version string           // "-" when the files may change
	fixed   map[string]asset // nil when the files may change
}

type asset struct {
	body   []byte
	packed []byte // gzip, nil when that gains nothing
	kind   string
	tag    string
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
		if file.packed, err = pack(file.body); err != nil {
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
	return asset{body: body, kind: contentType(name), tag: `W/"` + hex.EncodeToString(sum[:12]) + `"`}, nil
}

// pack compresses what gets smaller by it. Only files that are the same for everybody are compressed: see BREACH for pages.
func pack(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if b.Len() > len(body)*9/10 {
		return nil, nil
	}
	return b.Bytes(), nil
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
	body := file.body
	if file.packed != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			body = file.packed
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body) // a client that went away is nobody's error
}

// acceptsGzip reads Accept-Encoding. RFC 9110 12.5.3
func acceptsGzip(header string) bool {
	for entry := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(entry), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.ReplaceAll(weight, " ", "")
			return weight != "q=0" && weight != "q=0.0" && weight != "q=0.00" && weight != "q=0.000"
		}
	}
	return false
}
