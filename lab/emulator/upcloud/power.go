package upcloud

import "time"

// startServer starts at once, as the recordings have it.
func (s *Server) startServer(c *call) (*reply, error) {
	m, err := s.needServer(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	if err := m.in(stateStopped); err != nil {
		return nil, err
	}
	if len(m.devices) == 0 {
		return nil, conflict("NO_STORAGES_ATTACHED", "The server %s has no storage to start from.", m.uuid)
	}
	for _, v := range m.devices {
		if d := s.storages[v.storage]; d != nil {
			if err := d.idle(); err != nil {
				return nil, err
			}
		}
	}
	if err := s.pays(m.perHour(stateStarted)-m.perHour(stateStopped), c.now); err != nil {
		return nil, err
	}
	if err := s.take(m.zone.ID, m.plan.Name); err != nil {
		return nil, err
	}
	m.holds = true
	m.generation++
	m.doomed = c.faults.doom()
	s.arrive(m, c.now)
	return ok(s.serverDetails(m, c.now)), nil
}

// powerRequest is what stop and restart take.
type powerRequest struct {
	StopType      string `json:"stop_type"`
	Timeout       number `json:"timeout"` // seconds
	TimeoutAction string `json:"timeout_action"`
}

func (r powerRequest) check() error {
	switch {
	case r.StopType != "" && r.StopType != "soft" && r.StopType != "hard":
		return bad("STOP_TYPE_INVALID", "The stop type %.40q is invalid.", r.StopType)
	case r.Timeout < 0 || r.Timeout > 3600:
		return bad("TIMEOUT_INVALID", "The timeout must be between 1 and 3600 seconds.")
	case r.TimeoutAction != "" && r.TimeoutAction != "destroy" && r.TimeoutAction != "ignore":
		return bad("TIMEOUT_ACTION_INVALID", "The timeout action %.40q is invalid.", r.TimeoutAction)
	}
	return nil
}

// stopServer answers before the server has stopped. A soft stop that the guest
// does not heed ends in a hard one after the timeout.
func (s *Server) stopServer(c *call) (*reply, error) {
	var r struct {
		Stop powerRequest `json:"stop_server"`
	}
	m, err := s.power(c, &r, &r.Stop)
	if err != nil {
		return nil, err
	}
	before := s.serverDetails(m, c.now)
	takes := s.identity.between(stopLeast, stopMost)
	if c.faults.deaf() && r.Stop.StopType != "hard" {
		if r.Stop.Timeout == 0 {
			return ok(before), nil
		}
		takes = time.Duration(r.Stop.Timeout) * time.Second
	}
	m.generation++
	s.later(m, c.now, takes, func(at time.Time) { s.becomes(m, stateStopped, at) })
	return ok(before), nil
}

func (s *Server) restartServer(c *call) (*reply, error) {
	var r struct {
		Restart powerRequest `json:"restart_server"`
	}
	m, err := s.power(c, &r, &r.Restart)
	if err != nil {
		return nil, err
	}
	before := s.serverDetails(m, c.now)
	takes := s.identity.between(restartLeast, restartMost)
	m.generation++
	m.doomed = c.faults.doom()
	s.later(m, c.now, takes/4, func(at time.Time) { s.becomes(m, stateMaintenance, at) })
	s.later(m, c.now, takes, func(at time.Time) { s.arrive(m, at) })
	return ok(before), nil
}

// power reads a request about a server that must be started.
func (s *Server) power(c *call, into any, r *powerRequest) (*machine, error) {
	m, err := s.needServer(c.path("uuid"))
	if err != nil {
		return nil, err
	}
	if err := decode(c.body, into); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return m, m.in(stateStarted)
}
