package load

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is what /proc counts processor time in, on every Linux there is.
const clockTick = 10 * time.Millisecond

// usage is what a process has used so far, and what it holds now.
type usage struct {
	cpu time.Duration
	rss int64 // bytes
}

// usageOf reads the usage of a process.
func usageOf(pid int) (usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, fmt.Errorf("measure process %d: %w", pid, err)
	}
	// The name of the program is in brackets and may hold anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 22 {
		return usage{}, fmt.Errorf("measure process %d: its stat has %d fields", pid, len(fields))
	}
	user, userErr := strconv.ParseInt(fields[11], 10, 64)
	system, systemErr := strconv.ParseInt(fields[12], 10, 64)
	pages, pagesErr := strconv.ParseInt(fields[21], 10, 64)
	if err := errors.Join(userErr, systemErr, pagesErr); err != nil {
		return usage{}, fmt.Errorf("measure process %d: %w", pid, err)
	}
	return usage{cpu: time.Duration(user+system) * clockTick, rss: pages * int64(os.Getpagesize())}, nil
}

// ownCPU is what this process has used so far.
func ownCPU() time.Duration {
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// machineCPU is what the whole machine has used so far, time stolen by a hypervisor included.
func machineCPU() time.Duration {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	fields := strings.Fields(line)
	var busy int64
	for i, f := range fields {
		// cpu user nice system idle iowait irq softirq steal; what comes then is in user already.
		if i == 0 || i == 4 || i == 5 || i > 8 {
			continue
		}
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0
		}
		busy += n
	}
	return time.Duration(busy) * clockTick
}

func cpuSet(cpus []int) *unix.CPUSet {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	return &set
}

// pin keeps all threads of this process on some processors, and has the runtime use as many at a time, plus some for threads that wait in
// system calls of their own.
func pin(cpus []int, waiting int) error {
	tasks, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		return fmt.Errorf("pin to processors: %w", err)
	}
	set := cpuSet(cpus)
	for _, task := range tasks {
		id, err := strconv.Atoi(filepath.Base(task))
		if err != nil {
			return fmt.Errorf("pin to processors: %w", err)
		}
		if err := unix.SchedSetaffinity(id, set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("pin to processors %v: %w", cpus, err)
		}
	}
	runtime.GOMAXPROCS(len(cpus) + waiting)
	return nil
}

// startOn starts a process through start on some processors: a process inherits those of the thread that makes it.
func startOn(cpus []int, start func() error) error {
	if len(cpus) == 0 {
		return start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("pin to processors: %w", err)
	}
	if err := unix.SchedSetaffinity(0, cpuSet(cpus)); err != nil {
		return fmt.Errorf("pin to processors %v: %w", cpus, err)
	}
	err := start()
	if back := unix.SchedSetaffinity(0, &before); back != nil {
		err = errors.Join(err, fmt.Errorf("pin to processors: %w", back))
	}
	return err
}
