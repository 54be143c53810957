package upcloud

import (
	"net/http"
	"time"
)

// How long the cloud takes, as the recordings have it.
const (
	createLeast, createMost     = 20 * time.Second, 60 * time.Second
	stopLeast, stopMost         = 6 * time.Second, 12 * time.Second
	restartLeast, restartMost   = 12 * time.Second, 22 * time.Second
	cloneLeast, cloneMost       = 8 * time.Second, 20 * time.Second
	backupLeast, backupMost     = 5 * time.Second, 10 * time.Second
	restoreLeast, restoreMost   = 60 * time.Second, 120 * time.Second
	templateLeast, templateMost = 12 * time.Second, 25 * time.Second
	importLeast, importMost     = 4 * time.Second, 11 * time.Second
)

// createServer makes a server with its storages, interfaces and labels at once,
// or nothing at all.
func (s *Server) createServer(c *call) (*reply, error) {
	var r createRequest
	if err := decode(c.body, &r); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	q := &r.Server
	zone, err := s.needZone(q.Zone)
	if err != nil {
		return nil, err
	}
	plan, err := s.wantedPlan(zone, q.Plan, int(q.CoreNumber), int(q.MemoryAmount))
	if err != nil {
		return nil, err
	}
	m := s.newMachine(&r, zone, plan, c.now)
	defer func() {
		if s.machines[m.uuid] == nil { // it came to nothing
			for _, uuid := range m.cloning {
				delete(s.storages, uuid)
			}
		}
	}()
	disks, err := s.wantedDisks(m, q.StorageDevices.StorageDevice, c.now)
	if err != nil {
		return nil, err
	}
	interfaces := defaultInterfaces()
	if q.Networking != nil {
		interfaces = q.Networking.Interfaces.Interface
	}
	nics, err := s.wantedNICs(m, interfaces)
	if err != nil {
		return nil, err
	}
	if err := s.affords(m, disks, nics, c.now); err != nil {
		return nil, err
	}
	if err := s.take(zone.ID, plan.Name); err != nil {
		return nil, err
	}
	m.holds = true
	s.enter(m, disks, nics, c)
	return accepted(s.createdServer(m, c.now)), nil
}

// createdServer is the server with what is told only once.
func (s *Server) createdServer(m *machine, now time.Time) any {
	w := s.wireDetails(m, now)
	w.Username, w.Password = m.username, m.password
	return map[string]any{"server": w}
}

func (s *Server) newMachine(r *createRequest, zone Zone, plan Plan, now time.Time) *machine {
	q := &r.Server
	m := &machine{
		uuid: s.identity.uuid(idServer), title: q.Title, hostname: q.Hostname, zone: zone, plan: plan, state: stateMaintenance, created: now,
		host: 4_000_000_000 + int64(s.identity.pick(4_000))*1_000_001, labels: q.Labels.Label, metadata: q.Metadata == "yes", userData: q.UserData,
		username: "root", password: s.identity.password(16), firewall: q.Firewall.or("off"), bootOrder: or(q.BootOrder, "disk"),
		nicModel: or(q.NICModel, "virtio"), videoModel: or(q.VideoModel, "cirrus"), timezone: or(q.Timezone, "UTC"), simple: or(q.SimpleBackup, "no"),
		remote: remoteAccess{
			enabled: q.RemoteAccessEnabled == "yes", kind: or(q.RemoteAccessType, "vnc"),
			password: or(q.RemoteAccessPassword, s.identity.password(8)), port: 3000 + s.identity.pick(20000),
		},
		group: q.ServerGroup,
	}
	if u := q.LoginUser; u != nil {
		m.username, m.keys = or(u.Username, m.username), u.SSHKeys.SSHKey
		if u.CreatePassword == "no" {
			m.password = ""
		}
	}
	return m
}

// wantedPlan is the plan of that name if the zone sells it, or the free size.
func (s *Server) wantedPlan(zone Zone, name string, cores, mib int) (Plan, error) {
	if name == "" || name == customPlan {
		if cores == 0 && mib == 0 {
			cores, mib = 1, 1024 // as the recordings have it
		}
		if !customSize(cores, mib) {
			return Plan{}, bad("CORE_MEMORY_UNSUPPORTED", "There are no servers of %d cores and %d MiB of memory.", cores, mib)
		}
		if s.account.Trial {
			return Plan{}, trial()
		}
		return Plan{Name: customPlan, Family: customPlan, Cores: cores, MiB: mib}, nil
	}
	plan, found := s.plan(name)
	switch {
	case !found || !sold(zone, plan):
		return Plan{}, bad("PLAN_INVALID", "The plan %.40s is not available in the zone %s.", name, zone.ID)
	case cores != 0 && cores != plan.Cores:
		return Plan{}, bad("PLAN_CORE_NUMBER_ILLEGAL", "The core number cannot be chosen with a plan.")
	case mib != 0 && mib != plan.MiB:
		return Plan{}, bad("PLAN_MEMORY_AMOUNT_ILLEGAL", "The memory amount cannot be chosen with a plan.")
	case s.account.Trial && plan.GPUs > 0:
		return Plan{}, trial()
	}
	return plan, nil
}

func trial() *failure {
	return fail(http.StatusForbidden, "TRIAL_PLAN", "The operation is not available on a trial account.")
}

// enter puts the server into the cloud and lets time do the rest: its disks are
// cloned, then it starts.
func (s *Server) enter(m *machine, disks []*device, nics []*nic, c *call) {
	s.machines[m.uuid] = m
	m.devices, m.nics = disks, nics
	m.listed = c.now.Add(c.faults.labelLag())
	m.doomed = c.faults.doom()
	takes := s.identity.between(createLeast, createMost)
	for _, v := range disks {
		d := s.storages[v.storage]
		if d.public {
			continue
		}
		d.server = m.uuid
		if d.state == stateMaintenance {
			s.busy(d, stateMaintenance, c.now, takes*7/10, nil)
		}
		s.charge(d, c.now)
	}
	for _, n := range nics {
		for _, a := range n.addresses {
			s.addAddress(a, c.now)
		}
	}
	s.meter.bill(m.uuid, c.now, m.charges(m.state)...)
	s.later(m, c.now, takes, func(at time.Time) { s.arrive(m, at) })
}

// arrive is the end of creating or restarting.
func (s *Server) arrive(m *machine, at time.Time) {
	m.arrived = true
	if f := m.doomed; f != nil {
		m.doomed = nil
		s.becomes(m, stateError, at)
		if f.Delay > 0 {
			s.later(m, at, f.Delay, func(at time.Time) { s.becomes(m, stateStopped, at) })
		}
		return
	}
	s.becomes(m, stateStarted, at)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
