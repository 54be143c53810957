package upcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/mesoncloud/meson/sdk"
)

// plan is a size of server with a name. The SDK's type lacks its family and
// whether it is still offered.
type plan struct {
	name      string
	cores     int
	memoryMiB int
	// diskGiB and tier are of the disk that it brings along; 0 and empty: none.
	diskGiB  int
	tier     string
	gpus     int
	gpuModel string
	family   string
	// current is false for one that UpCloud lists and no longer offers.
	current bool
}

// The families that differ in what they bring along or how they are billed.
const (
	familyStarter     = "starter"
	familyPremium     = "premium"
	familyGeneral     = "general_purpose"
	familyCloudNative = "cloud_native"
	familyDeveloper   = "developer"
	familyGPU         = "gpu"
)

const (
	maxPlans = 2000
	// Bounds beyond which a size is a fault of the listing.
	maxCores     = 4096
	maxMemoryMiB = 64 << 20
	maxDiskGiB   = 1 << 20
)

// bringsIPv4 reports whether a public address is in its price. Of the families
// that UpCloud's pages do not say it of, it is paid apart: a quote is rather too
// high than too low.
func (p *plan) bringsIPv4() bool {
	switch p.family {
	case familyStarter, familyPremium, familyGeneral:
		return p.diskGiB > 0
	}
	return false
}

// spot reports whether UpCloud may take it back at any time.
func (p *plan) spot() bool { return strings.HasPrefix(p.name, spotPrefix) }

const spotPrefix = "GPU-SPOT-"

// onDemand is the name of the plan that a spot plan is the same as.
func (p *plan) onDemand() string { return "GPU-" + strings.TrimPrefix(p.name, spotPrefix) }

// decodePlans reads an answer of /plan. A plan that makes no sense is left out
// and told of; an answer that is no listing is an error.
func decodePlans(body []byte) (plans []*plan, leftOut []error, err error) {
	var doc struct {
		Plans *struct {
			Plan []json.RawMessage `json:"plan"`
		} `json:"plans"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, nil, fmt.Errorf("list of plans: %w", err)
	}
	if doc.Plans == nil || len(doc.Plans.Plan) == 0 || len(doc.Plans.Plan) > maxPlans {
		return nil, nil, fmt.Errorf("list of plans: want 1 to %d", maxPlans)
	}
	seen := map[string]bool{}
	for i, raw := range doc.Plans.Plan {
		p, err := decodePlan(raw)
		if err == nil && seen[p.name] {
			err = errors.New("it is listed twice")
		}
		if err != nil {
			leftOut = append(leftOut, fmt.Errorf("plan %d: %w", i+1, err))
			continue
		}
		seen[p.name] = true
		plans = append(plans, p)
	}
	return plans, leftOut, nil
}

func decodePlan(raw json.RawMessage) (*plan, error) {
	var w struct {
		Name     string  `json:"name"`
		Cores    whole   `json:"core_number"`
		Memory   whole   `json:"memory_amount"`
		Disk     whole   `json:"storage_size"`
		Tier     *string `json:"storage_tier"`
		GPUs     whole   `json:"gpu_amount"`
		GPUModel *string `json:"gpu_model"`
		Family   string  `json:"family"`
		Current  *yesNo  `json:"current_offering"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, err
	}
	p := &plan{
		name: w.Name, cores: int(w.Cores), memoryMiB: int(w.Memory), diskGiB: int(w.Disk), gpus: int(w.GPUs),
		family: w.Family, current: w.Current == nil || bool(*w.Current),
	}
	if w.Tier != nil {
		p.tier = *w.Tier
	}
	if w.GPUModel != nil {
		p.gpuModel = sdk.CleanText(*w.GPUModel, 100)
	}
	if p.family == "" {
		p.family = familyOf(p.name)
	}
	if p.diskGiB > 0 && p.tier == "" {
		p.tier = tierMaxIOPS
	}
	return p, p.check()
}

func (p *plan) check() error {
	switch {
	case !planText.MatchString(p.name):
		return fmt.Errorf("%.64q is no name of a plan", p.name)
	case p.cores < 1 || p.cores > maxCores, p.memoryMiB < 1 || p.memoryMiB > maxMemoryMiB, p.diskGiB < 0 || p.diskGiB > maxDiskGiB:
		return fmt.Errorf("%s: %d cores, %d MiB, %d GiB make no sense", p.name, p.cores, p.memoryMiB, p.diskGiB)
	case p.gpus < 0 || p.gpus > 1024:
		return fmt.Errorf("%s: %d GPUs make no sense", p.name, p.gpus)
	case !planText.MatchString("x" + p.tier), !planText.MatchString("x" + p.family):
		return fmt.Errorf("%s: tier %.64q or family %.64q is no name", p.name, p.tier, p.family)
	}
	return nil
}

var planText = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// familyOf reads the family from a name, where a listing does not say it.
func familyOf(name string) string {
	for _, f := range []struct{ prefix, family string }{
		{"STARTER-", familyStarter},
		{"PREMIUM-", familyPremium},
		{"CLOUDNATIVE-", familyCloudNative},
		{"DEV-", familyDeveloper},
		{"GPU-", familyGPU},
	} {
		if strings.HasPrefix(name, f.prefix) {
			return f.family
		}
	}
	return familyGeneral
}

// whole is a whole number, which the API writes as a number or as a text.
type whole int64

// UnmarshalJSON reads both; null is 0.
func (w *whole) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "null" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%.40q is no whole number", text)
	}
	*w = whole(n)
	return nil
}

// yesNo is a truth value as the API writes it.
type yesNo bool

// UnmarshalJSON reads "yes" and "no", and true and false.
func (y *yesNo) UnmarshalJSON(b []byte) error {
	switch strings.Trim(string(b), `"`) {
	case "yes", "true", "on":
		*y = true
	case "no", "false", "off", "null":
		*y = false
	default:
		return fmt.Errorf("%.40q is neither yes nor no", b)
	}
	return nil
}
