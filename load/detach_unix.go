//go:build unix

package load

import (
	"os/exec"
	"syscall"
)

// detach puts a command into a process group of its own.
func detach(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
