//go:build !unix

package load

import "os/exec"

// detach has nothing to do where a terminal does not signal all its processes.
func detach(*exec.Cmd) {}
