package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// startTimeout is how long a server may take to say where it is, stopTimeout how long to end after SIGTERM.
	startTimeout = 30 * time.Second
	stopTimeout  = 15 * time.Second
	// keptOutput is how much is kept of what a server says, for when it fails.
	keptOutput = 4 << 10
)

// Child is a server in a process of its own.
type Child struct {
	// URL is where it said it is.
	URL string

	command *exec.Cmd
	output  *tail
	reading sync.WaitGroup
	ended   chan struct{}
	err     error // once ended
}

// StartChild starts a server on some processors, or on all where none are given, and waits until it has written a line that begins with the
// announcement; what follows there is its URL.
func StartChild(ctx context.Context, cpus []int, announcement, program string, args ...string) (*Child, error) {
	c := &Child{command: exec.Command(program, args...), output: &tail{}, ended: make(chan struct{})}
	c.command.Stderr = c.output
	// ^C in a terminal goes to all its processes. This one is ended by Stop, after the last measurement.
	detach(c.command)
	stdout, err := c.command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	if err := startOn(cpus, c.command.Start); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	urls := make(chan string, 1)
	c.reading.Go(func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if url, ok := strings.CutPrefix(lines.Text(), announcement); ok {
				select {
				case urls <- strings.TrimSpace(url):
				default:
				}
			}
		}
		_, _ = io.Copy(io.Discard, stdout) // the process must not block on a line that is too long
	})
	go func() {
		c.reading.Wait()
		c.err = c.command.Wait()
		close(c.ended)
	}()
	late := time.NewTimer(startTimeout)
	defer late.Stop()
	select {
	case c.URL = <-urls:
		return c, nil
	case <-c.ended:
		return nil, fmt.Errorf("start server: it ended (%w) and said:\n%s", errors.Join(c.err), c.output)
	case <-late.C:
		err = fmt.Errorf("it did not say where it is within %v", startTimeout)
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(fmt.Errorf("start server: %w", err), c.Stop())
}

// PID is the number of the process.
func (c *Child) PID() int { return c.command.Process.Pid }

// Stop ends the process, gently at first.
func (c *Child) Stop() error {
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop server: %w", err)
	}
	late := time.NewTimer(stopTimeout)
	defer late.Stop()
	select {
	case <-c.ended:
	case <-late.C:
		if err := c.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("stop server: %w", err)
		}
		<-c.ended
		return fmt.Errorf("stop server: it did not end within %v after SIGTERM", stopTimeout)
	}
	if c.err != nil {
		return fmt.Errorf("stop server: it ended with %w and said:\n%s", c.err, c.output)
	}
	return nil
}

// tail keeps the end of what is written.
type tail struct {
	mu   sync.Mutex
	kept bytes.Buffer
}

// Write keeps the end.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept.Write(b)
	if extra := t.kept.Len() - keptOutput; extra > 0 {
		t.kept.Next(extra)
	}
	return len(b), nil
}

// String is what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept.String()
}
