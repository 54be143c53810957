package vault

import (
	"encoding/json"
	"fmt"

	"github.com/mesoncloud/meson/sdk"
)

const (
	stateVersion = 1
	// maxEpoch is the largest number that every reader of JSON keeps exact.
	maxEpoch     = 1<<53 - 1
	maxUses      = 4096
	maxSnapshots = 4096
)

// check says what is wrong with a State that was read or is about to be written.
func (s *State) check() error {
	switch {
	case s.Version != stateVersion:
		return fmt.Errorf("version %d: want %d", s.Version, stateVersion)
	case s.Format != "" && !s.Format.valid():
		return fmt.Errorf("format %q: want raw or qcow2", short(string(s.Format)))
	case s.Epoch > maxEpoch:
		return fmt.Errorf("epoch %d: want at most %d", s.Epoch, uint64(maxEpoch))
	case s.Partial > s.Epoch:
		return fmt.Errorf("partial_epoch %d: want at most the epoch, %d", s.Partial, s.Epoch)
	case len(s.EpochAt) > maxText || !printable(s.EpochAt):
		return fmt.Errorf("epoch_at: want a vault's id")
	case s.Lock != nil && (s.Lock.Holder == "" || !plain(s.Lock.Holder, s.Lock.Allocation)):
		return fmt.Errorf("lock: want a holder, as printable text of at most %d bytes", maxText)
	case s.Pending != nil && (!plain(s.Pending.Op, s.Pending.ID) || s.Pending.Op == "" || !object(s.Pending.Change)):
		return fmt.Errorf("pending: want an op, and a change that is an object")
	case s.ResizeBytes > maxGB*GiB || s.ResizeBytes%Step != 0:
		return fmt.Errorf("resize_bytes %d: want a multiple of %d", s.ResizeBytes, Step)
	}
	if err := s.Owner.check(); err != nil {
		return err
	}
	if err := s.checkUses(); err != nil {
		return err
	}
	return s.checkSnapshots()
}

func (s *State) checkUses() error {
	if len(s.Uses) > maxUses {
		return fmt.Errorf("%d attachments: want at most %d", len(s.Uses), maxUses)
	}
	seen := map[string]bool{}
	for _, u := range s.Uses {
		if err := u.check(); err != nil {
			return err
		}
		if seen[u.ID] {
			return fmt.Errorf("attachment %s stands there twice", u.ID)
		}
		if seen[u.ID] = true; u.Epoch > s.Epoch {
			return fmt.Errorf("attachment %s has epoch %d, the volume %d", u.ID, u.Epoch, s.Epoch)
		}
	}
	return nil
}

func (s *State) checkSnapshots() error {
	if len(s.Snapshots) > maxSnapshots {
		return fmt.Errorf("%d snapshots: want at most %d", len(s.Snapshots), maxSnapshots)
	}
	parent := map[string]string{}
	files := map[string]bool{}
	for _, x := range s.Snapshots {
		_, twice := parent[x.ID]
		switch {
		case !snapshotForm.MatchString(x.ID):
			return fmt.Errorf("snapshot %q: want an id of letters, digits and hyphens", short(x.ID))
		case twice:
			return fmt.Errorf("snapshot %s stands there twice", x.ID)
		case !fileForm.MatchString(x.File) || x.File == metaName || x.File == oldMetaName || files[x.File]:
			return fmt.Errorf("snapshot %s: file %q: want a name of its own in the folder", x.ID, short(x.File))
		case !x.Format.valid():
			return fmt.Errorf("snapshot %s: format %q: want raw or qcow2", x.ID, short(string(x.Format)))
		case len(x.Name) > maxNameText:
			return fmt.Errorf("snapshot %s: want a name of at most %d bytes", x.ID, maxNameText)
		}
		if err := x.Owner.check(); err != nil {
			return fmt.Errorf("snapshot %s: %w", x.ID, err)
		}
		parent[x.ID], files[x.File] = x.Parent, true
	}
	return s.checkParents(parent)
}

// checkParents follows every snapshot, and the image, down to its foot.
func (s *State) checkParents(parent map[string]string) error {
	sound := map[string]bool{"": true}
	for _, from := range append([]Snapshot{{Parent: s.Parent}}, s.Snapshots...) {
		var path []string
		for at := from.Parent; !sound[at]; at = parent[at] {
			if _, there := parent[at]; !there {
				return fmt.Errorf("snapshot %q is not there, and something stands on it", short(at))
			}
			if path = append(path, at); len(path) > len(s.Snapshots) {
				return fmt.Errorf("snapshot %s stands on itself", at)
			}
		}
		for _, at := range path {
			sound[at] = true
		}
	}
	return nil
}

func (u *Use) check() error {
	if !attachmentForm.MatchString(u.ID) {
		return fmt.Errorf("attachment %q: want at most 20 of a-z, 0-9 and -", short(u.ID))
	}
	if !u.knownKind() {
		return fmt.Errorf("attachment %s: kind %q: want file, iscsi, nbd, nfs or map", u.ID, short(u.Kind))
	}
	if !plain(append([]string{u.Holder, u.Allocation, u.IQN, u.Initiator, u.Socket, u.Host, u.Export}, u.Portals...)...) || len(u.Portals) > 16 {
		return fmt.Errorf("attachment %s: want printable texts of at most %d bytes", u.ID, maxText)
	}
	if x := u.Served; x != nil && (x.Boot == "" || x.PID <= 0 || !plain(x.Boot)) {
		return fmt.Errorf("attachment %s: served: want the process of a boot", u.ID)
	}
	if err := u.Owner.check(); err != nil {
		return fmt.Errorf("attachment %s: %w", u.ID, err)
	}
	return nil
}

func (u *Use) knownKind() bool {
	switch u.Kind {
	case "file", "iscsi", "nbd", "nfs", "map":
		return true
	}
	return false
}

// check is nil for no owner.
func (o *Owner) check() error {
	if o == nil {
		return nil
	}
	for _, v := range []string{o.Broker, o.Allocation, o.Key, o.Request} {
		if v != "" && !sdk.ValidLabel(v) {
			return fmt.Errorf("owner: %q: want at most 63 of a-z, 0-9 and -", short(v))
		}
	}
	return nil
}

func (f Format) valid() bool { return f == Raw || f == QCOW2 }

// plain reports whether texts may stand in records and messages.
func plain(texts ...string) bool {
	for _, t := range texts {
		if len(t) > maxText || !printable(t) {
			return false
		}
	}
	return true
}

// object reports whether raw is empty or a JSON object.
func object(raw json.RawMessage) bool {
	var o map[string]json.RawMessage
	return len(raw) == 0 || json.Unmarshal(raw, &o) == nil && o != nil
}
