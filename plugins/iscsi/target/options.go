package target

import (
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// Options say how the daemons of one machine are run.
type Options struct {
	// Dir has a directory per volume for its sockets and logs, mode 0700. It may
	// be empty after a restart of the machine, like /run. At most 56 bytes,
	// because the name of a socket has 107.
	Dir string
	// Tgtd is the program; "tgtd" on PATH if empty, /usr/sbin included.
	Tgtd string
	// Threads do one target's input and output; 4 if zero.
	Threads int
	// PeerTimeout is after how long an initiator that does not answer is no
	// longer counted as connected; one minute if zero. It may connect again.
	PeerTimeout time.Duration
	// Log is told what was started, repaired and fenced; none if nil.
	Log *slog.Logger
}

// A socket is Dir/KEY/tgtd.0, KEY has at most 40 bytes, and sun_path 107.
const maxDir = 107 - len("/tgtd.0") - 1 - maxKey - len(".new")

// check returns all faults of the options.
func (o *Options) check() []sdk.Fault {
	var faults []sdk.Fault
	switch {
	case !filepath.IsAbs(o.Dir):
		faults = append(faults, sdk.Fault{Path: "dir", Have: o.Dir, Want: "an absolute path"})
	case len(o.Dir) > maxDir:
		faults = append(faults, sdk.Fault{Path: "dir", Have: o.Dir, Want: "a shorter path: sockets below it must have at most 107 bytes"})
	case strings.ContainsAny(o.Dir, ",\n\x00"):
		faults = append(faults, sdk.Fault{Path: "dir", Have: o.Dir, Want: "a path without commas and line ends"})
	}
	if o.Threads < 0 || o.Threads > 64 {
		faults = append(faults, sdk.Fault{Path: "threads", Want: "from 1 to 64, or 0 for the default"})
	}
	if o.PeerTimeout < 0 || (o.PeerTimeout > 0 && o.PeerTimeout < 2*time.Second) {
		faults = append(faults, sdk.Fault{Path: "peer_timeout", Have: o.PeerTimeout.String(), Want: "2s or more, or 0 for the default"})
	}
	return faults
}
