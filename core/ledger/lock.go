package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/mesoncloud/meson/core"
)

// holder is what the file of a held lock says.
type holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

func (h holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	return fmt.Sprintf("process %d on %s, since %s", h.PID, h.Host, h.Since.UTC().Format(time.RFC3339))
}

// holding is a lock that this process has. The kernel drops it with the
// process; children do not inherit it.
type holding struct {
	file *flock.Flock
	once sync.Once
}

func (h *holding) release() {
	h.once.Do(func() {
		// Emptied while it is still ours: nobody is named who is gone. Neither
		// failure keeps the lock.
		_ = os.Truncate(h.file.Path(), 0)
		_ = h.file.Close()
	})
}

// Lock implements [Allocations]. The lock is one of the kernel's on a file in
// "locks" beside the ledger.
func (s *SQLite) Lock(ctx context.Context, allocation string) (unlock func(), err error) {
	const op = "lock allocation"
	subject := "allocation " + short(allocation)
	if err := checkID(allocation); err != nil {
		return nil, failure(op, subject, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.isClosed() {
		return nil, failure(op, subject, errClosed)
	}
	dir, err := s.sideDir("locks")
	if err != nil {
		return nil, failure(op, subject, err)
	}
	path := filepath.Join(dir, allocation)
	h := &holding{file: flock.New(path, flock.SetPermissions(0o600))}
	ok, err := h.file.TryLock()
	if err != nil {
		return nil, failure(op, subject, err)
	}
	if !ok {
		who := readHolder(path)
		return nil, &core.Error{
			Kind: core.Busy, Op: op, Subject: subject, Text: "it is being driven by " + who.String(),
			Hint: "wait for that, or end it: then anybody may go on",
		}
	}
	s.nameHolder(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		h.release()
		return nil, failure(op, subject, errClosed)
	}
	s.held[h] = struct{}{}
	return func() {
		s.mu.Lock()
		delete(s.held, h)
		s.mu.Unlock()
		h.release()
	}, nil
}

// nameHolder tells others who has the lock. Without it they only know that
// somebody has.
func (s *SQLite) nameHolder(path string) {
	host, err := os.Hostname()
	if err == nil {
		var data []byte
		if data, err = json.Marshal(holder{PID: os.Getpid(), Host: host, Since: s.now()}); err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
	}
	if err != nil {
		s.log.Debug("a lock does not say who has it", "path", path, "error", err)
	}
}

func readHolder(path string) (who holder) {
	// The holder may be just about to write its name.
	for range 5 {
		if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &who) == nil {
			return who
		}
		time.Sleep(time.Millisecond)
	}
	return holder{}
}

// sideDir is a directory of the user's own beside the ledger.
func (s *SQLite) sideDir(name string) (string, error) {
	dir := filepath.Join(filepath.Dir(s.path), name)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", core.Errorf(core.Invalid, "%s: want a directory", dir)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return dir, os.Chmod(dir, 0o700)
	}
	return dir, nil
}
