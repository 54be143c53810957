package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Identity is one process of one run of this machine: no other ever has the same.
type Identity struct {
	// Boot is the id of the run of the machine; see Boot.
	Boot string
	PID  int
	// Start is when it began, in ticks since the machine did.
	Start uint64
}

// Boot is the id of this run of the machine, another one after each of its restarts.
func Boot() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), failed("look at machine", "", err)
}

// Identity is the daemon's process.
func (d *Daemon) Identity() (Identity, error) {
	boot, err := Boot()
	return Identity{boot, d.at.PID, d.at.Start}, err
}

// Runs reports whether a process of this run of the machine is there still, whatever
// runtime directory it has.
func (i Identity) Runs() bool {
	start, err := startTime(filepath.Join("/proc", strconv.Itoa(i.PID)))
	return err == nil && start == i.Start
}

// endFile says of a daemon of its directory that it ended in order; the next one that
// does puts its own there.
const endFile = "ended"

// EndedWell reports whether the daemon of a runtime directory has ended in order, and
// wrote then what it held. A daemon that was killed leaves its monitor's socket, which
// one that ends takes away last; where nothing is known it has not.
func EndedWell(dir string, i Identity) bool {
	at := process{i.PID, i.Start}
	for _, name := range []string{endFile, "pid"} {
		var was process
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || json.Unmarshal(b, &was) != nil || was != at {
			continue
		}
		if name == endFile || closed(dir) {
			return true
		}
	}
	return false
}

// closed reports whether the last daemon of a directory has taken its monitor's socket
// away, and has not said that it could not write what it held.
func closed(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "qmp"))
	said, lerr := os.ReadFile(filepath.Join(dir, "log"))
	return errors.Is(err, fs.ErrNotExist) && lerr == nil && !bytes.Contains(said, []byte("ailed to flush"))
}

// noteEnd writes down that the daemon has ended in order, if it has: its directory is
// about to be cleaned.
func (d *Daemon) noteEnd() error {
	if !closed(d.dir) {
		return nil
	}
	b, err := json.Marshal(d.at)
	if err != nil {
		return err
	}
	fresh := d.socket(endFile + ".new")
	return errors.Join(os.WriteFile(fresh, b, 0o600), os.Rename(fresh, d.socket(endFile)))
}

// Clear takes away what a daemon that is gone has left in its runtime directory and
// where its exports were. None may run or be started meanwhile.
func (e *Engine) Clear(dir string) error { return failed("clear", dir, clean(dir)) }
