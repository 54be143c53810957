package upcloud

import (
	"slices"
	"sync"
	"time"
)

// FaultID names a fault that was added.
type FaultID int

// Faults are the switches of what shall go wrong. They are safe for concurrent
// use, and hold for requests that begin after they were set.
type Faults struct {
	mu   sync.Mutex
	last FaultID
	all  []*armed
}

// armed is a fault and how often it was met.
type armed struct {
	Fault
	id      FaultID
	met     int // matching calls
	hits    int // on which it happened
	removed chan struct{}
}

// FaultStatus is a fault that is on, and how often it has happened.
type FaultStatus struct {
	ID    FaultID `json:"id"`
	Fault Fault   `json:"fault"`
	Hits  int     `json:"hits"`
}

func newFaults() *Faults { return &Faults{} }

// Add switches a fault on, and panics if it could never happen: a test that
// arms nothing must not pass.
func (f *Faults) Add(fault Fault) FaultID {
	id, err := f.add(fault)
	if err != nil {
		panic("upcloud: " + err.Error())
	}
	return id
}

func (f *Faults) add(fault Fault) (FaultID, error) {
	if err := fault.check(); err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	f.all = append(f.all, &armed{Fault: fault, id: f.last, removed: make(chan struct{})})
	return f.last, nil
}

// Remove switches a fault off, and reports whether it was on. Requests that
// hang because of it are answered.
func (f *Faults) Remove(id FaultID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.all, func(a *armed) bool { return a.id == id })
	if i < 0 {
		return false
	}
	close(f.all[i].removed)
	f.all = slices.Delete(f.all, i, i+1)
	return true
}

// Clear switches all faults off.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.all {
		close(a.removed)
	}
	f.all = nil
}

// List is what is on, spent ones included, in the order of Add.
func (f *Faults) List() []FaultStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := []FaultStatus{}
	for _, a := range f.all {
		all = append(all, FaultStatus{a.id, a.Fault, a.hits})
	}
	return all
}

// take is the faults of one call.
func (f *Faults) take(op Operation, zone, plan string) *taken {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := &taken{}
	for _, a := range f.all {
		if !a.about(op, zone, plan) {
			continue
		}
		if a.met++; a.met <= a.Skip || a.Count > 0 && a.hits >= a.Count {
			continue
		}
		a.hits++
		t.all = append(t.all, a)
	}
	return t
}

// taken are the faults of one call, in the order of Add.
type taken struct {
	all []*armed
}

func (t *taken) find(kind FaultKind) *armed {
	if t == nil {
		return nil
	}
	for _, a := range t.all {
		if a.Kind == kind {
			return a
		}
	}
	return nil
}

// labelLag is how long label filters do not see what the call does.
func (t *taken) labelLag() time.Duration {
	if a := t.find(FaultLabelLag); a != nil {
		return a.Delay
	}
	return 0
}

// doom is why the server of the call ends in the state error; nil if it does not.
func (t *taken) doom() *Fault {
	if a := t.find(FaultServerState); a != nil {
		return &a.Fault
	}
	return nil
}

// deaf reports whether the guest ignores a soft stop.
func (t *taken) deaf() bool { return t.find(FaultDeafGuest) != nil }
