package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

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

// blockdevs are the arguments that open the chain from the layer id (empty: the
// active file) downwards, for a daemon of a runtime directory.
func (v Volume) blockdevs(dir, id string, readOnly bool) ([]string, error) {
	type file struct {
		path   string
		format Format
	}
	chain, below := []file{{v.active(), v.Layout.Format}}, v.Layout.Below(v.Layout.Parent)
	if id != "" {
		chain, below = nil, v.Layout.Below(id)
	}
	for _, x := range below {
		chain = append(chain, file{v.path(x.ID), x.Format})
	}
	var out []string
	backing := ""
	for i := len(chain) - 1; i >= 0; i-- {
		name, err := alias(dir, chain[i].path)
		if err != nil {
			return nil, err
		}
		n := layerNode(dir, name, chain[i].format, readOnly || i > 0)
		if backing != "" {
			n["backing"] = backing
		}
		out = append(out, "--blockdev", n.json())
		backing = name
	}
	return out, nil
}

// alias lets a daemon open a file by its inode: QEMU opens files again by the name
// that it knows them by, when it begins or ends to write to them, and files here
// change names. The alias, in the daemon's runtime directory, points to the file
// under its present name, and is also the name of the node.
func alias(dir, path string) (string, error) {
	name, err := nodeName(path)
	if err != nil {
		return "", err
	}
	link := filepath.Join(dir, name)
	if to, err := os.Readlink(link); err == nil && to == path {
		return name, nil
	}
	fresh := link + ".new"
	_ = os.Remove(fresh)
	return name, errors.Join(os.Symlink(path, fresh), os.Rename(fresh, link))
}

// layerNode is the node of a file by its alias.
func layerNode(dir, name string, format Format, readOnly bool) node {
	n := fileNode(dir, name, format, readOnly)
	n["node-name"] = name
	n["file"].(node)["node-name"] = fileNodeName(name)
	return n
}

func fileNodeName(name string) string { return "f" + name }

// aliases brings the aliases of all files of a volume up to date.
func (d *Daemon) aliases(v Volume) error {
	for _, id := range append([]string{""}, ids(v.Layout.Layers)...) {
		if _, err := alias(d.dir, v.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func nodeName(path string) (string, error) {
	st, err := stat(path)
	return fmt.Sprintf("l%d", st.Ino), err
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

// Find finds the daemon of a runtime directory; nil: there is none, which is
// certain. A pid alone is never believed: the process is the one that listens on
// the socket, or the one recorded with the same start, and has the directory in
// its command line.
func (e *Engine) Find(ctx context.Context, dir string) (*Daemon, error) {
	const op = "find daemon"
	if q, err := dialQMP(ctx, filepath.Join(dir, "qmp")); err == nil {
		pid, err := q.peer()
		q.close()
		if err != nil {
			return nil, failed(op, dir, err)
		}
		if p, ok := lookAt(pid, dir); ok {
			return &Daemon{dir, p}, nil
		}
	} else if ctx.Err() != nil {
		return nil, failed(op, dir, context.Cause(ctx))
	}
	if b, err := os.ReadFile(filepath.Join(dir, "pid")); err == nil {
		var was process
		if json.Unmarshal(b, &was) == nil {
			if p, ok := lookAt(was.PID, dir); ok && p == was {
				return &Daemon{dir, p}, nil
			}
		}
	}
	p, ok, err := searchAll(dir)
	if err != nil || !ok {
		return nil, failed(op, dir, err)
	}
	return &Daemon{dir, p}, nil
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

// allNodes are the names of the daemon's nodes.
func allNodes(q *qmp) (map[string]bool, error) {
	var all []struct {
		Name string `json:"node-name"`
	}
	if err := q.do("query-named-block-nodes", map[string]any{"flat": true}, &all); err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, n := range all {
		out[n.Name] = true
	}
	return out, nil
}

// temporary runs f on a daemon that opens the chain from the layer id downwards
// and dies with f, or with this process.
func (e *Engine) temporary(ctx context.Context, v Volume, id string, readOnly bool, f func(*Daemon) error) error {
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
	d, err := e.start(ctx, dir, args, nil, &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL})
	if err != nil {
		return err
	}
	err = f(d)
	if stopped := d.Stop(context.WithoutCancel(ctx)); err == nil {
		err = stopped
	}
	return err
}

// stopPatience is how long a daemon may take to write what it holds.
const stopPatience = 15 * time.Second

// Stop ends the daemon, in order, and after a while by SIGKILL: when it returns,
// the process is gone, and with it its locks. To be called only where nothing
// writes any more.
func (d *Daemon) Stop(ctx context.Context) error {
	const op = "stop daemon"
	asking, cancel := context.WithTimeout(ctx, stopPatience)
	err := d.with(asking, op, func(q *qmp) error { return q.do("quit", nil, nil) })
	cancel()
	if err == nil {
		err = d.at.end(ctx, d.dir, 0, stopPatience)
		if err == nil {
			return failed(op, d.dir, clean(d.dir))
		}
	}
	if ctx.Err() != nil {
		return failed(op, d.dir, context.Cause(ctx))
	}
	return d.Kill(ctx)
}

// Kill ends the daemon at once: what was acknowledged to a flush is on disk.
func (d *Daemon) Kill(ctx context.Context) error {
	if err := d.at.end(ctx, d.dir, unix.SIGKILL, stopPatience); err != nil {
		return failed("kill daemon", d.dir, err)
	}
	return failed("kill daemon", d.dir, clean(d.dir))
}
