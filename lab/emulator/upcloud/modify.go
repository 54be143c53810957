package upcloud

import "slices"

// modifyRequest is what PUT /server/{uuid} takes. What is missing stays.
type modifyRequest struct {
	Server struct {
		BootOrder            string      `json:"boot_order"`
		CoreNumber           number      `json:"core_number"`
		Firewall             word        `json:"firewall"`
		Hostname             string      `json:"hostname"`
		Labels               *wireLabels `json:"labels"`
		MemoryAmount         number      `json:"memory_amount"`
		Metadata             word        `json:"metadata"`
		NICModel             string      `json:"nic_model"`
		Plan                 string      `json:"plan"`
		RemoteAccessEnabled  word        `json:"remote_access_enabled"`
		RemoteAccessPassword string      `json:"remote_access_password"`
		RemoteAccessType     string      `json:"remote_access_type"`
		SimpleBackup         string      `json:"simple_backup"`
		Timezone             string      `json:"timezone"`
		Title                string      `json:"title"`
		VideoModel           string      `json:"video_model"`
		Zone                 string      `json:"zone"`
	} `json:"server"`
}

func (r *modifyRequest) check() error {
	q := &r.Server
	for _, text := range []string{q.BootOrder, q.NICModel, q.RemoteAccessPassword, q.RemoteAccessType, q.SimpleBackup, q.Timezone, q.VideoModel} {
		if len(text) > maxText {
			return bad("REQUEST_INVALID", "An attribute is longer than %d characters.", maxText)
		}
	}
	switch {
	case len(q.Title) > maxText:
		return bad("TITLE_INVALID", "The title is longer than %d characters.", maxText)
	case q.Hostname != "" && !hostname(q.Hostname):
		return bad("HOSTNAME_INVALID", "The hostname %.40q is invalid.", q.Hostname)
	case !q.Metadata.is("", "yes", "no"):
		return bad("METADATA_INVALID", "The attribute metadata has an invalid value.")
	case !q.Firewall.is("", "on", "off"):
		return bad("FIREWALL_INVALID", "The attribute firewall has an invalid value.")
	case !q.RemoteAccessEnabled.is("", "yes", "no"):
		return bad("REMOTE_ACCESS_ENABLED_INVALID", "The attribute remote_access_enabled has an invalid value.")
	case q.Labels != nil:
		return checkLabels(q.Labels.Label)
	}
	return nil
}

// modifyServer changes what it may: the size only of a stopped server.
func (s *Server) modifyServer(c *call) (*reply, error) {
	m, err := s.needServer(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	var r modifyRequest
	if err := decode(c.body, &r); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	if err := m.in(stateStarted, stateStopped); err != nil {
		return nil, err
	}
	q := &r.Server
	if q.Zone != "" && q.Zone != m.zone.ID {
		return nil, conflict("ZONE_MISMATCH", "The server %s is in the zone %s.", m.uuid, m.zone.ID)
	}
	if q.Plan != "" && q.Plan != m.plan.Name || q.CoreNumber != 0 || q.MemoryAmount != 0 {
		if err := s.resize(m, q.Plan, int(q.CoreNumber), int(q.MemoryAmount), c); err != nil {
			return nil, err
		}
	}
	m.title, m.hostname, m.bootOrder = or(q.Title, m.title), or(q.Hostname, m.hostname), or(q.BootOrder, m.bootOrder)
	m.firewall, m.nicModel, m.videoModel = q.Firewall.or(m.firewall), or(q.NICModel, m.nicModel), or(q.VideoModel, m.videoModel)
	m.timezone, m.simple = or(q.Timezone, m.timezone), or(q.SimpleBackup, m.simple)
	m.metadata = q.Metadata.or(yesNo(m.metadata)) == "yes"
	m.remote.enabled = q.RemoteAccessEnabled.or(yesNo(m.remote.enabled)) == "yes"
	m.remote.kind, m.remote.password = or(q.RemoteAccessType, m.remote.kind), or(q.RemoteAccessPassword, m.remote.password)
	if q.Labels != nil {
		if lag := c.faults.labelLag(); lag > 0 {
			m.labelled, m.listed = slices.Clone(m.labels), c.now.Add(lag)
		}
		m.labels = q.Labels.Label
	}
	return accepted(s.serverDetails(m, c.now)), nil
}

// resize changes the plan of a stopped server, or its free size.
func (s *Server) resize(m *machine, name string, cores, mib int, c *call) error {
	if err := m.in(stateStopped); err != nil {
		return err
	}
	if name == "" && m.plan.Name == customPlan {
		if cores == 0 {
			cores = m.plan.Cores
		}
		if mib == 0 {
			mib = m.plan.MiB
		}
	}
	if name == "" && m.plan.Name != customPlan {
		name = m.plan.Name
	}
	plan, err := s.wantedPlan(m.zone, name, cores, mib)
	if err != nil {
		return err
	}
	u := s.usage()
	u.cores += plan.Cores - m.plan.Cores
	u.mib += plan.MiB - m.plan.MiB
	u.gpus += plan.GPUs - m.plan.GPUs
	if err := s.within(u); err != nil {
		return err
	}
	next := *m
	next.plan = plan
	if err := s.pays(max(0, next.perHour(m.state)-m.perHour(m.state)), c.now); err != nil {
		return err
	}
	m.plan = plan
	s.meter.bill(m.uuid, c.now, m.charges(m.state)...)
	s.planAddress(m, c.now)
	for _, v := range m.devices {
		if d := s.storages[v.storage]; d != nil && d.partOfPlan && (d.gib > plan.GiB || d.tier != plan.Tier) {
			d.partOfPlan = false
			s.charge(d, c.now)
		}
	}
	return nil
}
