package target

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"

	"github.com/mesoncloud/meson/sdk"
)

// Volume is what one daemon serves, as the caller has it on record.
type Volume struct {
	// Key names the daemon on this machine: 1 to 40 of [A-Za-z0-9_-]. One volume
	// at two places of a machine has two keys.
	Key string
	// Serial is what initiators see as the disk's serial number, at most 36
	// printable bytes; Key, cut off, if empty.
	Serial string
	// Image is the file whose bytes are served as they are: raw, or one that
	// shows another format as raw. Its size is a multiple of 512.
	Image string
	// NoUnmap says that what is unmapped of the image need not read as zeros, though
	// who punches a hole in it is told that all is well: so it is with QEMU's FUSE
	// exports of qcow2. Targets then offer no thin provisioning, and who wants zeros
	// has them written.
	NoUnmap bool
	// Portals are what is listened on, 1 to 8 of address:port.
	Portals []string
	// Targets are all that there must be, one per attachment.
	Targets []Target
	// Locks is called when a daemon must be started, and gives the files, one at
	// least, that it inherits, so that their locks last as long as it does; see
	// LockFile. It closes what it has opened if it fails; what it returns is closed
	// here. Nil: nothing is inherited. A daemon that holds locks where none are
	// wanted, or none where some are, is started anew.
	Locks func(context.Context) ([]*os.File, error)
}

// Target is one attachment's way to the volume.
type Target struct {
	// IQN is its name, see Name; never used again after Fence.
	IQN string
	// Initiator is the only name that is admitted.
	Initiator string
	// User and Password are for CHAP: initiators without are refused. See
	// NewPassword.
	User     string
	Password sdk.Secret
	// ReadOnly refuses writes. It does not change while the target exists.
	ReadOnly bool
}

// LUN is the volume's logical unit in each of its targets.
const LUN = 1

const (
	maxKey     = 40
	maxSerial  = 36
	maxPortals = 8
	maxTargets = 256
)

var (
	keyForm    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)
	serialForm = regexp.MustCompile(`^[A-Za-z0-9._-]{0,36}$`)
	// tgt takes letters, digits and these three in names of targets; RFC 7143
	// has names in lower case, of at most 223 bytes.
	iqnForm  = regexp.MustCompile(`^(iqn\.[0-9]{4}-[0-9]{2}\.[a-z0-9.-]+(:[a-z0-9.:-]+)?|eui\.[0-9A-Fa-f]{16}|naa\.[0-9A-Fa-f]{16,32})$`)
	userForm = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)
	passForm = regexp.MustCompile(`^[A-Za-z0-9]{12,64}$`)
)

// check returns all faults of the volume, passwords not shown.
func (v *Volume) check() []sdk.Fault {
	var faults []sdk.Fault
	fault := func(path, have, want string) { faults = append(faults, sdk.Fault{Path: path, Have: have, Want: want}) }
	if !keyForm.MatchString(v.Key) {
		fault("key", v.Key, "1 to 40 of A-Z a-z 0-9 _ -")
	}
	if !serialForm.MatchString(v.Serial) {
		fault("serial", v.Serial, "at most 36 of A-Z a-z 0-9 . _ -")
	}
	if !filepath.IsAbs(v.Image) {
		fault("image", v.Image, "an absolute path")
	}
	if len(v.Portals) == 0 || len(v.Portals) > maxPortals {
		fault("portals", fmt.Sprint(len(v.Portals)), "1 to 8 of address:port")
	}
	for i, p := range v.Portals {
		if at, err := netip.ParseAddrPort(p); err != nil || at.Port() == 0 || at.Addr().Zone() != "" || at.String() != p {
			fault(fmt.Sprintf("portals[%d]", i), p, "address:port, such as 10.0.0.7:3260 or [fd00::7]:3260")
		}
	}
	if len(v.Targets) > maxTargets {
		fault("targets", fmt.Sprint(len(v.Targets)), fmt.Sprintf("at most %d", maxTargets))
	}
	names, users := map[string]bool{}, map[string]bool{}
	for i, t := range v.Targets {
		at := fmt.Sprintf("targets[%d].", i)
		if !iqnForm.MatchString(t.IQN) || len(t.IQN) > maxIQN || names[t.IQN] {
			fault(at+"iqn", t.IQN, "a name such as iqn.2026-01.dev.example:vol1.7.a1, once")
		}
		if !iqnForm.MatchString(t.Initiator) || len(t.Initiator) > maxIQN {
			fault(at+"initiator", t.Initiator, "the initiator's name, such as iqn.2026-01.dev.example:host1")
		}
		if !userForm.MatchString(t.User) || users[t.User] {
			fault(at+"user", t.User, "1 to 64 of A-Z a-z 0-9 . _ : -, once")
		}
		if !passForm.MatchString(t.Password.Reveal()) {
			fault(at+"password", "", "12 to 64 letters and digits")
		}
		names[t.IQN], users[t.User] = true, true
	}
	return faults
}
