package mapping

import (
	"log/slog"
	"path/filepath"
	"time"

	"github.com/mesoncloud/meson/core"
)

// Options say where mappings are recorded.
type Options struct {
	// Dir is absolute and made with mode 0700; it is best on a filesystem of this
	// machine. Its path is short: that of a socket below it has at most 107 bytes.
	Dir string
	// StorageDaemon is qemu-storage-daemon; empty means that name, in PATH.
	StorageDaemon string
	Log           *slog.Logger
}

// Mapper makes, finds and ends mappings. It is safe for concurrent use, by any
// number of processes.
type Mapper struct{ opts Options }

// Open checks the options. It starts nothing and touches no file.
func Open(opts Options) (*Mapper, error) {
	if !filepath.IsAbs(opts.Dir) {
		return nil, &core.Error{Kind: core.Invalid, Op: "open mappings", Subject: opts.Dir, Text: "want an absolute path"}
	}
	if opts.StorageDaemon == "" {
		opts.StorageDaemon = "qemu-storage-daemon"
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Mapper{opts: opts}, nil
}

// As is what a volume becomes.
type As string

// The forms of a mapping.
const (
	// AsFile is a file of the volume's size, by FUSE. With root rights, losetup
	// makes it a block device where the kernel has loop devices.
	AsFile As = "file"
	// AsNBD is a unix socket that speaks NBD, for tools that do.
	AsNBD As = "nbd"
)

// Request is for one mapping.
type Request struct {
	// ID is the attachment's, [a-z0-9-]{1,20}; mappings are found by it.
	ID string
	// Name and VolumeID are recorded for List.
	Name     string
	VolumeID string
	// Connection is of kind file, iscsi or nbd.
	Connection core.Connection
	// As is AsFile where it is empty.
	As As
	// File is where the file appears: a path that is not there, in a directory that
	// is. Empty: below Options.Dir.
	File string
}

// State is what has become of a mapping.
type State string

// The states of a mapping.
const (
	// Active mappings can be read and, unless they are read-only, written.
	Active State = "active"
	// Dead mappings have lost their daemon, or what it showed: what was written and
	// not yet synced is lost. Unmap clears them away.
	Dead State = "dead"
)

// Mapping is what Map has made. It holds no secrets.
type Mapping struct {
	ID       string              `json:"id"`
	Name     string              `json:"name,omitempty"`
	VolumeID string              `json:"vid,omitempty"`
	Kind     core.ConnectionKind `json:"kind"`
	As       As                  `json:"as"`
	// File is set for AsFile, URI for AsNBD.
	File      string `json:"file,omitempty"`
	URI       string `json:"uri,omitempty"`
	ReadOnly  bool   `json:"read_only,omitempty"`
	SizeBytes uint64 `json:"size_bytes,omitempty"`
	// Since is when it was asked for.
	Since time.Time `json:"since"`
	State State     `json:"state"`
	// PID is the daemon's; 0 where there is none.
	PID int `json:"pid,omitempty"`
}

// BusyError is why a mapping is not ended: somebody has it open. It is the cause
// of an Error of kind Busy.
type BusyError struct {
	// Holders are processes, such as "dd (4711)", as far as this user may see them.
	Holders []string
}

func (e *BusyError) Error() string { return "it is open" + by(e.Holders) }

func (m *Mapper) dir(id string) string { return filepath.Join(m.opts.Dir, id) }
