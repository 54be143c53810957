package iscsi

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/mesoncloud/meson/sdk"
)

// JoinedConfig is what a provider says that connects to a resident part with vaults
// of its own: where it is, and what it costs. The other settings of [Config] are the
// resident part's, for all who connect; to name one of them here is a fault.
type JoinedConfig struct {
	Region string `json:"region,omitempty" help:"Where the server is, in the words that users ask by." default:"local" example:"fi-hel"`
	Zone   string `json:"zone,omitempty" help:"Name of the server, shown as the zone; by default that of the resident part." pattern:"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$" example:"store1"`

	Currency       string `json:"currency,omitempty" help:"ISO 4217 code of all prices." example:"EUR"`
	GiBMonth       string `json:"gib_month,omitempty" help:"Price of one GiB for one month." example:"0.04"`
	RawGiBMonth    string `json:"raw_gib_month,omitempty" help:"The same of raw volumes, where it differs." example:"0.05"`
	SharedGiBMonth string `json:"shared_gib_month,omitempty" help:"The same of shareable volumes, where it differs." example:"0.06"`
	Free           bool   `json:"free,omitempty" help:"Declares that a price that is zero or left out is meant to be zero."`

	Path              *string       `json:"path,omitempty" help:"Not here: the resident part's."`
	Vaults            []VaultConfig `json:"vaults,omitempty" help:"Not here: the resident part's."`
	HostUUID          *string       `json:"host_uuid,omitempty" help:"Not here: the resident part's."`
	Networks          []string      `json:"networks,omitempty" help:"Not here: the resident part's."`
	Address           *string       `json:"address,omitempty" help:"Not here: the resident part's."`
	FirstPort         *int          `json:"first_port,omitempty" help:"Not here: the resident part's."`
	LastPort          *int          `json:"last_port,omitempty" help:"Not here: the resident part's."`
	Authority         *string       `json:"authority,omitempty" help:"Not here: the resident part's."`
	NFSAddress        *string       `json:"nfs_address,omitempty" help:"Not here: the resident part's."`
	NFSClients        []string      `json:"nfs_clients,omitempty" help:"Not here: the resident part's."`
	Format            *string       `json:"format,omitempty" help:"Not here: the resident part's."`
	MaxVolumeGiB      *int64        `json:"max_volume_gib,omitempty" help:"Not here: the resident part's."`
	ReserveGiB        *int64        `json:"reserve_gib,omitempty" help:"Not here: the resident part's."`
	OvercommitPercent *int64        `json:"overcommit_percent,omitempty" help:"Not here: the resident part's."`
	ImageSources      []string      `json:"image_sources,omitempty" help:"Not here: the resident part's."`
	MaxImageGiB       *int64        `json:"max_image_gib,omitempty" help:"Not here: the resident part's."`
	RuntimeDir        *string       `json:"runtime_dir,omitempty" help:"Not here: the resident part's."`
}

// Validate finds every setting that is the resident part's, and what is wrong with the
// prices.
func (c *JoinedConfig) Validate() []sdk.Fault {
	v := &configCheck{config: c.own()}
	all := reflect.ValueOf(c).Elem()
	for i := range all.NumField() {
		value, field := all.Field(i), all.Type().Field(i)
		if k := value.Kind(); k != reflect.Pointer && k != reflect.Slice || value.IsNil() {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		v.fault(name, fmt.Sprint(reflect.Indirect(value)), "nothing", "a provider that connects has no say in it: %s", setThere(name))
	}
	v.prices()
	return v.faults
}

// own are the settings by themselves.
func (c *JoinedConfig) own() *Config {
	return &Config{
		Region: c.Region, Zone: c.Zone,
		Currency: c.Currency, GiBMonth: c.GiBMonth, RawGiBMonth: c.RawGiBMonth, SharedGiBMonth: c.SharedGiBMonth, Free: c.Free,
	}
}

// at are the settings of the resident part with what the provider says itself.
func (c *JoinedConfig) at(home *Config) *Config {
	all, own := *home, c.own()
	all.Region = own.Region
	if own.Zone != "" {
		all.Zone = own.Zone
	}
	all.Currency, all.GiBMonth, all.RawGiBMonth, all.SharedGiBMonth, all.Free = own.Currency, own.GiBMonth, own.RawGiBMonth, own.SharedGiBMonth, own.Free
	return &all
}
