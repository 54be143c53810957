package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// memMachine is one machine as it is kept.
type memMachine struct {
	memKept
	Zone    string    `json:"zone"`
	Shape   string    `json:"shape"`
	Running time.Time `json:"running"`
	Stopped bool      `json:"stopped"`
	// Attachments are those of the contract as JSON, without secrets.
	Attachments []string `json:"attachments"`
}

// memState is everything that the provider knows.
type memState struct {
	Machines  map[string]memMachine  `json:"machines"`
	Volumes   map[string]memVolume   `json:"volumes"`
	Snapshots map[string]memSnapshot `json:"snapshots"`
	Images    map[string]memImage    `json:"images"`
	Serial    int                    `json:"serial"`
	Faults    map[string]int         `json:"faults"` // how often each has happened
}

// memStore keeps the state, in memory or in a file that several processes
// share.
type memStore struct {
	dir string

	mu    sync.Mutex
	state memState
}

func openMemStore(dir string) (*memStore, error) {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	return &memStore{dir: dir}, nil
}

// do runs fn on the state, alone; what it changed is kept if it returns nil and
// change is set.
func (s *memStore) do(ctx context.Context, change bool, fn func(*memState) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		s.state.ready()
		return fn(&s.state)
	}
	lock := flock.New(filepath.Join(s.dir, "lock"))
	if _, err := lock.TryLockContext(ctx, time.Millisecond); err != nil {
		return fmt.Errorf("lock state: %w", err)
	}
	defer func() { _ = lock.Unlock() }()
	state, err := s.load()
	if err != nil {
		return err
	}
	if err := fn(state); err != nil || !change {
		return err
	}
	return s.save(state)
}

func (s *memState) ready() {
	if s.Machines == nil {
		s.Machines, s.Faults = map[string]memMachine{}, map[string]int{}
	}
	if s.Volumes == nil {
		s.Volumes, s.Snapshots, s.Images = map[string]memVolume{}, map[string]memSnapshot{}, map[string]memImage{}
	}
}

func (s *memStore) file() string { return filepath.Join(s.dir, "state.json") }

func (s *memStore) load() (*memState, error) {
	state := &memState{}
	data, err := os.ReadFile(s.file())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if len(data) > 0 {
		if err := json.Unmarshal(data, state); err != nil {
			return nil, fmt.Errorf("read %s: %w", s.file(), err)
		}
	}
	state.ready()
	return state, nil
}

// save replaces the file as a whole, so that a process killed here leaves the
// old state or the new one.
func (s *memStore) save(state *memState) error {
	data, err := json.Marshal(state)
	if err != nil {
		return err
	}
	next := s.file() + ".next"
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return err
	}
	return os.Rename(next, s.file())
}
