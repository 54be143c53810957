package targettest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Login is what an initiator must know.
type Login struct {
	Portal, IQN, Initiator, User, Password string
	ReadOnly                               bool
}

// Options are what QEMU calls them; the password is in a file.
func (l Login) Options(passwordFile string) (secret, blockdev string) {
	blockdev = fmt.Sprintf("driver=iscsi,transport=tcp,portal=%s,target=%s,lun=1,initiator-name=%s", l.Portal, l.IQN, l.Initiator)
	if l.User != "" {
		blockdev += ",user=" + l.User + ",password-secret=chap"
	}
	return "secret,id=chap,file=" + passwordFile, blockdev
}

// Initiator is QEMU's iSCSI client in a process of its own, qemu-storage-daemon,
// with a unix socket by which a test reads and writes as a guest would. Its queue,
// its reconnecting and its replaying are those of a machine.
type Initiator struct {
	*Disk
	cmd    *exec.Cmd
	ended  chan struct{}
	output *bytes.Buffer
}

// Connect logs in. The process is gone when the test is. An error has what the
// client said.
func Connect(tb testing.TB, l Login) (*Initiator, error) {
	tb.Helper()
	dir, err := os.MkdirTemp("", "ini")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	password, socket := filepath.Join(dir, "password"), filepath.Join(dir, "nbd")
	if err := os.WriteFile(password, []byte(l.Password), 0o600); err != nil {
		tb.Fatal(err)
	}
	secret, blockdev := l.Options(password)
	in := &Initiator{output: new(bytes.Buffer), ended: make(chan struct{})}
	readOnly, writable := "off", "on"
	if l.ReadOnly {
		readOnly, writable = "on", "off"
	}
	in.cmd = exec.Command("qemu-storage-daemon", "--object", secret,
		"--blockdev", blockdev+",node-name=lun,cache.direct=on,read-only="+readOnly,
		"--nbd-server", "addr.type=unix,addr.path="+socket,
		"--export", "type=nbd,id=e,node-name=lun,name=disk,writable="+writable)
	in.cmd.Stderr = in.output
	if err := in.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() { _ = in.cmd.Wait(); close(in.ended) }()
	tb.Cleanup(in.Kill)
	for end := time.Now().Add(30 * time.Second); ; {
		// It makes the socket first and the export when it is logged in.
		if in.Disk, err = OpenDisk(socket, "disk"); err == nil {
			return in, nil
		}
		select {
		case <-in.ended:
			return nil, fmt.Errorf("the initiator ended: %s", bytes.TrimSpace(in.output.Bytes()))
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("not connected within 30 s: %w", err)
		}
	}
}

// MustConnect is Connect that must succeed.
func MustConnect(tb testing.TB, l Login) *Initiator {
	tb.Helper()
	in, err := Connect(tb, l)
	if err != nil {
		tb.Fatal(err)
	}
	return in
}

// Freeze stops the process where it is, as a host that hangs; Thaw lets it go on.
func (i *Initiator) Freeze() { _ = i.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (i *Initiator) Thaw() { _ = i.cmd.Process.Signal(syscall.SIGCONT) }

// Kill ends the process as a power cut does.
func (i *Initiator) Kill() {
	if i.Disk != nil {
		_ = i.Close()
	}
	_ = i.cmd.Process.Kill()
	<-i.ended
}
