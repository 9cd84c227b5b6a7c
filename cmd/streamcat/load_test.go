package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMain is the program itself when a test runs it, so that what runs is what was built for the test.
func TestMain(m *testing.M) {
	if os.Getenv("STREAMCAT_TEST_RUN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// command prepares a run of the program.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program, args...)
	c.Env = append(os.Environ(), "STREAMCAT_TEST_RUN=1")
	return c
}

// TestLoadSelf has the program start a server and test it.
func TestLoadSelf(t *testing.T) {
	before, err := filepath.Glob(filepath.Join(os.TempDir(), "streamcat-load-*"))
	if err != nil {
		t.Fatal(err)
	}
	c := command(t, "load", "--self", "--viewers", "20", "--gated", "--window", "1s", "--windows", "2", "--settle", "500ms", "--probes", "2", "--slots", "2")
	var complaints bytes.Buffer
	c.Stderr = &complaints
	output, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, output, complaints.String())
	}
	if lines := strings.Count(string(output), "\n"); lines != 1 {
		t.Errorf("%d lines: %s", lines, output)
	}
	var report struct {
		Ended  string
		Server struct{ PID int }
		Join   struct {
			Joined, Throttled int
			CPU               *float64 `json:"serverCPUMsPerJoin"`
		}
		Windows []struct {
			Viewers, StalledViewers int
			PacketsPerSecond        float64
			Micros                  *float64 `json:"serverCPUMicrosPerPacket"`
			RSS                     *float64 `json:"serverRSSKB"`
		}
		Memory *struct{ PerViewerKB float64 }
	}
	if err := json.Unmarshal(output, &report); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if report.Ended != "done" || report.Server.PID == 0 || report.Join.Joined != 20 || report.Join.Throttled != 0 || len(report.Windows) != 2 {
		t.Fatalf("%s", output)
	}
	for _, w := range report.Windows {
		// 20 viewers of 50 and about 280 packets a second; half is enough on a machine that is busy.
		if w.Viewers != 20 || w.StalledViewers != 0 || w.PacketsPerSecond < 20*165 {
			t.Errorf("%s", output)
		}
		if w.Micros == nil || *w.Micros <= 0 || w.RSS == nil || *w.RSS <= 0 || report.Memory == nil || report.Join.CPU == nil {
			t.Errorf("the server was not measured: %s", output)
		}
	}
	after, err := filepath.Glob(filepath.Join(os.TempDir(), "streamcat-load-*"))
	if err != nil || len(after) > len(before) {
		t.Errorf("left behind: %v, %v", after, err)
	}
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	for _, test := range []struct{ says, args string }{
		{"need as many tokens", ""},
		{"no list of processors", "--self --load-cpus 3-1"},
		{"even number", "--self --size 15x15"},
		{"--codec", "--self --codec h265"},
		{"not a JWT", "--viewer-token x --viewers 1 --probes 0 --hosts 0"},
	} {
		output, err := command(t, append([]string{"load"}, strings.Fields(test.args)...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(output), test.says) {
			t.Errorf("load %s: %v, %s", test.args, err, output)
		}
	}
}

func TestProcessors(t *testing.T) {
	for list, want := range map[string][]int{"": nil, "0": {0}, "1,3-5": {1, 3, 4, 5}} {
		got, err := processors(list)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v, (-want +got):\n%s", list, err, diff)
		}
	}
	for _, list := range []string{",", "x", "-1", "2-1", "5000", "1-"} {
		if got, err := processors(list); err == nil {
			t.Errorf("%q: %v", list, got)
		}
	}
}
