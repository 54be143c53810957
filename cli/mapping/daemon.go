package mapping

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

	"github.com/mesoncloud/meson/core"
)

// The files of a mapping's directory, beside its record.
const (
	monitorSocket = "qmp.sock"
	nbdSocket     = "nbd.sock"
	daemonLog     = "daemon.log"
	defaultFile   = "volume"
)

// maxSocketPath is what the kernel has room for.
const maxSocketPath = 107

func (m *Mapper) socket(id string) string { return filepath.Join(m.dir(id), monitorSocket) }

// chardev is the argument that a mapping's daemon is known by.
func (m *Mapper) chardev(id string) string {
	return "socket,id=monitor,server=on,wait=off,path=" + strings.ReplaceAll(m.socket(id), ",", ",,")
}

// startDaemon starts a daemon that knows of no volume yet. It outlives this
// process, and no signal to this process's terminal reaches it.
func (m *Mapper) startDaemon(id string) (pid int, exited <-chan struct{}, err error) {
	binary, err := exec.LookPath(m.opts.StorageDaemon)
	if err != nil {
		return 0, nil, &core.Error{
			Kind: core.Unsupported, Text: m.opts.StorageDaemon + " is not installed", Err: err,
			Hint: "apt-get install qemu-system-common, with qemu-block-extra for iscsi and fuse3 for files",
		}
	}
	log, err := os.OpenFile(filepath.Join(m.dir(id), daemonLog), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, nil, err
	}
	defer log.Close()
	cmd := exec.Command(binary, "--chardev", m.chardev(id), "--monitor", "chardev=monitor")
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.Stdout, cmd.Stderr = log, log
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

// findDaemon is the pid of a mapping's daemon, whoever started it; 0 if there
// is none.
func (m *Mapper) findDaemon(id string) (int, error) {
	pids, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, dir := range pids {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && m.isDaemon(pid, id) {
			return pid, nil
		}
	}
	return 0, nil
}

func (m *Mapper) isDaemon(pid int, id string) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !bytes.Contains(line, []byte("\x00--chardev\x00"+m.chardev(id)+"\x00")) {
		return false
	}
	// Another user's process could bear the same arguments.
	info, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		return false
	}
	of, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(of.Uid) == os.Geteuid()
}

// kill ends a mapping's daemon at once, if there is one, and nothing else: the
// handle is taken first and what it is looked at then.
func (m *Mapper) kill(ctx context.Context, id string) error {
	for give := time.Now().Add(10 * time.Second); ; {
		pid, err := m.findDaemon(id)
		if err != nil || pid == 0 {
			return err
		}
		if handle, err := os.FindProcess(pid); err == nil {
			if m.isDaemon(pid, id) {
				err = handle.Kill()
			}
			_ = handle.Release()
			if err != nil && !errors.Is(err, os.ErrProcessDone) {
				return err
			}
		}
		if time.Now().After(give) || ctx.Err() != nil {
			return core.Errorf(core.Uncertain, "its storage daemon, process %d, does not end", pid)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// said is what a daemon wrote last, for people.
func (m *Mapper) said(id string) string {
	data, err := os.ReadFile(filepath.Join(m.dir(id), daemonLog))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return strings.TrimSpace(string(data[max(0, len(data)-500):]))
}
