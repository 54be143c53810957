package target

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Status is what one daemon serves.
type Status struct {
	Key string
	Pid int
	// Since is when the process was started.
	Since time.Time
	// Image is the file that it was told to serve. Stale: another file has its
	// name by now, or its size has changed since; Ensure would start it again.
	Image string
	Stale bool
	// Portals are what it listens on.
	Portals []string
	Targets []TargetStatus
}

// TargetStatus is one target as the daemon has it.
type TargetStatus struct {
	IQN       string
	Initiator string
	User      string
	ReadOnly  bool
	// Peers are the addresses of those that are logged in, one per session. Who
	// logged in has shown the password; that it is one alone tgt does not see to.
	Peers []string
}

const opStatus = "look at the volume's daemon"

// Status is what a volume's daemon serves now; nil if none runs. Unavailable if
// it does not answer.
func (h *Host) Status(ctx context.Context, key string) (*Status, error) {
	dir := filepath.Join(h.dir, key)
	if !keyForm.MatchString(key) {
		return nil, nil
	}
	p, err := findProcess(dir)
	if err != nil {
		return nil, unavailable(opStatus, key, err)
	}
	if p == nil {
		return nil, nil
	}
	defer p.close()
	return h.status(ctx, dir, key, p)
}

// List has the daemons that run below Dir, by key. One that does not answer is
// there with its process alone, and among the errors that are joined.
func (h *Host) List(ctx context.Context) ([]Status, error) {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return nil, unavailable(opStatus, h.dir, err)
	}
	var all []Status
	var failed []error
	for _, e := range entries {
		if !e.IsDir() || !keyForm.MatchString(e.Name()) {
			continue
		}
		s, err := h.Status(ctx, e.Name())
		if err != nil {
			failed = append(failed, err)
		}
		if s != nil {
			all = append(all, *s)
		}
	}
	return all, errors.Join(failed...)
}

func (h *Host) status(ctx context.Context, dir, key string, p *process) (*Status, error) {
	trimLog(dir)
	s := &Status{Key: key, Pid: p.pid, Since: p.since}
	c := h.control(dir)
	listed, err := c.targets(ctx)
	if err != nil {
		return s, unavailable(opStatus, key, err)
	}
	if s.Portals, err = c.portals(ctx); err != nil {
		return s, unavailable(opStatus, key, err)
	}
	for i := range listed {
		t := &listed[i]
		sessions, err := c.sessions(ctx, t.tid)
		if gone(err) || t.tid != number(t.name) {
			continue
		}
		if err != nil {
			return s, unavailable(opStatus, key, err)
		}
		s.add(t, sessions, dir)
	}
	s.stale(p, listed, dir)
	return s, nil
}

// add takes a target in.
func (s *Status) add(t *shown, sessions []session, dir string) {
	out := TargetStatus{IQN: t.name, Initiator: strings.Join(t.rules, " "), User: strings.Join(t.accounts, " ")}
	if u := t.unit(); u != nil {
		out.ReadOnly = u.readOnly
		if filepath.Dir(u.path) == dir && s.Image == "" {
			s.Image, _ = os.Readlink(u.path)
		}
	}
	seen := map[uint64]bool{}
	for _, session := range sessions {
		if !seen[session.sid] {
			out.Peers = append(out.Peers, session.address)
		}
		seen[session.sid] = true
	}
	slices.Sort(out.Peers)
	s.Targets = append(s.Targets, out)
}

// stale compares what is served with what has its name.
func (s *Status) stale(p *process, listed []shown, dir string) {
	if s.Image == "" {
		return
	}
	image, err := os.Stat(s.Image)
	if err != nil {
		s.Stale = true
		return
	}
	s.Stale = !p.current(listed, image, imageName(dir, image.Size()))
}
