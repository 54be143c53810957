package mapping

import "context"

// List is every mapping there is, in order of their ids. It waits for nobody.
func (m *Mapper) List(_ context.Context) ([]Mapping, error) {
	const op = "list mappings"
	ids, err := m.ids()
	if err != nil {
		return nil, failed(op, m.opts.Dir, err)
	}
	var out []Mapping
	for _, id := range ids {
		r, err := m.look(id)
		if err != nil {
			return nil, failed(op, "mapping "+id, err)
		}
		if r != nil {
			out = append(out, r.Mapping)
		}
	}
	return out, nil
}

// look is a mapping as it is now: active only if its daemon runs and shows it.
func (m *Mapper) look(id string) (*record, error) {
	r, err := m.read(id)
	if err != nil || r == nil {
		return nil, err
	}
	r.State = Dead
	if r.PID, err = m.findDaemon(id); err != nil {
		return nil, err
	}
	if r.PID == 0 || !r.Made {
		return r, nil
	}
	shown := true
	if r.As == AsFile {
		shown, err = mounted(r.File)
	}
	if shown {
		r.State = Active
	}
	return r, err
}
