package upcloud

import (
	"strings"
	"time"
)

// maxDevices is how many storages a server can have.
const maxDevices = 16

// wantedDisks makes the storages of a new server, or finds those to attach.
// What it makes is in s.storages and in m.cloning, neither charged nor attached
// yet; who calls it gives that up if the server comes to nothing.
func (s *Server) wantedDisks(m *machine, wanted []deviceRequest, now time.Time) ([]*device, error) {
	var all []*device
	for _, w := range wanted {
		d, err := s.wantedDisk(m, w, now)
		if err != nil {
			return nil, err
		}
		for _, v := range all {
			if v.storage == d.uuid {
				return nil, conflict("STORAGE_ATTACHED_AS_DISK", "The storage %s is there more than once.", d.uuid)
			}
		}
		if w.Action != "attach" {
			// The plan brings its storage: the first disk, if it is no larger.
			d.partOfPlan = len(m.cloning) == 0 && d.gib <= m.plan.GiB && d.tier == m.plan.Tier
			s.storages[d.uuid] = d
			m.cloning = append(m.cloning, d.uuid)
		}
		v := &device{kind: or(w.Type, "disk"), boot: "0", storage: d.uuid}
		if v.address, err = freeAddress(all, or(w.Address, "virtio")); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func (s *Server) wantedDisk(m *machine, w deviceRequest, now time.Time) (*storage, error) {
	tier := or(w.Tier, or(m.plan.Tier, tierMaxIOPS))
	switch w.Action {
	case "create":
		if err := checkSize(int(w.Size)); err != nil {
			return nil, err
		}
		return s.newDisk(m.zone.ID, w.Title, tier, int(w.Size), w, now)
	case "clone":
		from, err := s.needStorage(w.Storage)
		if err != nil {
			return nil, err
		}
		gib := max(int(w.Size), from.gib)
		switch {
		case !from.public && from.zone != m.zone.ID:
			return nil, conflict("ZONE_MISMATCH", "The storage %s is in the zone %s, not in %s.", from.uuid, from.zone, m.zone.ID)
		case from.kind == kindTemplate && from.templateType == templateCloudInit && !m.metadata:
			return nil, conflict("METADATA_DISABLED_ON_CLOUD-INIT", "Metadata must be enabled when cloning a cloud-init template.")
		case w.Size != 0 && int(w.Size) < from.gib:
			return nil, bad("SIZE_INVALID", "The size %d is smaller than the %d GiB of the storage to clone.", w.Size, from.gib)
		case from.state != stateOnline:
			return nil, from.idle()
		}
		if err := checkSize(max(gib, minGiB)); err != nil {
			return nil, err
		}
		d, err := s.newDisk(m.zone.ID, w.Title, tier, max(gib, minGiB), w, now)
		if err == nil {
			d.state = stateMaintenance
			d.labels = append(from.inherited(), d.labels...)
		}
		return d, err
	case "attach":
		d, err := s.needStorage(w.Storage)
		if err != nil {
			return nil, err
		}
		return d, s.attachable(d, m, or(w.Type, "disk"))
	case "":
		return nil, bad("ACTION_MISSING", "The required attribute action is missing from the storage device.")
	}
	return nil, bad("ACTION_INVALID", "The action %.40q of the storage device is invalid.", w.Action)
}

// newDisk is a storage that is online and not yet in the cloud.
func (s *Server) newDisk(zone, title, tier string, gib int, w deviceRequest, now time.Time) (*storage, error) {
	switch {
	case title == "":
		return nil, bad("STORAGE_TITLE_MISSING", "The required attribute title is missing from the storage.")
	case len(title) > maxText:
		return nil, bad("STORAGE_TITLE_INVALID", "The title is longer than %d characters.", maxText)
	case tier != tierMaxIOPS && tier != tierHDD && tier != tierStandard:
		return nil, bad("TIER_INVALID", "The tier %.40q is invalid.", tier)
	case !w.Encrypted.is("", "yes", "no"):
		return nil, bad("ENCRYPTED_INVALID", "The attribute encrypted has an invalid value.")
	}
	if err := checkLabels(w.Labels); err != nil {
		return nil, err
	}
	if err := w.BackupRule.check(); err != nil {
		return nil, err
	}
	return &storage{
		uuid: s.identity.uuid(idStorage), title: title, zone: zone, kind: kindNormal, tier: tier, gib: gib, state: stateOnline,
		encrypted: w.Encrypted == "yes", created: now, rule: w.BackupRule, labels: w.Labels,
	}, nil
}

const (
	minGiB = 10
	maxGiB = 4096
)

func checkSize(gib int) error {
	if gib == 0 {
		return bad("SIZE_MISSING", "The required attribute size is missing from the storage.")
	}
	if gib < minGiB || gib > maxGiB {
		return bad("SIZE_INVALID", "The size must be between %d and %d GiB.", minGiB, maxGiB)
	}
	return nil
}

// freeAddress is the slot that was asked for, or the next of that bus.
func freeAddress(all []*device, wanted string) (string, error) {
	bus, slot, exact := strings.Cut(wanted, ":")
	if bus != "virtio" && bus != "scsi" && bus != "ide" {
		return "", bad("ADDRESS_INVALID", "The address %.40q is invalid.", wanted)
	}
	used := map[string]bool{}
	for _, v := range all {
		used[v.address] = true
	}
	if exact && slot != "" {
		if used[wanted] {
			return "", conflict("DEVICE_ADDRESS_IN_USE", "The address %.40s is already in use.", wanted)
		}
		if len(slot) > 4 || strings.Trim(slot, "0123456789:") != "" {
			return "", bad("ADDRESS_INVALID", "The address %.40q is invalid.", wanted)
		}
		return wanted, nil
	}
	for i := range maxDevices {
		next := bus + ":" + decimal(i)
		if bus != "virtio" {
			next = bus + ":0:" + decimal(i)
		}
		if !used[next] {
			return next, nil
		}
	}
	return "", conflict("STORAGE_DEVICE_LIMIT_REACHED", "A server can have %d storage devices at most.", maxDevices)
}
