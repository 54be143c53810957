package image

import (
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
	"github.com/mesoncloud/meson/sdk"
)

// process is a process that was looked at: the pid alone may be another one's
// tomorrow.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"`
}

// monitorArg stands in the command line of a daemon and of nobody else.
func monitorArg(dir string) string {
	return "socket,id=qmp,server=on,wait=off,path=" + filepath.Join(dir, "qmp")
}

// lookAt is the process pid, if it is the daemon of a runtime directory and can be
// asked.
func lookAt(pid int, dir string) (process, bool) {
	p, ok, err := look("/proc", pid, dir)
	return p, ok && err == nil
}

// look is the process pid of a /proc, if it is the daemon of a runtime directory; an
// error where it may be, and hangs.
func look(root string, pid int, dir string) (process, bool, error) {
	at := filepath.Join(root, strconv.Itoa(pid))
	line, err := proc.Read(at, "cmdline")
	if errors.Is(err, proc.ErrStuck) && proc.MayLogTo(at, filepath.Join(dir, "log")) {
		return process{}, false, &sdk.Error{
			Kind: sdk.Uncertain, Subject: dir, Source: sdk.SourceProvider, Text: fmt.Sprintf("process %d may be the daemon: %v", pid, err), Err: err,
		}
	}
	if err != nil {
		return process{}, false, nil
	}
	ours := false
	for arg := range strings.SplitSeq(string(line), "\x00") {
		ours = ours || arg == monitorArg(dir)
	}
	start, err := startTime(at)
	return process{pid, start}, ours && err == nil && own(at), nil
}

// own reports whether a process is of this user: another user's could bear the same
// arguments.
func own(at string) bool {
	var st unix.Stat_t
	return unix.Stat(at, &st) == nil && int(st.Uid) == os.Geteuid()
}

// startTime is when a process began, in ticks since the machine did; an error for
// one that is dead, also where nobody has waited for it yet.
func startTime(at string) (uint64, error) {
	b, err := os.ReadFile(filepath.Join(at, "stat"))
	if err != nil {
		return 0, err
	}
	// The name, in brackets, may have anything in it.
	end := strings.LastIndexByte(string(b), ')')
	fields := strings.Fields(string(b[end+1:]))
	if end < 0 || len(fields) < 20 {
		return 0, errors.New("not understood: " + at + "/stat")
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return 0, os.ErrProcessDone
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// searchAll looks at every process.
func searchAll(dir string) (process, bool, error) { return search("/proc", dir) }

// search looks at every process of a /proc that has the name of a storage daemon, and
// at no other: what hangs is not waited for, unless it may be the one. Then that is
// unknown, which is an error.
func search(root, dir string) (process, bool, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return process{}, false, err
	}
	var unknown []error
	for _, x := range entries {
		pid, err := strconv.Atoi(x.Name())
		if err != nil || !isStorageDaemon(filepath.Join(root, x.Name())) {
			continue
		}
		p, ok, err := look(root, pid, dir)
		if ok {
			return p, true, nil
		}
		unknown = append(unknown, err)
	}
	return process{}, false, errors.Join(unknown...)
}

// isStorageDaemon goes by the program's name, of which the kernel keeps 15 characters;
// wrappers of it begin theirs with a dot.
func isStorageDaemon(at string) bool {
	name, err := os.ReadFile(filepath.Join(at, "comm"))
	return err == nil && strings.Contains(string(name), "qemu-storage-")
}

// end sends a signal to a process, if it still is that one, and waits for its end.
func (p process) end(ctx context.Context, dir string, sig unix.Signal, wait time.Duration) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// The pidfd holds whoever has the pid now; is that the one? Of one that hangs the
	// start says it: it was looked at before.
	now, ok, err := look("/proc", p.PID, dir)
	if err != nil {
		now.PID = p.PID
		now.Start, err = startTime(filepath.Join("/proc", strconv.Itoa(p.PID)))
		ok = err == nil
	}
	if !ok || now != p {
		return nil
	}
	if sig != 0 {
		if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	for until := time.Now().Add(wait); ; {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(polled, 20)
		switch {
		case n > 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case time.Now().After(until):
			return errStillThere
		}
	}
}

var errStillThere = &sdk.Error{Kind: sdk.Unavailable, Text: "the process is still there", Source: sdk.SourceProvider}

// socket paths are short: the kernel has 108 bytes for them.
const maxDir = 90

func checkRuntimeDir(dir string) error {
	const op = "open runtime directory"
	if !filepath.IsAbs(dir) || len(dir) > maxDir || strings.ContainsAny(dir, ",\x00\n") {
		return invalid(op, fmt.Sprintf("%q: want an absolute path of at most %d bytes without a comma", dir, maxDir))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return failed(op, dir, err)
	}
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return failed(op, dir, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Mode&0o077 != 0 || int(st.Uid) != os.Geteuid() {
		return &sdk.Error{
			Kind: sdk.Denied, Op: op, Subject: dir, Source: sdk.SourceProvider,
			Text: "others can reach it", Hint: "it must be a directory of mode 0700 of the user who runs the vault",
		}
	}
	return nil
}
