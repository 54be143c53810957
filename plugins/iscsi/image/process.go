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

// lookAt is the process pid, if it is the daemon of a runtime directory.
func lookAt(pid int, dir string) (process, bool) {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	line, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	if err != nil {
		return process{}, false
	}
	ours := false
	for arg := range strings.SplitSeq(string(line), "\x00") {
		ours = ours || arg == monitorArg(dir)
	}
	start, err := startTime(proc)
	return process{pid, start}, ours && err == nil && own(proc)
}

// own reports whether a process is of this user: another's could bear the same
// arguments.
func own(proc string) bool {
	var st unix.Stat_t
	return unix.Stat(proc, &st) == nil && int(st.Uid) == os.Geteuid()
}

// startTime is when a process began, in ticks since the machine did; an error for
// one that is dead, also where nobody has waited for it yet.
func startTime(proc string) (uint64, error) {
	b, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return 0, err
	}
	// The name, in brackets, may have anything in it.
	at := strings.LastIndexByte(string(b), ')')
	fields := strings.Fields(string(b[at+1:]))
	if at < 0 || len(fields) < 20 {
		return 0, errors.New("not understood: " + proc + "/stat")
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return 0, os.ErrProcessDone
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// searchAll looks at every process.
func searchAll(dir string) (process, bool, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return process{}, false, err
	}
	for _, x := range entries {
		if pid, err := strconv.Atoi(x.Name()); err == nil {
			if p, ok := lookAt(pid, dir); ok {
				return p, true, nil
			}
		}
	}
	return process{}, false, nil
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
	// The pidfd holds whoever has the pid now; is that the one?
	if now, ok := lookAt(p.PID, dir); !ok || now != p {
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
