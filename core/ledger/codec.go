package ledger

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/core"
)

// timeFormat is RFC 3339 with a fixed number of digits: as text, times sort as
// they are.
const timeFormat = "2006-01-02T15:04:05.000000000Z"

func stringOf(t time.Time) string { return t.UTC().Format(timeFormat) }

func timeOf(s string) (time.Time, error) {
	t, err := time.Parse(timeFormat, s)
	if err != nil {
		return t, fmt.Errorf("time in the ledger: %w", err)
	}
	return t, nil
}

// The ledger's own encodings drop the methods of the core types: how a pledge
// is shown to people may change, what is stored must be read back the same.
type (
	plainPledge     core.Pledge
	plainAllocation core.Allocation
)

type pledgeRecord struct {
	plainPledge
	MinFrequencyMHz int     `json:"min_frequency_mhz,omitempty"`
	VolumeMiB       []int64 `json:"volume_mib,omitempty"`
}

func encodePledge(p core.Pledge) (string, error) {
	Secrets{}.Into(&p)
	r := pledgeRecord{plainPledge: plainPledge(p), MinFrequencyMHz: p.MinFrequencyMHz}
	for _, v := range p.Volumes {
		r.VolumeMiB = append(r.VolumeMiB, v.SizeMiB)
	}
	return encode(r)
}

func decodePledge(text string) (core.Pledge, error) {
	var r pledgeRecord
	if err := decode(text, &r); err != nil {
		return core.Pledge{}, err
	}
	r.plainPledge.MinFrequencyMHz = r.MinFrequencyMHz
	for i := range min(len(r.VolumeMiB), len(r.Volumes)) {
		r.Volumes[i].SizeMiB = r.VolumeMiB[i]
	}
	return core.Pledge(r.plainPledge), nil
}

// allocationRecord is an allocation without what has columns of its own.
type allocationRecord struct {
	plainAllocation
	Pledge    *struct{} `json:"pledge,omitempty"`
	CreatedAt *struct{} `json:"created_at,omitempty"`
	UpdatedAt *struct{} `json:"updated_at,omitempty"`
}

func encodeAllocation(a core.Allocation) (string, error) {
	return encode(allocationRecord{plainAllocation: plainAllocation(a)})
}

func encode(v any) (string, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode for the ledger: %w", err)
	}
	return string(data), nil
}

func decode(text string, to any) error {
	if err := json.Unmarshal([]byte(text), to); err != nil {
		return fmt.Errorf("decode from the ledger: %w", err)
	}
	return nil
}
