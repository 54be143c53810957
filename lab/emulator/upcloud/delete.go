package upcloud

import (
	"slices"
	"time"
)

// deleteServer removes a server that is stopped or broken, its interfaces and
// addresses; with storages=1 also its disks, and of their backups what backups
// says.
func (s *Server) deleteServer(c *call) (*reply, error) {
	m, err := s.needServer(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	if err := m.in(stateStopped, stateError); err != nil {
		return nil, err
	}
	storages, backups := c.query.Get("storages"), c.query.Get("backups")
	if !slices.Contains([]string{"", "0", "1", "true", "false"}, storages) {
		return nil, bad("STORAGE_DELETION_POLICY_INVALID", "The storage deletion policy %.20q is invalid.", storages)
	}
	if err := checkBackups(backups); err != nil {
		return nil, err
	}
	with := storages == "1" || storages == "true"
	for _, v := range m.devices {
		if d := s.storages[v.storage]; with && d != nil && !d.public {
			if err := d.idle(); err != nil {
				return nil, err
			}
		}
	}
	s.remove(m, c.now)
	for _, v := range m.devices {
		d := s.storages[v.storage]
		if d == nil || d.public {
			continue
		}
		d.server = ""
		if with {
			s.removeStorage(d, backups, c.now)
			continue
		}
		d.partOfPlan = false // it costs by itself from now on
		s.charge(d, c.now)
	}
	return noContent(), nil
}

// remove takes the server out of the cloud, with its addresses.
func (s *Server) remove(m *machine, at time.Time) {
	if m.holds {
		s.giveBack(m.zone.ID, m.plan.Name)
	}
	for _, n := range m.nics {
		for _, a := range n.addresses {
			s.release(a, at)
		}
	}
	s.meter.bill(m.uuid, at)
	delete(s.machines, m.uuid)
}

// release drops the address, or detaches it where it is a public one to be kept.
func (s *Server) release(a *address, at time.Time) {
	if a.access == accessPublic && (a.floating || a.policy == "keep") {
		a.server, a.mac, a.partOfPlan = "", "", false
		s.chargeAddress(a, at)
		return
	}
	s.dropAddress(a, at)
}

func checkBackups(policy string) error {
	if !slices.Contains([]string{"", "keep", "keep_latest", "delete"}, policy) {
		return bad("BACKUP_DELETION_POLICY_INVALID", "The backup deletion policy %.20q is invalid.", policy)
	}
	return nil
}

// removeStorage takes the storage out of the cloud, and of its backups all,
// none, or all but the latest.
func (s *Server) removeStorage(d *storage, policy string, at time.Time) {
	all := s.backupsOf(d.uuid)
	switch {
	case policy == "keep_latest" && len(all) > 0:
		all = all[:len(all)-1]
	case policy != "delete":
		all = nil
	}
	for _, one := range append(all, d) {
		s.meter.bill(one.uuid, at)
		delete(s.storages, one.uuid)
		delete(s.imports, one.uuid)
	}
}
