package image

import (
	"context"
	"io"
	"os"

	"github.com/mesoncloud/meson/sdk"
)

func todo(op string) error {
	return &sdk.Error{Kind: sdk.Unsupported, Op: op, Text: "not there yet", Source: sdk.SourcePlugin}
}

func invalid(op, text string) error {
	return &sdk.Error{Kind: sdk.Invalid, Op: op, Text: text, Source: sdk.SourcePlugin}
}

// Create makes the blank active file of a new volume in dir, which exists and
// nobody sees yet: sparse raw, or qcow2 with 128 KiB clusters and extended L2.
func (e *Engine) Create(ctx context.Context, dir string, opt CreateOptions) (Layout, error) {
	return Layout{}, todo("create volume")
}

// Import makes the active file of a new volume in dir, which exists and nobody
// sees yet, from an image. The image is read once, its sha256 checked. A qcow2 is
// refused, as Invalid, if it has a backing file, a data file, encryption,
// snapshots, a feature that is not known, or an unfit size; it is then converted
// by a child without network and with bounds, and the result checked. After an
// error or a cancel nothing of it is left in dir.
func (e *Engine) Import(ctx context.Context, dir string, opt ImportOptions) (Layout, error) {
	return Layout{}, todo("import image")
}

// Clone makes in dir, which exists and nobody sees yet, a volume that holds what
// the layer id of v does, in constant time: hard links to that layer and those
// below it, and a new overlay. To clone a volume as it is, freeze it first (a
// Snapshot change, Hidden). The origin's lock must be held. Unsupported: dir is on
// another filesystem, or on one without hard links; use Copy then. sizeBytes 0 is
// the layer's size, otherwise at least that.
func (e *Engine) Clone(ctx context.Context, v Volume, id, dir string, sizeBytes uint64) (Layout, error) {
	return Layout{}, todo("clone volume")
}

// Copy makes in dir, which exists and nobody sees yet, a volume that holds what v
// or a layer of it does and shares nothing with it. Without a Layer, Busy if the
// volume is open for writing.
func (e *Engine) Copy(ctx context.Context, v Volume, dir string, opt CopyOptions) (Layout, error) {
	return Layout{}, todo("copy volume")
}

// Do makes a change, or finishes it; see the package comment. The context ends
// the work, which may then be repeated.
func (e *Engine) Do(ctx context.Context, v Volume, c Change) (Layout, error) {
	return Layout{}, todo("change volume")
}

// Plan is the next change by which the volume's files become fewer: layers that
// nobody asks for are merged or removed, and a chain of MaxDepth files or more is
// shortened. It has no ID yet. False: there is nothing to do, now. Such changes
// may take long; they belong in the background.
func (e *Engine) Plan(ctx context.Context, v Volume) (Change, bool, error) {
	return Change{}, false, todo("plan")
}

// Tidy removes what changes have left aside. No change may be recorded.
func (e *Engine) Tidy(dir string) error { return todo("tidy") }

// Info measures a volume without opening its files for writing.
func (e *Engine) Info(v Volume) (Info, error) { return Info{}, todo("info") }

// Export writes the volume, or a layer of it, to w, standing alone.
func (e *Engine) Export(ctx context.Context, v Volume, opt ExportOptions, w io.Writer) error {
	return todo("export volume")
}

// Use is how a file is open elsewhere.
type Use struct{ Open, Writing bool }

// InUse asks QEMU's own locks whether a process, this one included, has a file
// open for reading or for writing. It says nothing of programs that take no such
// locks, unless they hold what Hold gave.
func InUse(path string) (Use, error) { return Use{}, todo("probe lock") }

// Hold takes the lock by which every QEMU refuses to open the file at path for
// writing or reading, for a program that takes no locks itself, such as tgtd on a
// raw file: it inherits the *os.File and with it the lock, which dies with the
// last process that has it. Busy: another one has it, or QEMU has the file open
// for writing.
func Hold(path string) (*os.File, error) { return nil, todo("hold lock") }

// ServeOptions of Serve.
type ServeOptions struct {
	// Dir is the daemon's runtime directory, the same for a volume for ever and
	// of no other volume: its socket, pid and log files. It is made with mode
	// 0700. At most 90 bytes long, for the sockets in it.
	Dir string
	// ReadOnly opens the volume so that nobody can write it through the daemon.
	ReadOnly bool
	// Locks are inherited by the daemon, so that they are held as long as it
	// lives. They are not used where the daemon is already running.
	Locks []*os.File
}

// Serve finds the volume's daemon or starts it: a process in a session of its
// own, without network, which takes QEMU's own locks on the files. Busy: another
// process has them open.
func (e *Engine) Serve(ctx context.Context, v Volume, opt ServeOptions) (*Daemon, error) {
	return nil, todo("serve volume")
}

// Find finds the daemon of a runtime directory; nil: there is none, which is
// certain. A pid alone is never believed: the process is the one that answers on
// the socket or has the directory in its command line.
func (e *Engine) Find(ctx context.Context, dir string) (*Daemon, error) {
	return nil, todo("find daemon")
}

// Daemon is one qemu-storage-daemon that serves one volume.
type Daemon struct{}

// Process is the daemon's process.
func (d *Daemon) Process() int { return 0 }

// Socket is the unix socket of its NBD server.
func (d *Daemon) Socket() string { return "" }

// Export is a way to the bytes that a daemon offers.
type Export struct {
	// ID is the caller's, of [A-Za-z0-9-], at most 64; NBD clients ask for it as
	// the export name.
	ID string
	// Path is where a FUSE export appears, a file; empty: NBD on Socket.
	Path     string
	Writable bool
}

// Open adds an export; the same again is no change. A FUSE export makes its file
// if it is not there.
func (d *Daemon) Open(ctx context.Context, x Export) error { return todo("add export") }

// Close ends an export and drops its connections: when it returns, nobody can
// write through it any more. What is not there is done.
func (d *Daemon) Close(ctx context.Context, id string) error { return todo("remove export") }

// Exports are those that there are.
func (d *Daemon) Exports(ctx context.Context) ([]Export, error) { return nil, todo("list exports") }

// Stop ends the daemon, in order, and after a while by SIGKILL: when it returns,
// the process is gone, and with it its locks. To be called only where nothing
// writes any more.
func (d *Daemon) Stop(ctx context.Context) error { return todo("stop daemon") }

// Kill ends the daemon at once: what was acknowledged to a flush is on disk.
func (d *Daemon) Kill(ctx context.Context) error { return todo("kill daemon") }
