package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// measureArg makes this program run a command and print what it took. Its own
// process is small and young: the peak memory of a child is never reported as
// less than that of the process it was forked from.
const measureArg = "measure-child"

// taken is what one run of a command took.
type taken struct {
	Wall   time.Duration
	MaxRSS int64 // KiB
}

func measureChild(args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	begun := time.Now()
	err := cmd.Run()
	t := taken{Wall: time.Since(begun)}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		t.MaxRSS = usage.Maxrss
	}
	if json.NewEncoder(os.Stdout).Encode(t) != nil {
		return 1
	}
	return 0
}

// measured runs a command from a small process.
func (b *bench) measured(ctx context.Context, args ...string) (taken, error) {
	var t taken
	out, err := b.output(ctx, append([]string{b.path("bench"), measureArg}, args...))
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(out, &t)
}
