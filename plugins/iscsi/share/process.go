package share

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/proc"
	"github.com/mesoncloud/meson/sdk"
)

// process is one life of a process: pids come again, a pid with its start time
// does not.
type process struct {
	PID int `json:"pid"`
	// Start is in clock ticks since the machine's own start.
	Start uint64 `json:"start"`
	// Boot is the machine's life.
	Boot string `json:"boot"`
}

// find is the server that runs with this directory's configuration, whoever
// started it; nil if none does. It is known by its arguments, of which the
// configuration's path is one.
func (s *Server) find() (*process, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if ours, err := s.ours(pid); err != nil {
			return nil, err
		} else if !ours {
			continue
		}
		p, err := identify(pid)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return p, err
	}
	return nil, nil
}

// ours reports whether a process is a server of this directory; an error where it may
// be, and hangs.
func (s *Server) ours(pid int) (bool, error) {
	at := fmt.Sprintf("/proc/%d", pid)
	// Another user's process could bear the same arguments.
	if info, err := os.Stat(at); err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		return false, nil
	}
	exe, err := os.Readlink(filepath.Join(at, "exe"))
	if err != nil || filepath.Base(strings.TrimSuffix(exe, " (deleted)")) != filepath.Base(s.opts.Binary) {
		return false, nil
	}
	line, err := proc.Read(at, "cmdline")
	if errors.Is(err, proc.ErrStuck) && proc.MayLogTo(at, s.file(complaintLog)) {
		return false, &sdk.Error{Kind: sdk.Uncertain, Op: "find NFS server", Subject: s.subject(), Text: fmt.Sprintf("process %d may be it: %v", pid, err), Err: err}
	}
	if err != nil {
		return false, nil
	}
	args := strings.Split(string(line), "\x00")
	for i := range len(args) - 1 {
		if args[i] == "-f" && args[i+1] == s.file(configFile) {
			return true, nil
		}
	}
	return false, nil
}

// identify is the life that a pid has now.
func identify(pid int) (*process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	// The name, in parentheses, may contain anything; field 22 is the start.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return nil, fmt.Errorf("/proc/%d/stat has %d fields after the name", pid, len(fields))
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return nil, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, err
	}
	return &process{PID: pid, Start: start, Boot: strings.TrimSpace(string(boot))}, nil
}

// is reports whether p still is a server of this directory.
func (s *Server) is(p process) bool {
	now, err := identify(p.PID)
	if err != nil || *now != p {
		return false
	}
	ours, err := s.ours(p.PID)
	return ours || err != nil
}

// signal sends to p and to nothing else: the handle is taken first and checked
// then. A process that is gone is no error.
func (s *Server) signal(p process, sig syscall.Signal) error {
	handle, err := os.FindProcess(p.PID)
	if err != nil {
		return nil
	}
	defer func() { _ = handle.Release() }()
	if !s.is(p) {
		return nil
	}
	if err := handle.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal NFS server: %w", err)
	}
	return nil
}

// start starts a server; exited is closed when it has ended, if that is while
// this process lives.
func (s *Server) start() (pid int, exited <-chan struct{}, err error) {
	binary, err := exec.LookPath(s.opts.Binary)
	if err != nil {
		return 0, nil, &sdk.Error{
			Kind: sdk.Unavailable, Op: "start NFS server", Subject: s.subject(), Text: s.opts.Binary + " is not installed",
			Hint: "apt-get install nfs-ganesha nfs-ganesha-vfs", Err: err,
		}
	}
	said, err := os.OpenFile(s.file(complaintLog), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, nil, err
	}
	defer said.Close()
	// It outlives its starter, and no signal to the starter's terminal reaches it.
	cmd := exec.Command(binary, "-F", "-f", s.file(configFile), "-L", s.file(logFile), "-N", "EVENT", "-p", s.file(pidFile))
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	return cmd.Process.Pid, done, nil
}

// end ends the running server, if any: by TERM, on which it tells its clients'
// state to the disk, and by KILL if that is not heard.
func (s *Server) end(ctx context.Context) error {
	running, err := s.find()
	if err != nil || running == nil {
		return err
	}
	st, err := readState(s.file("state.json"))
	if err != nil {
		return err
	}
	st.Ending = *running
	if err := st.write(s.file("state.json")); err != nil {
		return err
	}
	if err := s.signal(*running, syscall.SIGTERM); err != nil {
		return err
	}
	if s.gone(ctx, *running) {
		return nil
	}
	return s.kill(ctx, running)
}

func (s *Server) kill(ctx context.Context, p *process) error {
	if err := s.signal(*p, syscall.SIGKILL); err != nil {
		return err
	}
	if !s.gone(ctx, *p) {
		return &sdk.Error{Kind: sdk.Uncertain, Op: "end NFS server", Subject: s.subject(), Text: fmt.Sprintf("process %d does not end", p.PID)}
	}
	return nil
}

// gone waits for the end of p.
func (s *Server) gone(ctx context.Context, p process) bool {
	give := time.Now().Add(s.opts.Patience)
	for s.is(p) {
		if time.Now().After(give) || ctx.Err() != nil {
			return false
		}
		time.Sleep(5 * time.Millisecond)
	}
	return true
}
