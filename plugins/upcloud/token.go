package upcloud

import (
	"encoding/json"
	"fmt"
	"strconv"

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

// token is the machine as an offer carries it: its JSON. An answer has one for
// each of many offers, so that it is written without reflection.
func (m *machine) token() ([]byte, error) {
	b := make([]byte, 0, 256)
	b = appendText(append(b, `{"zone":`...), m.Zone)
	if m.Plan != "" {
		b = appendText(append(b, `,"plan":`...), m.Plan)
	}
	b = strconv.AppendInt(append(b, `,"cores":`...), int64(m.Cores), 10)
	b = strconv.AppendInt(append(b, `,"memory_mib":`...), int64(m.MemoryMiB), 10)
	b = appendText(append(b, `,"template":`...), m.Template)
	b = appendText(append(b, `,"title":`...), m.Title)
	b = strconv.AppendInt(append(b, `,"disk_gib":`...), int64(m.DiskGiB), 10)
	b = appendText(append(b, `,"tier":`...), m.Tier)
	if m.PublicIPv4 {
		b = append(b, `,"public_ipv4":true`...)
	}
	if len(m.Networks) == 0 {
		return append(b, '}'), nil
	}
	separator := `,"networks":[`
	for _, n := range m.Networks {
		b = appendText(append(b, separator...), n)
		separator = `,`
	}
	return append(b, `]}`...), nil
}

// appendText adds a text of JSON.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // a text always can be
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
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
