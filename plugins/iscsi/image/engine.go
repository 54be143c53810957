package image

import (
	"log/slog"
	"os/exec"

	"github.com/mesoncloud/meson/sdk"
)

// Options of an Engine. The zero value is a usable one.
type Options struct {
	// QEMUImg and StorageDaemon are the programs; empty: found on PATH.
	QEMUImg, StorageDaemon string
	// MaxVirtualBytes is the largest size of a volume and of an image that is
	// imported; 0: 16 TiB.
	MaxVirtualBytes uint64
	// MergeSpeed is how many bytes in a second OpPush copies at most; 0: as many as it
	// can.
	MergeSpeed uint64
	// Log is told what is done; nil: nobody.
	Log *slog.Logger
	// Step is told every point at which a kill is interesting; tests die there.
	Step func(name string)
}

// Engine does what there is to do with images. It keeps nothing in memory: many
// of them, in many processes, may work on different volumes at once; on one
// volume the caller's lock lets in one at a time.
type Engine struct{ opt Options }

// New makes an Engine.
func New(opt Options) *Engine {
	if opt.QEMUImg == "" {
		opt.QEMUImg = "qemu-img"
	}
	if opt.StorageDaemon == "" {
		opt.StorageDaemon = "qemu-storage-daemon"
	}
	if opt.MaxVirtualBytes == 0 {
		opt.MaxVirtualBytes = 16 << 40
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Step == nil {
		opt.Step = func(string) {}
	}
	return &Engine{opt: opt}
}

// Check says, as Unsupported, which program is missing and which package has it.
func (e *Engine) Check() error {
	for _, p := range []struct{ name, pkg string }{
		{e.opt.QEMUImg, "qemu-utils"},
		{e.opt.StorageDaemon, "qemu-system-common"},
		{"prlimit", "util-linux"},
	} {
		if _, err := exec.LookPath(p.name); err != nil {
			return &sdk.Error{
				Kind: sdk.Unsupported, Op: "check tools", Subject: p.name, Text: "is not there",
				Hint: "install the package " + p.pkg, Source: sdk.SourceProvider, Err: err,
			}
		}
	}
	return nil
}

// CreateOptions of Create.
type CreateOptions struct {
	Format    Format
	SizeBytes uint64
}

// ImportOptions of Import.
type ImportOptions struct {
	Source Source
	// From is the format of what is read, as its owner states it.
	From Format
	// SHA256 of what is read, in hexadecimal; empty: not checked.
	SHA256 string
	// To is the format of the volume.
	To Format
	// SizeBytes is the size of the volume, at least the image's; 0: the image's,
	// rounded up to a multiple of RoundBytes (0: 512).
	SizeBytes, RoundBytes uint64
	// MaxReadBytes is the most that is read; 0: MaxVirtualBytes and a tenth.
	MaxReadBytes uint64
	// Progress is told how far it is, 0 to 100, and in which phase: fetch,
	// convert or check. Never concurrently. nil: nobody.
	Progress func(phase string, percent float64)
}

// CopyOptions of Copy.
type CopyOptions struct {
	// Layer is what is copied; empty: the volume as it is.
	Layer string
	// Format of the copy; empty: that of the original.
	Format Format
	// SizeBytes of the copy, at least the original's; 0: the same.
	SizeBytes uint64
	Progress  func(phase string, percent float64)
}

// ExportOptions of Export.
type ExportOptions struct {
	// Layer is what is sent; empty: the volume as it is, which nobody may have
	// open for writing.
	Layer string
	// Format of what is sent.
	Format Format
	// TempDir is where a qcow2 is built before it is sent; empty: the volume's
	// folder.
	TempDir string
	// Begin is told the length of the whole before the first byte; may be nil.
	Begin func(total uint64) error
}

// Info is what a volume is and takes.
type Info struct {
	SizeBytes uint64
	// UsedBytes is what all its files take of the filesystem; SharedBytes is the
	// part of it in files that other folders have links to as well.
	UsedBytes, SharedBytes uint64
	Depth                  int
	// Layers is what each frozen file takes, by id.
	Layers map[string]uint64
}
