package main

import (
	"context"
	"os"
	"time"
)

const (
	quietWait   = 2 * time.Second
	quietSample = 20 * time.Millisecond
	quietFor    = 4 // samples in a row
)

// quiet waits until nothing else runs on this machine, for a moment or until its
// patience ends: what is measured then still has to share.
func quiet(ctx context.Context) {
	row := 0
	for begun := time.Now(); row < quietFor && time.Since(begun) < quietWait && ctx.Err() == nil; time.Sleep(quietSample) {
		text, err := os.ReadFile("/proc/stat")
		if err != nil {
			return
		}
		// This process is one.
		if n := field(string(text), "procs_running "); n == "1" {
			row++
		} else {
			row = 0
		}
	}
}
