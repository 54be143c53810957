package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A command ends by itself after so long where it has a --timeout, and no call to a
// plugin takes longer; what has not ended a minute later hangs.
const (
	timeout = "5m"
	ends    = 6 * time.Minute
)

// ended is how one command ended.
type ended struct {
	args   []string
	out    string
	errs   string
	code   int
	failed error
}

// start runs a command that others may run beside; it may be called from any
// goroutine.
func (w *world) start(args ...string) ended {
	ctx, cancel := context.WithTimeout(context.Background(), ends)
	defer cancel()
	cmd := w.command(ctx, bounded(args)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var stuck string
	cmd.Cancel = func() error {
		stuck = w.stuck()
		return cmd.Process.Signal(syscall.SIGQUIT) // says what it is about
	}
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	e := ended{args: args, out: out.String(), errs: errs.String()}
	switch {
	case ctx.Err() != nil:
		e.failed = fmt.Errorf("it did not end within %s\n%s", ends, stuck)
	case cmd.ProcessState == nil:
		e.failed = err
	default:
		e.code = cmd.ProcessState.ExitCode()
	}
	return e
}

// bounded gives a command its --timeout, if it has one that is not set.
func bounded(args []string) []string {
	have := []string{
		"deploy", "rm", "start", "stop", "reboot", "resume", "volume create", "volume rm", "volume attach", "volume detach", "volume lock",
		"volume unlock", "volume clone", "volume revert", "volume resize", "volume convert",
	}
	name := strings.Join(args[:min(len(args), 2)], " ")
	if slices.Contains(args, "--timeout") || !slices.Contains(have, name) && !slices.Contains(have, args[0]) {
		return args
	}
	return append(slices.Clone(args), "--timeout", timeout)
}

// stuck is what a command that hangs may hang on: the storage daemons of this
// user's mappings, what they said, and whether they sleep or run in circles.
func (w *world) stuck() string {
	var text strings.Builder
	logs, _ := filepath.Glob(filepath.Join(w.home, "state", "maps", "*", "daemon.log"))
	for _, path := range logs {
		said, _ := os.ReadFile(path)
		record, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "mapping.json"))
		fmt.Fprintf(&text, "mapping %s: %s\ndaemon.log: %s\n", filepath.Base(filepath.Dir(path)), bytes.TrimSpace(record), said)
	}
	for _, pid := range w.mappers() {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		call, _ := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
		stack, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stack", pid))
		fmt.Fprintf(&text, "storage daemon %d: stat %s, syscall %s\n%s", pid, bytes.TrimSpace(stat), bytes.TrimSpace(call), stack)
	}
	return text.String()
}

// command is meson as this user.
func (w *world) command(ctx context.Context, args ...string) *exec.Cmd {
	line := append([]string{filepath.Join(w.bin, "meson")}, args...)
	if w.netns != "" {
		line = append([]string{"nsenter", "--net=/run/netns/" + w.netns}, line...)
	}
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = []string{
		"HOME=" + w.home, "MESON_STATE_DIR=" + filepath.Join(w.home, "state"), "PATH=" + os.Getenv("PATH"),
		"XDG_RUNTIME_DIR=" + w.home, "MESON_PLUGIN_PATH=" + w.bin,
	}
	return cmd
}

// meson runs a command and returns what it printed and how it ended.
func (w *world) meson(args ...string) (stdout, stderr string, code int) {
	w.t.Helper()
	e := w.start(args...)
	if e.failed != nil {
		w.t.Fatalf("meson %s: %v\n%s", strings.Join(args, " "), e.failed, e.errs)
	}
	return e.out, e.errs, e.code
}

func (w *world) must(args ...string) string {
	w.t.Helper()
	out, errs, code := w.meson(args...)
	if code != 0 {
		w.t.Fatalf("meson %s: exit %d\n%s", strings.Join(args, " "), code, errs)
	}
	return out
}
