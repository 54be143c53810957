package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/plugins/iscsi/proc"
)

// process is a tgtd that serves one of the directories, held by a descriptor, so
// that what is done to it is never done to another that got its number.
type process struct {
	pid   int
	since time.Time
	// inherited is how many locked files it was started with, as descriptors 3
	// and up.
	inherited int
	fd        int
}

// The environment of a daemon: where its socket is, by which it is known, and how
// many locks it holds.
const (
	envSocket = "TGT_IPC_SOCKET="
	envLocks  = "MESON_LOCKS="
)

// openProcess holds the process and then looks who it is: nil if it is not a tgtd
// that was started for dir.
func openProcess(pid int, dir string) (*process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("hold process %d: %w", pid, err)
	}
	p := &process{pid: pid, fd: fd}
	ours, err := p.look(dir)
	if ours {
		return p, nil
	}
	p.close()
	return nil, err
}

// look fills in what /proc says, and whether that is a tgtd of dir; an error where it
// may be, and hangs.
func (p *process) look(dir string) (bool, error) {
	at := filepath.Join("/proc", strconv.Itoa(p.pid))
	var st unix.Stat_t
	if !isTgtd(p.pid) || unix.Stat(at, &st) != nil || int(st.Uid) != os.Geteuid() {
		return false, nil // another user's process could bear the same name and environment
	}
	environ, err := proc.Read(at, "environ")
	if errors.Is(err, proc.ErrStuck) && proc.MayLogTo(at, filepath.Join(dir, "log")) {
		return false, fmt.Errorf("process %d may be the tgtd of %s: %w", p.pid, dir, err)
	}
	if err != nil {
		return false, nil
	}
	ours := false
	for entry := range bytes.SplitSeq(environ, []byte{0}) {
		if v, ok := strings.CutPrefix(string(entry), envSocket); ok {
			ours = v == filepath.Join(dir, "tgtd")
		}
		if v, ok := strings.CutPrefix(string(entry), envLocks); ok {
			p.inherited, _ = strconv.Atoi(v)
		}
	}
	p.since = started(at)
	return ours && p.alive(), nil
}

// started is when a process began: its 22nd field in stat, in hundredths of a
// second since the machine did.
func started(at string) time.Time {
	stat, err := os.ReadFile(filepath.Join(at, "stat"))
	if err != nil {
		return time.Time{}
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return time.Time{}
	}
	// The second field is a name in brackets, and may have blanks in it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return time.Time{}
	}
	ticks, err := strconv.ParseInt(fields[19], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Now().Add(-time.Duration(now.Nano()) + time.Duration(ticks)*10*time.Millisecond).Round(10 * time.Millisecond)
}

func (p *process) close() { _ = unix.Close(p.fd) }

// alive reports whether it still runs; a process that nobody has waited for yet
// does not.
func (p *process) alive() bool { return !p.over(0) }

// over waits until the process is gone, for that long at most.
func (p *process) over(wait time.Duration) bool {
	end := time.Now().Add(wait)
	for {
		left := max(time.Until(end), 0)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}, int(left.Milliseconds()))
		if n > 0 {
			return true
		}
		if !errors.Is(err, unix.EINTR) && time.Now().After(end) || (err != nil && !errors.Is(err, unix.EINTR)) {
			return false
		}
	}
}

// kill ends it and returns when it is gone: nothing that it had begun to write can
// land after that.
func (p *process) kill(ctx context.Context) error {
	if err := unix.PidfdSendSignal(p.fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill tgtd, process %d: %w", p.pid, err)
	}
	for range 100 {
		if p.over(100 * time.Millisecond) {
			return nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("tgtd, process %d, was killed and does not die: its storage may hang", p.pid)
}

// locks are the locked files of the daemon, shared with it: their locks last
// until both have closed them.
func (p *process) locks() ([]*os.File, error) {
	var files []*os.File
	for i := range p.inherited {
		fd, err := unix.PidfdGetfd(p.fd, 3+i, 0)
		if err != nil {
			closeAll(files)
			return nil, fmt.Errorf("share the locks of tgtd, process %d: %w", p.pid, err)
		}
		unix.CloseOnExec(fd)
		files = append(files, os.NewFile(uintptr(fd), "lock"))
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// serves counts the descriptors by which the daemon has a file open, its locks
// apart.
func (p *process) serves(file os.FileInfo) int {
	dir := filepath.Join("/proc", strconv.Itoa(p.pid), "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	n := 0
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err != nil || fd < 3+p.inherited {
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && os.SameFile(info, file) {
			n++
		}
	}
	return n
}
