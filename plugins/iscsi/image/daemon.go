package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/mesoncloud/meson/sdk"
)

// ServeOptions of Serve.
type ServeOptions struct {
	// Dir is the daemon's runtime directory, the same for a volume for ever and
	// of no other volume: its socket, pid and log files. It is made with mode
	// 0700. At most 90 bytes long, for the sockets in it, and without a comma.
	Dir string
	// ReadOnly opens the volume so that nobody can write it through the daemon.
	ReadOnly bool
	// Locks are inherited by the daemon, so that they are held as long as it
	// lives. They are not used where the daemon is already running.
	Locks []*os.File
}

// Daemon is one qemu-storage-daemon that serves one volume.
type Daemon struct {
	dir string
	at  process
}

// Process is the daemon's process.
func (d *Daemon) Process() int { return d.at.PID }

// Socket is the unix socket of its NBD server.
func (d *Daemon) Socket() string { return d.socket("nbd") }

func (d *Daemon) socket(name string) string { return filepath.Join(d.dir, name) }

// serveStart is how long a daemon may take to open its files.
const serveStart = 20 * time.Second

// Serve finds the volume's daemon or starts it: a process in a session of its
// own, which takes QEMU's own locks on the files. Busy: another process has them
// open, or the runtime directory is another volume's.
func (e *Engine) Serve(ctx context.Context, v Volume, opt ServeOptions) (*Daemon, error) {
	const op = "serve volume"
	if err := checkRuntimeDir(opt.Dir); err != nil {
		return nil, err
	}
	turn := flock.New(filepath.Join(opt.Dir, "turn"))
	if _, err := turn.TryLockContext(ctx, 5*time.Millisecond); err != nil {
		return nil, failed(op, opt.Dir, err)
	}
	defer func() { _ = turn.Unlock() }()
	d, err := e.Find(ctx, opt.Dir)
	if err != nil {
		return nil, err
	}
	if d != nil {
		err := d.await(ctx)
		if err == nil {
			err = d.serves(ctx, v)
		}
		if err == nil {
			err = failed(op, opt.Dir, d.record())
		}
		return d, err
	}
	if err := v.verify(); err != nil {
		return nil, err
	}
	if err := clean(opt.Dir); err != nil {
		return nil, failed(op, opt.Dir, err)
	}
	args, err := v.blockdevs(opt.Dir, "", opt.ReadOnly)
	if err != nil {
		return nil, failed(op, v.Dir, err)
	}
	return e.start(ctx, opt.Dir, args, opt.Locks, &syscall.SysProcAttr{Setsid: true})
}

// start starts a daemon and waits until it answers.
func (e *Engine) start(ctx context.Context, dir string, args []string, locks []*os.File, attr *syscall.SysProcAttr) (*Daemon, error) {
	const op = "start daemon"
	said, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, failed(op, dir, err)
	}
	defer said.Close()
	args = append(args,
		"--chardev", monitorArg(dir), "--monitor", "chardev=qmp",
		"--nbd-server", "addr.type=unix,max-connections=0,addr.path="+filepath.Join(dir, "nbd"))
	// No CommandContext: the daemon is to outlive the call.
	cmd := exec.Command(e.opt.StorageDaemon, args...)
	cmd.Dir, cmd.Stderr, cmd.Stdout = dir, said, said
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	cmd.ExtraFiles, cmd.SysProcAttr = locks, attr
	if err := cmd.Start(); err != nil {
		return nil, fault(sdk.Unsupported, op, dir, "%v", err)
	}
	e.opt.Step("started")
	gone := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		e.opt.Log.Debug("daemon ended", "dir", dir, "pid", cmd.Process.Pid, "error", err)
		gone <- err
	}()
	ctx, cancel := context.WithTimeout(ctx, serveStart)
	defer cancel()
	d := &Daemon{dir: dir}
	for {
		d.at, _ = lookAt(cmd.Process.Pid, dir)
		if d.at.PID != 0 && d.answers(ctx) {
			return d, failed(op, dir, d.record())
		}
		select {
		case err := <-gone:
			b, _ := os.ReadFile(filepath.Join(dir, "log"))
			return nil, toolError(op, dir, string(b), fmt.Errorf("it ended: %w", err))
		case <-ctx.Done():
			_ = cmd.Process.Kill()
			<-gone
			return nil, failed(op, dir, context.Cause(ctx))
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// await waits for the answer of a daemon that may just have been started, by a
// process that was killed since.
func (d *Daemon) await(ctx context.Context) error {
	const op = "serve volume"
	ctx, cancel := context.WithTimeout(ctx, serveStart)
	defer cancel()
	for {
		err := d.with(ctx, op, func(*qmp) error { return nil })
		if now, ok := lookAt(d.at.PID, d.dir); err == nil || !ok || now != d.at {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// answers asks once.
func (d *Daemon) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return d.with(ctx, "start daemon", func(*qmp) error { return nil }) == nil
}

// record writes which process it is, to be found quickly while it does not answer.
func (d *Daemon) record() error {
	b, err := json.Marshal(d.at)
	if err != nil {
		return err
	}
	fresh := d.socket("pid.new")
	return errors.Join(os.WriteFile(fresh, b, 0o600), os.Rename(fresh, d.socket("pid")))
}

// serves says whether the daemon has the volume's active file open.
func (d *Daemon) serves(ctx context.Context, v Volume) error {
	const op = "serve volume"
	name, err := nodeName(v.active())
	if err != nil {
		return failed(op, v.Dir, err)
	}
	var nodes map[string]bool
	err = d.with(ctx, op, func(q *qmp) error {
		nodes, err = allNodes(q)
		return err
	})
	if err != nil {
		return err
	}
	if !nodes[name] {
		return fault(sdk.Busy, op, d.dir, "its daemon serves other files than %s", v.active())
	}
	return nil
}

// temporary runs f on a daemon that opens the chain from the layer id downwards
// and dies with f, or with this process; the locks are held as long as it lives.
func (e *Engine) temporary(ctx context.Context, v Volume, id string, readOnly bool, locks []*os.File, f func(*Daemon) error) error {
	const op = "open volume"
	dir, err := os.MkdirTemp("", "meson-image-")
	if err != nil {
		return failed(op, v.Dir, err)
	}
	defer os.RemoveAll(dir)
	args, err := v.blockdevs(dir, id, readOnly)
	if err != nil {
		return failed(op, v.Dir, err)
	}
	// The signal comes when the thread that began the child ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	d, err := e.start(ctx, dir, args, locks, &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL})
	if err != nil {
		return err
	}
	err = f(d)
	stopping := context.WithoutCancel(ctx)
	if err != nil && ctx.Err() != nil {
		// There is no time to write what it holds.
		return errors.Join(err, d.Kill(stopping))
	}
	if stopped := d.Stop(stopping); err == nil {
		err = stopped
	}
	return err
}
