package streamcat_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The module path, and the limits on the length of a source file in lines.
const (
	module       = "streamcat"
	maxLines     = 700
	maxTestLines = 1000
)

// rule says what the packages below one top-level folder may import.
type rule struct {
	// house lists the folders of this module that it may see, besides the leaves and itself; "*" is all of them.
	house []string
	// outside lists module prefixes that are not the standard library.
	outside []string
	// tests lists what only its tests may import besides, from the house or from outside.
	tests []string
}

// rules is the import table of ARCHITECTURE.md. A folder that is not listed is a leaf: it sees the standard library
// and nothing else.
var rules = map[string]rule{
	"cmd":    {house: []string{"server", "load"}, outside: []string{"github.com/alecthomas/kong"}},
	"server": {house: []string{"*"}, outside: []string{"golang.org/x/crypto/acme", "github.com/prometheus/client_golang"}},

	"web":    {house: []string{"site", "stage"}, tests: []string{"store"}},
	"ivsapi": {house: []string{"site", "stage"}},
	"rtcapi": {
		house:   []string{"site", "stage"},
		outside: []string{"github.com/coder/websocket"},
		tests:   []string{"sfu", "store", "bus", "github.com/pion/", "go.uber.org/goleak"},
	},

	"site": {
		house:   []string{"stage"},
		outside: []string{"golang.org/x/image"},
		tests:   []string{"store"},
	},
	"stage": {tests: []string{"store"}},

	"sfu": {
		house:   []string{"stage", "relay", "transport"},
		outside: []string{"github.com/pion/"},
		tests:   []string{"github.com/chromedp/"},
	},
	"transport": {outside: []string{"github.com/pion/dtls/v3", "github.com/pion/logging", "github.com/pion/rtp", "github.com/pion/sdp/v3", "github.com/pion/transport/v5", "golang.org/x/sys/unix"}, tests: []string{"github.com/pion/", "github.com/chromedp/"}},
	"load": {
		house:   []string{"rtcapi"},
		outside: []string{"github.com/pion/dtls/v3", "golang.org/x/sys/unix"},
		tests:   []string{"server", "github.com/pion/", "github.com/chromedp/"},
	},
	"relay": {house: []string{"stage"}, outside: []string{"github.com/nats-io/"}},
	"bus":   {house: []string{"stage", "site"}, outside: []string{"github.com/nats-io/"}},
	"chat":  {house: []string{"stage", "site"}},
	"store": {house: []string{"stage", "site"}, outside: []string{"modernc.org/sqlite", "github.com/jackc/pgx/v5", "golang.org/x/crypto/acme/autocert"}},

	"jwt":   {outside: []string{"github.com/golang-jwt/jwt/v5"}},
	"argon": {outside: []string{"golang.org/x/crypto/argon2"}},

	"srtp":     {tests: []string{"github.com/pion/"}},
	"stun":     {tests: []string{"github.com/pion/"}},
	"udpbatch": {outside: []string{"golang.org/x/sys/unix"}},

	"e2e": {tests: []string{"github.com/chromedp/", "modernc.org/sqlite"}},
}

// wrappers are leaves that stand before one library each, or are tested against one.
var wrappers = []string{"jwt", "argon", "srtp", "stun", "udpbatch"}

// mediaLeaves may know what an RTP packet is.
var mediaLeaves = []string{"packetcache", "seqmap", "codec", "layers", "estimate", "pacer", "gsoconn", "rtptime", "sdpfrag"}

// testTools may be used by the tests of every package.
var testTools = []string{"github.com/google/go-cmp", "go.uber.org/goleak", "pgregory.net/rapid"}

// emptyNames say nothing about what a package is for.
var emptyNames = []string{
	"util", "utils", "common", "manager", "helper", "helpers", "types", "base", "defs", "misc", "shared", "lib", "interfaces",
	"internal", "pkg", "core",
}

type goPackage struct {
	ImportPath   string
	Dir          string
	Name         string
	Doc          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Name,Doc,GoFiles,Imports,TestImports,XTestImports", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("decode go list: %v", err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 5 {
		t.Fatalf("go list found %d packages: this test looks at the wrong folder", len(packages))
	}
	return packages
}

// TestImports fails on an arrow between packages that the table above does not draw.
func TestImports(t *testing.T) {
	for _, p := range listPackages(t) {
		folder := topFolder(p.ImportPath)
		if folder == "" {
			continue // the root holds this test only
		}
		for _, imported := range p.Imports {
			if !mayImport(folder, p.ImportPath, imported) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if !mayImport(folder, p.ImportPath, imported) && !testMayImport(folder, imported) {
				t.Errorf("the tests of %s import %s", p.ImportPath, imported)
			}
		}
	}
}

// mayImport says whether a package in folder may import another in what is not test code.
func mayImport(folder, importer, imported string) bool {
	if isStandard(imported) || imported == importer {
		return true
	}
	rule, listed := rules[folder]
	if target := topFolder(imported); target != "" {
		if target == folder || slices.Contains(rule.house, "*") || slices.Contains(rule.house, target) {
			return true
		}
		return listed && isLeaf(target)
	}
	if slices.Contains(mediaLeaves, path.Base(importer)) && (hasPrefix("github.com/pion/rtp", imported) || hasPrefix("github.com/pion/rtcp", imported)) {
		return true
	}
	return slices.ContainsFunc(rule.outside, func(prefix string) bool { return hasPrefix(prefix, imported) })
}

func testMayImport(folder, imported string) bool {
	return slices.ContainsFunc(slices.Concat(testTools, rules[folder].tests), func(prefix string) bool {
		return hasPrefix(prefix, imported) || topFolder(imported) == prefix
	})
}

// isLeaf says whether a folder of this module is a leaf: what no rule names, and the leaves that wrap one library.
func isLeaf(folder string) bool {
	_, listed := rules[folder]
	return !listed || slices.Contains(wrappers, folder)
}

// topFolder returns the first folder of an import path of this module, "" for any other path and for the root.
func topFolder(importPath string) string {
	rest, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return ""
	}
	folder, _, _ := strings.Cut(rest, "/")
	return folder
}

// isStandard tells the standard library by its first path element, which has no dot.
func isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return first != module && !strings.Contains(first, ".")
}

// hasPrefix compares whole path elements, unless prefix ends in a slash.
func hasPrefix(prefix, importPath string) bool {
	return importPath == prefix || strings.HasPrefix(importPath, strings.TrimSuffix(prefix, "/")+"/")
}

// TestPackages checks that each package says what it is, in doc.go, and has a name that says something.
func TestPackages(t *testing.T) {
	for _, p := range listPackages(t) {
		if topFolder(p.ImportPath) == "" {
			continue
		}
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		if p.Name != "main" && !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("%s has no doc.go", p.ImportPath)
		}
		for _, name := range append(strings.Split(p.ImportPath, "/"), p.Name) {
			if slices.Contains(emptyNames, name) {
				t.Errorf("%s: the name %q says nothing", p.ImportPath, name)
			}
		}
	}
}

// TestFileSizes keeps source files readable in one sitting.
func TestFileSizes(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			switch entry.Name() {
			case ".git", "node_modules", "dist", "data", "testdata":
				return fs.SkipDir
			}
			return nil
		}
		limit := maxLines
		switch {
		case strings.HasSuffix(name, "_test.go"), strings.HasSuffix(name, ".test.ts"):
			limit = maxTestLines
		case strings.HasSuffix(name, ".go"), strings.HasSuffix(name, ".ts") && !strings.HasSuffix(name, ".d.ts"), strings.HasSuffix(name, ".css") && !strings.Contains(name, "bundle"):
		default:
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		seen++
		if lines := bytes.Count(content, []byte("\n")); lines > limit {
			t.Errorf("%s has %d lines, %d are allowed", name, lines, limit)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 10 {
		t.Fatalf("only %d source files found: this test looks at the wrong folder", seen)
	}
}
