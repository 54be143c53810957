// Package killer ends its own process, as kill -9 does, at a step that a test
// chose. It is linked into the test's builds of meson and its plugin alone.
package killer

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Killer counts steps and acts at one of them.
type Killer struct {
	dir string
	mu  sync.Mutex
	n   int
}

// New reads its orders from a directory:
//
//   - NAME.kill holds the number of the step to die at, and is removed first, so
//     that the next process lives;
//   - NAME.run, if it is there too, is a command to run at that step instead of
//     dying;
//   - NAME.steps gets the name of each step.
func New(dir, name string) *Killer {
	return &Killer{dir: filepath.Join(dir, name)}
}

// Step counts one, and acts if its number is the one.
func (k *Killer) Step(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.n++
	if f, err := os.OpenFile(k.dir+".steps", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
		_, _ = f.WriteString(name + "\n")
		_ = f.Close()
	}
	text, err := os.ReadFile(k.dir + ".kill")
	if err != nil {
		return
	}
	if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || n != k.n {
		return
	}
	if os.Remove(k.dir+".kill") != nil {
		return
	}
	if script, err := os.ReadFile(k.dir + ".run"); err == nil {
		cmd := exec.Command("/bin/bash", "-c", string(script)) // without a context: it must outlive the step
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		_ = cmd.Run()
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
