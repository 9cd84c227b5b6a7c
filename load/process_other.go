//go:build !linux

package load

import (
	"errors"
	"fmt"
	"time"
)

// Elsewhere than on Linux nothing is known of processes: what is counted and timed in this program is all there is.

type usage struct {
	cpu time.Duration
	rss int64
}

func usageOf(pid int) (usage, error) {
	return usage{}, fmt.Errorf("measure process %d: %w", pid, errors.ErrUnsupported)
}

func ownCPU() time.Duration     { return 0 }
func machineCPU() time.Duration { return 0 }

func pin(cpus []int, _ int) error {
	return fmt.Errorf("pin to processors %v: %w", cpus, errors.ErrUnsupported)
}

func startOn(cpus []int, start func() error) error {
	if len(cpus) > 0 {
		return fmt.Errorf("pin to processors %v: %w", cpus, errors.ErrUnsupported)
	}
	return start()
}
