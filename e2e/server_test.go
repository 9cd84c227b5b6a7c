package e2e

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is one run of the program, or several one after the other on the same port and data.
type server struct {
	t      *testing.T
	URL    string
	Dir    string // its --data
	args   []string
	folder string // where it runs; "" is beside Dir

	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has ended
	log  *syncBuffer
}

// startServer runs `streamcat serve` on a free port with a fresh data folder and ends it with the test.
func startServer(t *testing.T, flags ...string) *server {
	t.Helper()
	address := freeAddress(t)
	dir := filepath.Join(t.TempDir(), "data")
	args := append([]string{"serve", "--http", address, "--admin", freeAddress(t), "--data", dir}, flags...)
	s := newServer(t, "http://"+address, dir, args)
	s.start()
	return s
}

// newServer prepares a run of the program without starting it.
func newServer(t *testing.T, url, dir string, args []string) *server {
	s := &server{t: t, URL: url, Dir: dir, args: args, log: &syncBuffer{}}
	t.Cleanup(func() {
		if s.running() {
			s.stop()
		}
		if t.Failed() {
			name := filepath.Join(out, strings.ReplaceAll(t.Name(), "/", "-")+".server.log")
			if err := os.WriteFile(name, []byte(s.log.String()), 0o644); err == nil {
				t.Logf("the server's log is in %s; its end:\n%s", name, s.log.tail(4000))
			}
		}
	})
	return s
}

// start runs the program and waits until it serves.
func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command(binary, s.args...)
	s.cmd.Dir = cmp.Or(s.folder, filepath.Dir(s.Dir))
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start streamcat: %v", err)
	}
	s.done = make(chan struct{})
	go func() { s.cmd.Wait(); close(s.done) }()
	eventually(s.t, 20*time.Second, "server is ready", func() error {
		if !s.running() {
			s.t.Fatalf("streamcat ended at once:\n%s", s.log.tail(4000))
		}
		return healthy(s.URL)
	})
}

// stop ends the program as a service supervisor would and fails the test when it takes more than ten seconds.
func (s *server) stop() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	select {
	case <-s.done:
		if code := s.cmd.ProcessState.ExitCode(); code != 0 {
			s.t.Errorf("streamcat ended with status %d after SIGTERM", code)
		}
	case <-time.After(10 * time.Second):
		s.t.Error("streamcat did not end within ten seconds of SIGTERM")
		s.kill()
	}
}

// kill ends the program as a power cut would.
func (s *server) kill() {
	s.signal(syscall.SIGKILL)
	<-s.done
}

func (s *server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil && s.running() {
		s.t.Fatalf("signal streamcat: %v", err)
	}
}

func (s *server) running() bool {
	if s.done == nil {
		return false
	}
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// output runs one command of the program against the server's data folder and returns what it printed.
func (s *server) output(stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append(args, "--data", s.Dir)...)
	cmd.Stdin = strings.NewReader(stdin)
	printed, err := cmd.CombinedOutput()
	return string(printed), err
}

// healthy asks /healthz.
func healthy(url string) error {
	client := http.Client{Timeout: 2 * time.Second, Transport: insecureTransport()}
	defer client.CloseIdleConnections()
	response, err := client.Get(url + "/healthz")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("/healthz answers %s", response.Status)
	}
	return nil
}

// freeAddress returns a loopback address that is free for TCP and for UDP.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 20 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		packets, err := net.ListenPacket("udp", address)
		listener.Close()
		if err == nil {
			packets.Close()
			return "localhost:" + port(address)
		}
	}
	t.Fatal("no port is free for both TCP and UDP")
	return ""
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// syncBuffer collects what a process prints.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *syncBuffer) tail(n int) string {
	s := b.String()
	return s[max(0, len(s)-n):]
}
