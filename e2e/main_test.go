package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// binary is the program under test, built once by TestMain; out is where screenshots go.
var binary, out string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "streamcat-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)

	binary = filepath.Join(dir, "streamcat")
	build := exec.Command("go", "build", "-o", binary, "streamcat/cmd/streamcat")
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build streamcat: %v\n%s", err, output)
		return 1
	}
	if out, err = filepath.Abs("out"); err == nil {
		err = os.MkdirAll(out, 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer browsers.closeAll()
	return m.Run()
}

// eventually asks again and again until the answer is nil, and fails the test with the last answer when it never is. It
// returns how long it took.
func eventually(t *testing.T, within time.Duration, what string, ask func() error) time.Duration {
	t.Helper()
	start := time.Now()
	for {
		err := ask()
		if err == nil {
			return time.Since(start)
		}
		if time.Since(start) > within {
			t.Fatalf("%s: not within %v: %v", what, within, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// always asks again and again for a while and fails the test at the first answer that is not nil.
func always(t *testing.T, during time.Duration, what string, ask func() error) {
	t.Helper()
	for start := time.Now(); time.Since(start) < during; time.Sleep(100 * time.Millisecond) {
		if err := ask(); err != nil {
			t.Fatalf("%s: %v after %v", what, err, time.Since(start))
		}
	}
}
