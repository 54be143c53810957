package target

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// Host runs the daemons of one machine. It may be used by many at once, and
// several processes may have one of the same Dir: what is done to one volume is
// done by one at a time.
type Host struct {
	dir     string
	tgtd    string
	threads int
	timeout time.Duration
	log     *slog.Logger
}

// New checks the options and makes Dir. Nothing is started.
func New(o Options) (*Host, error) {
	if faults := o.check(); len(faults) > 0 {
		return nil, sdk.InvalidFaults("run iSCSI targets", faults)
	}
	h := &Host{dir: filepath.Clean(o.Dir), tgtd: o.Tgtd, threads: o.Threads, timeout: o.PeerTimeout, log: o.Log}
	if h.threads == 0 {
		h.threads = 4
	}
	if h.timeout == 0 {
		h.timeout = time.Minute
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.tgtd == "" {
		h.tgtd = "tgtd"
		if _, err := exec.LookPath(h.tgtd); err != nil {
			h.tgtd = "/usr/sbin/tgtd"
		}
	}
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return nil, &sdk.Error{Kind: sdk.Unavailable, Op: "run iSCSI targets", Subject: h.dir, Source: sdk.SourcePlugin, Err: err}
	}
	return h, nil
}

// Ensure makes the volume's daemon run and have exactly these targets: others
// are fenced, those that exist stay as they are, sessions included. It may be
// repeated at any time and returns when initiators can log in. A portal that
// another process listens on is Conflict, with Code PortalTaken; locks that are
// held are what Volume.Locks says, Busy; wrong records are Invalid. Where the
// image is another file than is served, or has another size, the daemon is
// started again, and initiators notice a pause.
func (h *Host) Ensure(ctx context.Context, v Volume) (*Status, error) {
	return nil, sdk.Errorf(sdk.Unsupported, "not yet")
}

// PortalTaken is the Code of Ensure's Conflict where a portal is somebody else's.
const PortalTaken = "portal_taken"

// Fence ends a target: nobody is admitted any more, who was is cut off, and it
// returns when no command of its initiators is under way or can come. What is
// not there is done. A daemon that does not answer is killed; Ensure starts it
// again for those that remain. Uncertain if not even that is known to have
// worked.
func (h *Host) Fence(ctx context.Context, key, iqn string) error {
	return sdk.Errorf(sdk.Unsupported, "not yet")
}

// Stop fences every target of a volume and ends its daemon, with which its locks
// go. What does not run is done.
func (h *Host) Stop(ctx context.Context, key string) error {
	return sdk.Errorf(sdk.Unsupported, "not yet")
}

// Restart lets the initiators see the image as it is now, such as after it has
// grown: the daemon is ended and started as Ensure does, and takes over the
// locks without letting go of them. Initiators notice a pause.
func (h *Host) Restart(ctx context.Context, v Volume) (*Status, error) {
	return nil, sdk.Errorf(sdk.Unsupported, "not yet")
}

// Status is what a volume's daemon serves now; nil if none runs.
func (h *Host) Status(ctx context.Context, key string) (*Status, error) {
	return nil, sdk.Errorf(sdk.Unsupported, "not yet")
}

// List has the daemons that run below Dir, by key.
func (h *Host) List(ctx context.Context) ([]Status, error) {
	return nil, sdk.Errorf(sdk.Unsupported, "not yet")
}

// Status is what one daemon serves.
type Status struct {
	Key string
	Pid int
	// Since is when the process was started.
	Since time.Time
	// Image is the file that it was told to serve. Stale: another file has its
	// name by now, or its size has changed since.
	Image string
	Stale bool
	// Portals are what it listens on.
	Portals []string
	Targets []TargetStatus
}

// TargetStatus is one target as the daemon has it.
type TargetStatus struct {
	IQN       string
	Initiator string
	User      string
	ReadOnly  bool
	// Peers are the addresses of those that are logged in, one per session. Who
	// logged in has shown the password.
	Peers []string
}
