package upcloud

import (
	"time"
)

// States of a server.
const (
	stateStarted = "started"
	stateStopped = "stopped"
	stateError   = "error"

	customPlan = "custom"
	// maxObjects bounds how many servers, storages or networks there are.
	maxObjects = 20_000
)

// machine is a server of the cloud.
type machine struct {
	uuid, title, hostname string
	zone                  Zone
	plan                  Plan // Name is customPlan for a free size
	state                 string
	created               time.Time
	host                  int64
	labels                []label
	listed                time.Time // from when on the label filter finds it
	labelled              []label   // what the filter finds until then
	metadata              bool
	userData              string
	username              string
	keys                  []string
	password              string // told once
	firewall, bootOrder   string
	nicModel, videoModel  string
	timezone, simple      string
	remote                remoteAccess
	group                 string
	nics                  []*nic
	devices               []*device

	cloning    []string // storages that are made for it
	arrived    bool     // it was started or broken once
	generation int      // see storage.generation
	holds      bool     // one of the stock
	doomed     *Fault   // it ends in state error
}

// remoteAccess is its console over VNC.
type remoteAccess struct {
	enabled  bool
	kind     string
	password string
	port     int
}

// nic is a network interface.
type nic struct {
	index     int
	kind      string
	network   *network
	mac       string
	bootable  string
	filtering string
	addresses []*address
}

// device is a storage in a slot of the server; a CD-ROM drive may be empty.
type device struct {
	address string
	kind    string // disk or cdrom
	boot    string
	storage string
}

// later has run called after d, unless the server is gone by then or something
// else was begun with it.
func (s *Server) later(m *machine, at time.Time, d time.Duration, run func(at time.Time)) {
	generation := m.generation
	s.agenda.plan(at.Add(s.delay(d)), func(at time.Time) {
		if s.machines[m.uuid] == m && m.generation == generation {
			run(at)
		}
	})
}

// needServer is the server of a request.
func (s *Server) needServer(uuid string) (*machine, error) {
	if !isUUID(uuid) {
		return nil, bad("SERVER_INVALID", "The server UUID is invalid.")
	}
	m := s.machines[uuid]
	if m == nil {
		return nil, fail(404, "SERVER_NOT_FOUND", "The server %s does not exist.", uuid)
	}
	return m, nil
}

// in refuses a server that is in none of the states.
func (m *machine) in(states ...string) error {
	for _, s := range states {
		if m.state == s {
			return nil
		}
	}
	return conflict("SERVER_STATE_ILLEGAL", "The server %s is in the %s state.", m.uuid, m.state)
}

// charges are what the server costs in a state: its plan, also while it is
// stopped unless the plan is one that bills only what runs; or its cores and
// memory while it runs.
func (m *machine) charges(state string) []Charge {
	runs := state != stateStopped
	charge := Charge{Zone: m.zone.ID, Title: m.title}
	switch {
	case m.plan.Name != customPlan && (runs || m.plan.bundled()):
		charge.Item, charge.rate = "server_plan_"+m.plan.Name, m.plan.rate().at(m.zone)
		return []Charge{charge}
	case m.plan.Name == customPlan && runs:
		memory := charge
		charge.Item, charge.rate = "server_core", itemRate(m.zone, "server_core")*rate(m.plan.Cores)
		memory.Item, memory.rate = "server_memory", itemRate(m.zone, "server_memory")*rate(m.plan.MiB/memoryAmount)
		return []Charge{charge, memory}
	}
	return nil
}

// perHour is the sum of charges.
func (m *machine) perHour(state string) rate {
	var sum rate
	for _, c := range m.charges(state) {
		sum += c.rate
	}
	return sum
}

// becomes changes the state, what it costs and what it holds of the stock.
func (s *Server) becomes(m *machine, state string, at time.Time) {
	m.state = state
	switch {
	case state == stateStopped && m.holds:
		s.giveBack(m.zone.ID, m.plan.Name)
		m.holds = false
	case state == stateStarted:
		m.cloning = nil
	}
	s.meter.bill(m.uuid, at, m.charges(state)...)
}

// UserData is what the server was given as user_data, its login user and SSH keys.
func (s *Server) UserData(uuid string) (text, user string, keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.machines[uuid]; m != nil {
		return m.userData, m.username, append([]string(nil), m.keys...)
	}
	return "", "", nil
}
