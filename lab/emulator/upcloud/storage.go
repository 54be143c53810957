package upcloud

import (
	"strings"
	"time"
)

// The kinds, states and tiers of storages.
const (
	kindNormal   = "normal"
	kindBackup   = "backup"
	kindTemplate = "template"
	kindCDROM    = "cdrom"

	stateOnline      = "online"
	stateMaintenance = "maintenance"
	stateCloning     = "cloning"
	stateBackuping   = "backuping"

	tierMaxIOPS  = "maxiops"
	tierHDD      = "hdd"
	tierStandard = "standard"

	templateCloudInit = "cloud-init"
	templateNative    = "native"
)

// storage is a disk, a backup of one, a template or an installation CD.
type storage struct {
	uuid, title  string
	zone         string // none where public
	kind, tier   string
	templateType string
	origin       string // of a backup: the storage it is of
	gib          int
	state        string
	public       bool
	encrypted    bool
	partOfPlan   bool
	created      time.Time
	labels       []label
	rule         *backupRule
	server       string // that it is attached to
	// generation changes with every operation, so that what an older one had
	// planned does not happen.
	generation int
	began      time.Time // of the operation that runs, and how long it takes
	takes      time.Duration
}

// backupRule is when a storage is backed up by itself; nothing does so here.
type backupRule struct {
	Interval  string `json:"interval,omitempty"`
	Retention string `json:"retention,omitempty"`
	Time      string `json:"time,omitempty"`
}

// busy has the storage be in the state for so long, then online; done is
// called at that time.
func (s *Server) busy(d *storage, state string, now time.Time, takes time.Duration, done func(at time.Time)) {
	takes = s.delay(takes)
	d.generation++
	d.state, d.began, d.takes = state, now, takes
	generation := d.generation
	s.agenda.plan(now.Add(takes), func(at time.Time) {
		if s.storages[d.uuid] != d || d.generation != generation {
			return
		}
		d.state = stateOnline
		if done != nil {
			done(at)
		}
	})
}

// delay is how long something takes on this clock.
func (s *Server) delay(d time.Duration) time.Duration {
	if s.clock.immediate() {
		return 0
	}
	return d
}

// progress is the percentage of the operation that runs, 99 at most.
func (d *storage) progress(now time.Time) int {
	if d.takes <= 0 {
		return 0
	}
	return int(min(99, max(0, now.Sub(d.began)*100/d.takes)))
}

// charge begins what the storage costs; nothing if it is part of a plan.
func (s *Server) charge(d *storage, at time.Time) {
	z, _ := s.zone(d.zone)
	if d.partOfPlan || d.public {
		s.meter.bill(d.uuid, at)
		return
	}
	s.meter.bill(d.uuid, at, Charge{Item: d.item(), Zone: d.zone, Title: d.title, rate: itemRate(z, d.item()) * rate(d.gib)})
}

// item is its entry in the price list.
func (d *storage) item() string {
	switch d.kind {
	case kindBackup, kindTemplate:
		return "storage_" + d.kind
	}
	return "storage_" + d.tier
}

// needStorage is the storage of a request.
func (s *Server) needStorage(uuid string) (*storage, error) {
	if !isUUID(uuid) {
		return nil, bad("STORAGE_INVALID", "The storage UUID is invalid.")
	}
	d := s.storages[uuid]
	if d == nil {
		return nil, fail(404, "STORAGE_NOT_FOUND", "The storage %s does not exist.", uuid)
	}
	return d, nil
}

// ownStorage is needStorage for what changes it.
func (s *Server) ownStorage(uuid string) (*storage, error) {
	d, err := s.needStorage(uuid)
	if err == nil && d.public {
		return nil, fail(403, "STORAGE_FORBIDDEN", "The storage %s is owned by another account.", uuid)
	}
	return d, err
}

// idle refuses a storage that is in the middle of something.
func (d *storage) idle() error {
	if d.state != stateOnline {
		return conflict("STORAGE_STATE_ILLEGAL", "The storage %s is in the %s state; it must be online.", d.uuid, d.state)
	}
	return nil
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		switch i {
		case 8, 13, 18, 23:
			if r != '-' {
				return false
			}
		default:
			if !strings.ContainsRune("0123456789abcdef", r) {
				return false
			}
		}
	}
	return true
}
