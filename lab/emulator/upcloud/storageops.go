package upcloud

import "slices"

// storageRequest is what creates, changes or copies a storage.
type storageRequest struct {
	Storage struct {
		BackupRule *backupRule `json:"backup_rule"`
		Encrypted  word        `json:"encrypted"`
		Labels     *[]label    `json:"labels"`
		Size       number      `json:"size"`
		Tier       string      `json:"tier"`
		Title      string      `json:"title"`
		Zone       string      `json:"zone"`
	} `json:"storage"`
}

func (r *storageRequest) device() deviceRequest {
	d := deviceRequest{BackupRule: r.Storage.BackupRule, Encrypted: r.Storage.Encrypted}
	if r.Storage.Labels != nil {
		d.Labels = *r.Storage.Labels
	}
	return d
}

// check refuses a backup rule that is none. The service takes other fields of it
// as they come.
func (r *backupRule) check() error {
	days := []string{"daily", "mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	switch {
	case r == nil || *r == backupRule{}:
		return nil
	case !slices.Contains(days, r.Interval):
		return bad("INTERVAL_INVALID", "The interval %.20q of the backup rule is invalid.", r.Interval)
	case len(r.Time) != 4 || len(r.Retention) > 4:
		return bad("BACKUP_RULE_INVALID", "The backup rule is invalid.")
	}
	return nil
}

// createStorage makes a storage that is online at once, as it was recorded.
func (s *Server) createStorage(c *call) (*reply, error) {
	var r storageRequest
	if err := decode(c.body, &r); err != nil {
		return nil, err
	}
	q := &r.Storage
	zone, err := s.needZone(q.Zone)
	if err != nil {
		return nil, err
	}
	if err := checkSize(int(q.Size)); err != nil {
		return nil, err
	}
	d, err := s.newDisk(zone.ID, q.Title, or(q.Tier, tierHDD), int(q.Size), r.device(), c.now)
	if err != nil {
		return nil, err
	}
	if err := s.admit(d, c); err != nil {
		return nil, err
	}
	return created(s.storageDetails(d, c.now)), nil
}

// admit puts a new storage into the cloud if limits and credits allow it.
func (s *Server) admit(d *storage, c *call) error {
	u := s.usage()
	if d.kind == kindNormal {
		u.gib[d.tier] += d.gib
	}
	if err := s.within(u); err != nil {
		return err
	}
	if len(s.storages) >= maxObjects {
		return conflict("STORAGE_RESOURCES_UNAVAILABLE", "The emulator holds %d storages at most.", maxObjects)
	}
	zone, _ := s.zone(d.zone)
	if err := s.pays(itemRate(zone, d.item())*rate(d.gib), c.now); err != nil {
		return err
	}
	s.storages[d.uuid] = d
	s.charge(d, c.now)
	return nil
}

// modifyStorage changes title, labels and rule, and makes it larger.
func (s *Server) modifyStorage(c *call) (*reply, error) {
	d, err := s.ownStorage(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	var r storageRequest
	if err := decode(c.body, &r); err != nil {
		return nil, err
	}
	q := &r.Storage
	if q.Labels != nil {
		if err := checkLabels(*q.Labels); err != nil {
			return nil, err
		}
	}
	if err := q.BackupRule.check(); err != nil {
		return nil, err
	}
	if len(q.Title) > maxText {
		return nil, bad("STORAGE_TITLE_INVALID", "The title is longer than %d characters.", maxText)
	}
	if q.Size != 0 && int(q.Size) != d.gib {
		if err := s.grow(d, int(q.Size), c); err != nil {
			return nil, err
		}
	}
	d.title = or(q.Title, d.title)
	if q.Labels != nil {
		d.labels = *q.Labels
	}
	if q.BackupRule != nil {
		d.rule = q.BackupRule
	}
	return accepted(s.storageDetails(d, c.now)), nil
}

// grow makes the storage larger: one that is detached, or of a stopped server.
// What no longer fits into the plan costs by itself.
func (s *Server) grow(d *storage, gib int, c *call) error {
	if err := checkSize(gib); err != nil {
		return err
	}
	if gib < d.gib {
		return bad("SIZE_INVALID", "The storage %s cannot be made smaller than its %d GiB.", d.uuid, d.gib)
	}
	if err := d.idle(); err != nil {
		return err
	}
	m := s.machines[d.server]
	if m != nil {
		if err := m.in(stateStopped); err != nil {
			return err
		}
	}
	u := s.usage()
	u.gib[d.tier] += gib - d.gib
	if err := s.within(u); err != nil {
		return err
	}
	zone, _ := s.zone(d.zone)
	if err := s.pays(itemRate(zone, d.item())*rate(gib-d.gib), c.now); err != nil {
		return err
	}
	d.gib = gib
	d.partOfPlan = d.partOfPlan && m != nil && gib <= m.plan.GiB
	s.charge(d, c.now)
	return nil
}

// deleteStorage removes a storage that is attached to nothing.
func (s *Server) deleteStorage(c *call) (*reply, error) {
	d, err := s.ownStorage(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	policy := c.query.Get("backups")
	if err := checkBackups(policy); err != nil {
		return nil, err
	}
	if d.server != "" {
		return nil, conflict("STORAGE_ATTACHED", "The storage %s is attached to the server %s.", d.uuid, d.server)
	}
	if err := d.idle(); err != nil {
		return nil, err
	}
	s.removeStorage(d, policy, c.now)
	return noContent(), nil
}
