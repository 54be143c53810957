package upcloud

import (
	"encoding/json"
	"fmt"

	"github.com/mesoncloud/meson/sdk"
)

// machine is one server as an offer means it: what Create needs beyond the
// pledge. It travels in the offer's token.
type machine struct {
	Zone string `json:"zone"`
	// Plan is empty for a free choice of cores and memory.
	Plan      string `json:"plan,omitempty"`
	Cores     int    `json:"cores"`
	MemoryMiB int    `json:"memory_mib"`
	// Template is the UUID that the system's template had when the offer was made,
	// Title its title.
	Template string `json:"template"`
	Title    string `json:"title"`
	// DiskGiB is the size of the boot disk, and Tier where it is.
	DiskGiB int    `json:"disk_gib"`
	Tier    string `json:"tier"`
	// PublicIPv4 is whether it gets a public address.
	PublicIPv4 bool `json:"public_ipv4,omitempty"`
	// Networks are the UUIDs of the private networks that it joins, in order.
	Networks []string `json:"networks,omitempty"`
}

// token is the machine as an offer carries it.
func (m *machine) token() ([]byte, error) {
	t, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode token: %w", err)
	}
	return t, nil
}

// machineOf reads the token of an offer. What is wrong with it is Invalid: it is
// not this plugin's, or was changed.
func machineOf(token []byte) (*machine, error) {
	m := &machine{}
	err := json.Unmarshal(token, m)
	switch {
	case err != nil:
	case m.Zone == "" || m.Cores < 1 || m.MemoryMiB < 1 || m.DiskGiB < 1 || m.Tier == "":
		err = fmt.Errorf("it lacks zone, cores, memory or disk")
	case !uuidText.MatchString(m.Template):
		err = fmt.Errorf("it lacks a template")
	default:
		return m, nil
	}
	return nil, &sdk.Error{
		Kind: sdk.Invalid, Op: "read offer", Source: sdk.SourcePlugin,
		Faults: []sdk.Fault{{Path: "offer.token", Want: "the token of an offer of this plugin", Text: sdk.CleanText(err.Error(), 200)}},
	}
}
