package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// Consumer is this machine, as one that maps volumes: what it can reach them by,
// and its name as an initiator. Host is the machine's UUID where this user may
// read it, which is root; without it no volume is reached as a file. Networks are
// what the caller knows of.
func (m *Mapper) Consumer(networks []string) core.Consumer {
	c := core.Consumer{Networks: networks}
	if _, err := exec.LookPath(m.opts.StorageDaemon); err != nil {
		return c
	}
	c.Kinds = []core.ConnectionKind{core.ConnectFile, core.ConnectISCSI, core.ConnectNBD}
	if id, err := os.ReadFile("/sys/class/dmi/id/product_uuid"); err == nil {
		c.Host = strings.ToLower(strings.TrimSpace(string(id)))
	}
	c.InitiatorIQN = m.initiator()
	return c
}

// initiator is a name that no other machine and no other directory of mappings
// gives; see machine-id(5) for why the id itself is not told.
func (m *Mapper) initiator() string {
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		name, _ := os.Hostname()
		machine = []byte(name)
	}
	sum := sha256.Sum256([]byte("meson mapping\x00" + strings.TrimSpace(string(machine)) + "\x00" + filepath.Clean(m.opts.Dir)))
	return "iqn.2026-01.dev.meson:map-" + hex.EncodeToString(sum[:8])
}
