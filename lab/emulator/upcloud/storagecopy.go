package upcloud

// copyRequest reads a request that makes a storage from one that is online.
func (s *Server) copyRequest(c *call) (*storage, *storageRequest, error) {
	from, err := s.needStorage(c.path("uuid"))
	if err != nil {
		return nil, nil, err
	}
	var r storageRequest
	if err := decode(c.body, &r); err != nil {
		return nil, nil, err
	}
	return from, &r, from.idle()
}

// cloneStorage copies a disk or a template into a disk. What is copied is
// cloning meanwhile.
func (s *Server) cloneStorage(c *call) (*reply, error) {
	from, r, err := s.copyRequest(c)
	if err != nil {
		return nil, err
	}
	zone, err := s.needZone(r.Storage.Zone)
	if err != nil {
		return nil, err
	}
	d, err := s.newDisk(zone.ID, r.Storage.Title, or(r.Storage.Tier, or(from.tier, tierMaxIOPS)), max(from.gib, minGiB), r.device(), c.now)
	if err != nil {
		return nil, err
	}
	d.labels = append(from.inherited(), d.labels...)
	if err := s.admit(d, c); err != nil {
		return nil, err
	}
	takes := s.identity.between(cloneLeast, cloneMost)
	if !from.public {
		s.busy(from, stateCloning, c.now, takes, nil)
	}
	s.busy(d, stateMaintenance, c.now, takes, nil)
	return created(s.storageDetails(d, c.now)), nil
}

// templatizeStorage makes a private template of a disk.
func (s *Server) templatizeStorage(c *call) (*reply, error) {
	from, r, err := s.copyRequest(c)
	if err != nil {
		return nil, err
	}
	if from.public || from.kind != kindNormal {
		return nil, conflict("STORAGE_TYPE_ILLEGAL", "The storage %s is a %s and cannot be templatized.", from.uuid, from.kind)
	}
	if m := s.machines[from.server]; m != nil {
		if err := m.in(stateStopped); err != nil {
			return nil, err
		}
	}
	d, err := s.newDisk(from.zone, r.Storage.Title, from.tier, from.gib, deviceRequest{}, c.now)
	if err != nil {
		return nil, err
	}
	d.kind, d.encrypted = kindTemplate, from.encrypted
	d.templateType = templateNative
	for _, l := range from.labels {
		if l.Key == "_template_uuid" {
			if t := s.storages[l.Value]; t != nil {
				d.templateType = t.templateType
			}
			continue
		}
		d.labels = append(d.labels, l)
	}
	if err := s.admit(d, c); err != nil {
		return nil, err
	}
	takes := s.identity.between(templateLeast, templateMost)
	s.busy(from, stateCloning, c.now, takes, nil)
	s.busy(d, stateMaintenance, c.now, takes, nil)
	return created(s.storageDetails(d, c.now)), nil
}

// createBackup makes a backup of a disk, also of one in use.
func (s *Server) createBackup(c *call) (*reply, error) {
	from, r, err := s.copyRequest(c)
	if err != nil {
		return nil, err
	}
	if from.public || from.kind != kindNormal {
		return nil, conflict("STORAGE_TYPE_ILLEGAL", "The storage %s is a %s and cannot be backed up.", from.uuid, from.kind)
	}
	d, err := s.backup(from, r.Storage.Title, c)
	if err != nil {
		return nil, err
	}
	takes := s.identity.between(backupLeast, backupMost)
	s.busy(from, stateBackuping, c.now, takes, nil)
	s.busy(d, stateMaintenance, c.now, takes, nil)
	return created(s.storageDetails(d, c.now)), nil
}

// backup puts a backup into the cloud that is online.
func (s *Server) backup(from *storage, title string, c *call) (*storage, error) {
	d, err := s.newDisk(from.zone, title, from.tier, from.gib, deviceRequest{}, c.now)
	if err != nil {
		return nil, err
	}
	d.kind, d.tier, d.origin, d.encrypted = kindBackup, "", from.uuid, from.encrypted
	return d, s.admit(d, c)
}

// restoreBackup puts a backup back into the disk it was made of, which is in
// maintenance meanwhile. Its server must be stopped.
func (s *Server) restoreBackup(c *call) (*reply, error) {
	b, err := s.ownStorage(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	if b.kind != kindBackup {
		return nil, conflict("STORAGE_TYPE_ILLEGAL", "The storage %s is no backup.", b.uuid)
	}
	d := s.storages[b.origin]
	if d == nil {
		return nil, fail(404, "STORAGE_NOT_FOUND", "The storage %s does not exist.", b.origin)
	}
	if m := s.machines[d.server]; m != nil {
		if err := m.in(stateStopped); err != nil {
			return nil, err
		}
	}
	for _, one := range []*storage{b, d} {
		if err := one.idle(); err != nil {
			return nil, err
		}
	}
	s.busy(d, stateMaintenance, c.now, s.identity.between(restoreLeast, restoreMost), nil)
	return noContent(), nil
}

// resizeFilesystem grows the last partition to the size of the disk, and leaves
// a backup of what it was before.
func (s *Server) resizeFilesystem(c *call) (*reply, error) {
	d, err := s.ownStorage(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	if d.kind != kindNormal {
		return nil, conflict("STORAGE_TYPE_ILLEGAL", "The storage %s is a %s and has no partitions.", d.uuid, d.kind)
	}
	if m := s.machines[d.server]; m != nil {
		if err := m.in(stateStopped); err != nil {
			return nil, err
		}
	}
	if err := d.idle(); err != nil {
		return nil, err
	}
	b, err := s.backup(d, "Resize Backup", c)
	if err != nil {
		return nil, err
	}
	return ok(map[string]any{"resize_backup": s.storageWire(b, c.now)}), nil
}
