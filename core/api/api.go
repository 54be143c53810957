// Package api is what the command line, and later the network, asks of Meson:
// offers, machines and providers, over one ledger and the plugins of one host.
//
// A Meson is safe for concurrent use. Errors are *core.Error.
package api

import (
	"context"
	"io"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/place"
	"github.com/mesoncloud/meson/pricing"
)

// OffersRequest asks everybody for a pledge.
type OffersRequest struct {
	Pledge  core.Pledge
	Horizon pricing.Horizon
	Policy  place.Policy
	// Limit is the most quotes wanted, 0 for all.
	Limit int
	// OnAnswer, if set, is told of every provider's answer as it is complete,
	// one at a time, in the order of arrival.
	OnAnswer func(core.Answer)
}

// OffersResult is everything that was said: the quotes, best first, with those
// that can only be quoted in their place, why the others said no, and who could
// not be asked.
type OffersResult struct {
	Quotes  []core.Quote  `json:"quotes"`
	Reasons []core.Reason `json:"reasons"`
	// Failures holds the answers of providers that could not answer, or not
	// wholly.
	Failures []core.Answer `json:"failures"`
	// Why names the order of Quotes.
	Why string `json:"why"`
	// Rates are set where a quote was converted, or quotes of several currencies
	// were ordered.
	Rates *RatesUsed `json:"rates,omitempty"`
	// Oldest is the oldest price among those of Quotes; nil without any.
	Oldest *OldestPrice `json:"oldest_price,omitempty"`
	// Warnings are for people: prices or rates that are stale, a currency that
	// could not be shown.
	Warnings []string      `json:"warnings,omitempty"`
	Took     time.Duration `json:"took_ns"`
}

// WaitFor is what Deploy waits for beyond the machine having started.
type WaitFor string

// What can be waited for.
const (
	WaitRunning WaitFor = "running"
	WaitAddress WaitFor = "address"
	WaitSSH     WaitFor = "ssh"
)

// DeployRequest turns a pledge into a running machine.
type DeployRequest struct {
	Pledge core.Pledge
	// Name is the user's, unique among machines that exist, and makes Deploy
	// idempotent; empty: one made of the pledge's own and the allocation's id.
	Name    string
	Horizon pricing.Horizon
	Policy  place.Policy
	// OfferID, a quote's ID, binds: that quote or nothing.
	OfferID string
	// Choose picks the quote to begin with; the others are fallen back on in
	// order. It is given the best of those that can be bought, and in the reasons
	// those that cannot. Nil picks the first. It is not called for a bound quote, or where a
	// machine of that name and pledge exists.
	Choose func(OffersResult) (core.Quote, error)
	// DryRun stops before the first effect; the allocation returned has no ID.
	DryRun  bool
	WaitFor WaitFor
	// Progress, if set, is told of every step, one at a time.
	Progress func(Progress)
	// OnAnswer is as in OffersRequest.
	OnAnswer func(core.Answer)
}

// Progress is one step of something long.
type Progress struct {
	// Allocation is its id, Name its name where that is known.
	Allocation string
	Name       string
	// Step is the stable name, such as "create.sent".
	Step    string
	Text    string
	Percent int
	// Since is the time from the start of the command.
	Since time.Duration
}

// ListRequest filters machines.
type ListRequest struct {
	// All includes those that are gone or failed.
	All      bool
	Provider string
}

// RemoveRequest removes a machine and all that was made for it.
type RemoveRequest struct {
	// Name is an allocation's id, a unique prefix of it, or its name.
	Name     string
	Progress func(Progress)
}

// AddProviderRequest configures a provider.
type AddProviderRequest struct {
	Name   string
	Plugin string
	// Set holds key=value pairs of the plugin's settings; a value that is JSON is
	// taken as such, any other as a string. Keys may be dotted paths.
	Set []string
	// Settings is a whole settings object in JSON, before Set.
	Settings []byte
	// SecretFiles are paths by key.
	SecretFiles map[string]string
	Connect     string
	// Force keeps a provider that does not answer its check.
	Force bool
}

// ProviderInfo is a configured provider, as `provider ls` and `show` print it.
type ProviderInfo struct {
	core.ProviderConfig
	// SettingsJSON are the settings without secrets.
	SettingsJSON string            `json:"settings,omitempty"`
	Description  *core.Description `json:"description,omitempty"`
	Error        *core.Error       `json:"error,omitempty"`
}

// PluginInfo is a plugin that was found, or a reason why a file is not one.
type PluginInfo struct {
	Name        string            `json:"name"`
	Path        string            `json:"path"`
	Description *core.Description `json:"description,omitempty"`
	Error       string            `json:"error,omitempty"`
}

// Broker is what the command line needs; *Meson is it.
type Broker interface {
	Prices
	Volumes
	Images

	// Offers asks every provider and prices what they answer. Nobody being able
	// is not an error: the result says why.
	Offers(ctx context.Context, req OffersRequest) (OffersResult, error)
	// Deploy returns when the machine runs (and WaitFor holds), or could not be
	// made. The same name and pledge again give the same allocation. NoOffer: the
	// error's Faults carry the reasons. Denied: the bound offer can only be quoted.
	// Uncertain: the allocation is returned along with the error.
	Deploy(ctx context.Context, req DeployRequest) (core.Allocation, error)
	// Show asks the provider live; LastSeen is set if it cannot be asked.
	Show(ctx context.Context, name string) (core.Allocation, []core.Attempt, error)
	List(ctx context.Context, req ListRequest) ([]core.Allocation, error)
	// Remove returns when the machine is gone. Already gone is not an error.
	Remove(ctx context.Context, req RemoveRequest) (core.Allocation, error)
	// Resume takes over what nobody drives: adopts what exists and finishes
	// removals. An empty name means all, several of them at once, returned newest
	// first; it then warns of machines that bear the ledger's mark and that it
	// does not know. progress is called once at a time.
	Resume(ctx context.Context, name string, progress func(Progress)) ([]core.Allocation, error)
	Power(ctx context.Context, name string, action core.PowerAction, progress func(Progress)) (core.Allocation, error)
	// Console connects stream to the machine's serial console until either ends.
	Console(ctx context.Context, name string, force bool, stream io.ReadWriter) error
	// Events of one allocation, or of all with an empty name, oldest first, after
	// the given sequence number.
	Events(ctx context.Context, name string, after int64, limit int) ([]core.Event, error)

	AddProvider(ctx context.Context, req AddProviderRequest) (ProviderInfo, []core.CheckItem, error)
	SetProvider(ctx context.Context, req SetProviderRequest) (ProviderInfo, []core.CheckItem, error)
	Providers(ctx context.Context) ([]ProviderInfo, error)
	Provider(ctx context.Context, name string) (ProviderInfo, error)
	// RemoveProvider forgets a provider that has no machines and no volumes of this
	// ledger; Conflict otherwise, naming them.
	RemoveProvider(ctx context.Context, name string) error
	// ProviderHolds is what RemoveProvider would refuse for.
	ProviderHolds(ctx context.Context, name string) ([]core.Forgotten, error)
	// ForgetProvider forgets a provider that is gone for good, and what it holds, which
	// must be what ProviderHolds said; it asks no provider for anything. Busy while
	// somebody is at something of that; Conflict where it has changed.
	ForgetProvider(ctx context.Context, name string, what []core.Forgotten) error
	TestProvider(ctx context.Context, name string) ([]core.CheckItem, error)
	// Plugins lists what is installed, describing each.
	Plugins(ctx context.Context) ([]PluginInfo, error)
	// Discover asks every plugin what could be added from here.
	Discover(ctx context.Context) ([]core.Discovery, error)

	Backup(ctx context.Context, file string) (BackupResult, error)
}
