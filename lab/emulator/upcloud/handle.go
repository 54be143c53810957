package upcloud

import (
	"net/http"
	"net/url"
	"path"
	"time"
)

// call is one request on its way: who calls what, with what.
type call struct {
	route  route
	caller Credential
	query  url.Values
	path   func(string) string // values of the route's path
	body   []byte
	now    time.Time
	host   string // the API's own address, as the client wrote it
	secure bool

	zone, plan string // what it is about, for faults
	faults     *taken
}

// ServeHTTP answers as api.upcloud.com would.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := clean(r.URL.Path); p != path.Clean("/"+r.URL.Path) {
		s.send(w, r, s.refuse(fail(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist.")))
		return
	} else if p != r.URL.Path {
		r2 := *r
		u := *r.URL
		u.Path, u.RawPath = p, clean(u.RawPath)
		r2.URL = &u
		r = &r2
	}
	s.router.ServeHTTP(w, r)
}

// handle serves one operation: authenticate, read, let faults have their way,
// do it, and answer.
func (s *Server) handle(w http.ResponseWriter, r *http.Request, to route) {
	caller, err := s.users.authenticate(r, to.needs)
	if err != nil {
		s.send(w, r, s.refuse(err))
		return
	}
	body, err := readBody(w, r)
	if err != nil {
		s.send(w, r, s.refuse(err))
		return
	}
	c := &call{
		route: to, caller: caller, query: r.URL.Query(), path: r.PathValue, body: body, host: r.Host, secure: r.TLS != nil,
	}
	s.about(c)
	c.faults = s.faults.take(to.op, c.zone, c.plan)
	if done := c.faults.before(s, w, r); done {
		return
	}
	out := s.do(c)
	if done := c.faults.after(s, w, r, out); done {
		return
	}
	s.send(w, r, out)
}

// do runs the operation on the cloud as it is now.
func (s *Server) do(c *call) *reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.settle()
	s.requests[c.route.op]++
	if t := s.tokens[c.caller.id]; t != nil {
		t.wire.LastUsedAt = precise(c.now)
	}
	out, err := c.route.serve(s, c)
	if err != nil {
		return s.refused(err)
	}
	return out
}

// settle lets happen what is due, and returns the time. s.mu is held.
func (s *Server) settle() time.Time {
	now := s.clock.Now()
	s.agenda.settle(now)
	return now
}

// about finds the zone and plan a request is about, as far as it tells.
func (s *Server) about(c *call) {
	if c.route.method == http.MethodGet {
		return
	}
	var w struct {
		Server struct {
			Zone string `json:"zone"`
			Plan string `json:"plan"`
		} `json:"server"`
		Storage struct {
			Zone string `json:"zone"`
		} `json:"storage"`
	}
	if decode(c.body, &w) == nil {
		c.zone, c.plan = w.Server.Zone, w.Server.Plan
		if c.plan == "" && c.route.op == "create_server" {
			c.plan = customPlan
		}
		if c.zone == "" {
			c.zone = w.Storage.Zone
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := c.path("uuid")
	if m := s.machines[id]; m != nil {
		c.zone, c.plan = m.zone.ID, m.plan.Name
	} else if d := s.storages[id]; d != nil && c.zone == "" {
		c.zone = d.zone
	}
}
