package sdktest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// MemConfig configures the in-memory plugin.
type MemConfig struct {
	StateDir    string           `json:"state_dir" help:"Directory that keeps the machines when the process ends; empty keeps them in memory."`
	Zones       []MemZone        `json:"zones" help:"Where machines can be; none: one zone named zone-a." max:"100"`
	Capacity    int              `json:"capacity" help:"How many machines a zone holds." default:"100" min:"0"`
	Currency    string           `json:"currency" help:"Currency of the prices." default:"EUR" pattern:"^[A-Z]{3}$"`
	CorePrice   string           `json:"core_price" help:"Price of a core for an hour." default:"0.02" pattern:"^[0-9.]+$"`
	MemoryPrice string           `json:"memory_price" help:"Price of a GiB of memory for an hour." default:"0.004" pattern:"^[0-9.]+$"`
	DiskPrice   string           `json:"disk_price" help:"Price of a GiB of disk for a month." default:"0.05" pattern:"^[0-9.]+$"`
	Billing     *pricing.Billing `json:"billing" help:"How cores are billed, as package pricing has it; none: the exact time. Includes may name the SKUs disk and memory."`
	QuoteOnly   string           `json:"quote_only" help:"Why machines can be priced but not made; empty: they can be made." example:"no credentials"`
	Latency     time.Duration    `json:"latency" help:"How long each call takes; half of it before a change is made, half after." default:"0s" min:"0s" max:"10m"`
	Boot        time.Duration    `json:"boot" help:"How long a machine is being created." default:"0s" min:"0s" max:"10m"`
	Storage     *MemStorage      `json:"storage" help:"Volumes; without it there are none."`
	Machines    *MemMachines     `json:"machines" help:"What machines reach of volumes; without it nothing."`
	NoAddress   bool             `json:"no_address" help:"Machines never get an address."`
	// Faults maps an operation to what goes wrong in it; see Validate.
	Faults map[string]string `json:"faults" help:"What goes wrong, by operation: see the package's documentation."`
	Token  sdk.Secret        `json:"token" secret:"true" help:"Used for nothing, to try secrets with."`
}

// MemZone is one place.
type MemZone struct {
	Name      string           `json:"name" required:"true" pattern:"^[a-z0-9-]{1,63}$" example:"zone-a"`
	Capacity  *int             `json:"capacity" help:"Overrides the plugin's." min:"0"`
	CorePrice *string          `json:"core_price" help:"Overrides the plugin's." pattern:"^[0-9.]+$"`
	SpotPrice *string          `json:"spot_price" help:"Price of a core for an hour that may be taken back, at most the other; it makes an offer of its own." pattern:"^[0-9.]+$"`
	Billing   *pricing.Billing `json:"billing" help:"Overrides the plugin's."`
	QuoteOnly string           `json:"quote_only" help:"Overrides the plugin's."`
}

// Validate refuses prices that are no amounts and faults that are unknown.
func (c *MemConfig) Validate() []sdk.Fault {
	var faults []sdk.Fault
	price := func(path, amount string) {
		if m, err := pricing.NewMoney(amount, c.Currency); err != nil || m.Sign() <= 0 {
			faults = append(faults, sdk.Fault{Path: path, Have: amount, Want: "an amount above zero in a known currency"})
		}
	}
	price("core_price", c.CorePrice)
	price("memory_price", c.MemoryPrice)
	price("disk_price", c.DiskPrice)
	rules := func(path string, b *pricing.Billing) {
		if err := b.Check(); err != nil {
			faults = append(faults, sdk.Fault{Path: path, Want: "billing rules", Text: err.Error()})
		}
	}
	rules("billing", c.Billing)
	if c.Storage != nil {
		price("storage.price", c.Storage.Price)
		faults = append(faults, kindFaults("storage.exports", c.Storage.Exports)...)
	}
	if c.Machines != nil {
		faults = append(faults, kindFaults("machines.kinds", c.Machines.Kinds)...)
	}
	seen := map[string]bool{}
	for i, z := range c.Zones {
		rules(fmt.Sprintf("zones[%d].billing", i), z.Billing)
		if z.SpotPrice != nil {
			price(fmt.Sprintf("zones[%d].spot_price", i), *z.SpotPrice)
		}
		if z.CorePrice != nil {
			price(fmt.Sprintf("zones[%d].core_price", i), *z.CorePrice)
		}
		if seen[z.Name] {
			faults = append(faults, sdk.Fault{Path: fmt.Sprintf("zones[%d].name", i), Have: z.Name, Want: "a name of its own"})
		}
		seen[z.Name] = true
	}
	// What prices say of one another: a spot price above the other, an inclusion of
	// what is not there.
	if len(faults) == 0 {
		if _, err := memPrices(c.withZones()); err != nil {
			faults = append(faults, sdk.Fault{Path: "zones", Want: "prices that go together", Text: err.Error()})
		}
	}
	for op, what := range c.Faults {
		if _, err := parseMemFault(what); err != nil || !strings.Contains(memOperations, " "+op+" ") {
			faults = append(faults, sdk.Fault{
				Path: "faults." + op, Have: what,
				Want: "one of" + memOperations + "with a fault such as exhausted capacity, hang or die after effect",
			})
		}
	}
	return faults
}

// withZones is c with a zone where none is configured.
func (c *MemConfig) withZones() *MemConfig {
	if len(c.Zones) > 0 {
		return c
	}
	with := *c
	with.Zones = []MemZone{{Name: "zone-a"}}
	return &with
}

// Mem is a complete provider without anything behind it: machines with power
// and a console that echoes, kept in memory or in a directory, where they
// survive the process like those of a real provider.
//
// Cores can be billed by any rules of package pricing, so that which of two
// providers is cheaper depends on the horizon, and zones can have spot prices:
//
//	{"zones": [{"name": "plan", "core_price": "0.024", "spot_price": "0.01",
//	  "billing": {"cap_hours": 480, "increment_seconds": 3600, "includes": [{"sku": "disk", "amount": "25"}]}}]}
//
// With the setting storage it has volumes, of which the bytes at their beginning
// are kept, and with the setting machines its machines take them. The bytes of an
// image are those of its URL.
//
//	{"storage": {"exports": ["file", "iscsi", "nfs"], "capacity_gib": 100}, "machines": {"kinds": ["file", "iscsi", "nfs"]}}
//
// Its setting faults maps an operation (offer create get list delete watch power
// console check prices attach detach resize-attachment offer-volume create-volume
// get-volume list-volumes delete-volume watch-volume export unexport resize rename
// lock unlock snapshot list-snapshots delete-snapshot revert import-volume
// export-volume import-image list-images delete-image) to one of
//
//	invalid, denied, conflict, busy, unsupported, unavailable, internal, panic
//	exhausted capacity, exhausted quota, exhausted funds
//	throttled 2s
//	hang         until the caller gives up
//	hang hard    for ever
//	die          the process is killed
//
// each optionally followed by "after effect", by "xN" for the first N calls
// only, or both, such as "die after effect x1". The fault uncertain makes sense
// with "after effect".
func Mem() sdk.Definition[MemConfig, *MemProvider] {
	return sdk.Definition[MemConfig, *MemProvider]{
		Name:          "mem",
		Version:       "1.0.0",
		Summary:       "Machines and volumes that exist in memory alone, for tests.",
		LiveInventory: true,
		Consumes: []pb.ConnectionKind{
			pb.ConnectionKind_CONNECTION_KIND_FILE, pb.ConnectionKind_CONNECTION_KIND_ISCSI, pb.ConnectionKind_CONNECTION_KIND_NBD,
			pb.ConnectionKind_CONNECTION_KIND_NFS, pb.ConnectionKind_CONNECTION_KIND_RBD, pb.ConnectionKind_CONNECTION_KIND_NATIVE,
		},
		Open: func(_ context.Context, name string, c *MemConfig, log *slog.Logger) (*MemProvider, error) {
			return OpenMem(name, c, log)
		},
	}
}
