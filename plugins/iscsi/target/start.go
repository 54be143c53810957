package target

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	// startPatience is how long a daemon may take until it answers.
	startPatience = 15 * time.Second
	// logMax is how much of a daemon's words is kept.
	logMax = 256 << 10
)

// start runs a daemon in a session of its own, which inherits locks and outlives
// this process. It serves nobody yet and listens on no portal that was asked for:
// one that is half set up must not answer initiators, who would take a refusal
// for the last word.
func (h *Host) start(ctx context.Context, dir string, locks []*os.File) (*process, error) {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	ping := max(int(h.timeout/(4*time.Second)), 1)
	// Without a portal tgtd listens on all addresses.
	cmd := exec.Command(h.tgtd, "-f", "-t", strconv.Itoa(h.threads),
		"--iscsi", fmt.Sprintf("portal=127.0.0.1:0,nop_interval=%d,nop_count=3", ping))
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", envSocket + filepath.Join(dir, "tgtd"), envLocks + strconv.Itoa(len(locks))}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = locks
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", h.tgtd, err)
	}
	ended := make(chan error, 1)
	// It is waited for as long as this process is there.
	go func() { ended <- cmd.Wait() }()

	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	c := h.control(dir)
	for {
		if _, err := c.portals(ctx); err == nil {
			p, err := openProcess(cmd.Process.Pid, dir)
			if err == nil && p == nil {
				err = errors.New("tgtd ended as soon as it had started")
			}
			if err != nil {
				_ = cmd.Process.Kill()
			}
			return p, err
		}
		select {
		case err := <-ended:
			return nil, fmt.Errorf("%s ended at once: %w; it said: %s", h.tgtd, err, lastWords(dir))
		case <-ctx.Done():
			_ = cmd.Process.Kill()
			return nil, fmt.Errorf("tgtd did not answer in time: %w; it said: %s", ctx.Err(), lastWords(dir))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (h *Host) control(dir string) *control {
	return &control{path: filepath.Join(dir, "tgtd.0"), patience: h.answer}
}

// lastWords are the end of a daemon's log.
func lastWords(dir string) string {
	data, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-500):])
}

// trimLog keeps a daemon's log from growing: what an initiator does makes lines.
func trimLog(dir string) {
	path := filepath.Join(dir, "log")
	if info, err := os.Stat(path); err == nil && info.Size() > logMax {
		_ = os.Truncate(path, 0)
	}
}
