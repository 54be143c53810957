package kvm

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

// Site is one host with everything that holds for it, group and top of the
// Config taken into account.
type Site struct {
	// Zone is the host's name among the provider's.
	Zone, Region, Group string
	URI                 string
	Labels              map[string]string
	Accelerator         inventory.AcceleratorSetting
	Limits              fit.Limits
	// PublicNetwork is empty where the host has none.
	PublicNetwork string
	// ECC is what the operator states about the host's memory.
	ECC inventory.Tristate
	// VNCListen is a private or loopback address.
	VNCListen string
	// StorageNetworks are the operator's names of the networks for storage that the
	// host is on. InitiatorIQN is the host's iSCSI name; empty: made of its UUID.
	StorageNetworks []string
	InitiatorIQN    string
	// VolumeDirs are the directories of the host that files and sockets of volumes
	// may be below; empty: no volume is reached by either.
	VolumeDirs []string
	// SKUPrefix is what the names of the host's SKUs begin with: its group, or
	// group/host where it has prices of its own.
	SKUPrefix string

	prices prices
}

// prices are as configured: decimal strings, empty where none is given. With a
// cost model those of cores and memory come from it.
type prices struct {
	currency, coreHour, gibHour, diskGiBMonth string
	cost                                      *CostConfig
	free                                      bool
}

// defaultGroup is the group of the host whose uri stands at the top.
const defaultGroup = "default"

// Sites lists the hosts, in the order of the Config. It is for a Config that
// Validate finds no fault in.
func (c *Config) Sites() []Site {
	var sites []Site
	for _, g := range c.allGroups() {
		for i := range g.Hosts {
			sites = append(sites, c.site(&g, &g.Hosts[i]))
		}
	}
	return sites
}

// Site finds a host by its zone.
func (c *Config) Site(zone string) (Site, bool) {
	for _, s := range c.Sites() {
		if s.Zone == zone {
			return s, true
		}
	}
	return Site{}, false
}

// allGroups are those of the Config, after the one that uri makes.
func (c *Config) allGroups() []Group {
	if c.URI == "" {
		return c.Groups
	}
	only := Group{Name: defaultGroup, Hosts: []HostConfig{{URI: c.URI, Name: c.Name, InitiatorIQN: c.InitiatorIQN}}}
	return append([]Group{only}, c.Groups...)
}

func (c *Config) site(g *Group, h *HostConfig) Site {
	s := Site{
		Zone: h.zone(), URI: h.URI, Group: g.Name, Labels: g.Labels,
		Region:        cmp.Or(g.Region, c.Region, "local"),
		Accelerator:   inventory.AcceleratorSetting(cmp.Or(g.Accelerator, c.Accelerator, string(inventory.AcceleratorAuto))),
		PublicNetwork: cmp.Or(h.PublicNetwork, g.PublicNetwork, c.PublicNetwork),
		VNCListen:     cmp.Or(h.VNCListen, c.VNCListen, "127.0.0.1"),
		ECC:           stated(h.ECC, g.ECC, c.ECC),
		InitiatorIQN:  h.InitiatorIQN,
		SKUPrefix:     g.Name,
		Limits: fit.Limits{
			ReserveCores:         first(c.ReserveCores, h.ReserveCores, g.ReserveCores),
			ReserveMemoryMiB:     uint64(max(first(c.ReserveMemoryMiB, h.ReserveMemoryMiB, g.ReserveMemoryMiB), 0)),
			DefaultOverprovision: cmp.Or(g.Overprovision, c.Overprovision, 2),
			Pool:                 cmp.Or(h.Pool, g.Pool, c.Pool, "default"),
			Network:              cmp.Or(h.Network, g.Network, c.Network, "default"),
		},
		prices: prices{
			currency:     cmp.Or(g.Currency, c.Currency),
			coreHour:     cmp.Or(h.CoreHour, g.CoreHour, c.CoreHour),
			gibHour:      cmp.Or(h.GiBHour, g.GiBHour, c.GiBHour),
			diskGiBMonth: cmp.Or(h.DiskGiBMonth, g.DiskGiBMonth, c.DiskGiBMonth),
			free:         g.Free || c.Free,
		},
	}
	for _, networks := range [][]string{c.StorageNetworks, g.StorageNetworks, h.StorageNetworks} {
		if networks != nil {
			s.StorageNetworks = networks
		}
	}
	for _, dirs := range [][]string{c.VolumeDirs, g.VolumeDirs, h.VolumeDirs} {
		if dirs != nil {
			s.VolumeDirs = dirs
		}
	}
	s.prices.cost, _ = c.costOf("", g, h)
	if h.CoreHour != "" || h.GiBHour != "" || h.DiskGiBMonth != "" {
		s.SKUPrefix += "/" + s.Zone
	}
	return s
}

// zone is the host's name: its own, the hostname in its uri, or local.
func (h *HostConfig) zone() string {
	if h.Name != "" {
		return h.Name
	}
	u, err := url.Parse(h.URI)
	if err != nil || u.Hostname() == "" {
		return "local"
	}
	return strings.ToLower(strings.NewReplacer(":", "-", "%", "-").Replace(u.Hostname()))
}

// stated is what the first that is set says, unknown where none is.
func stated(set ...*bool) inventory.Tristate {
	for _, yes := range set {
		switch {
		case yes == nil:
		case *yes:
			return inventory.Yes
		default:
			return inventory.No
		}
	}
	return inventory.Unknown
}

// first is the first that is set, or else the fallback.
func first[T any](fallback T, set ...*T) T {
	for _, p := range set {
		if p != nil {
			return *p
		}
	}
	return fallback
}

// Image finds what to boot, whatever architecture it is for: the first image of
// the family and flavour, an empty one of which matches any.
func (c *Config) Image(family, flavour string) (*Image, bool) {
	return c.ImageFor(family, flavour, "")
}

// ImageFor finds what to boot on an architecture, in the kernel's name; an empty
// one matches any.
func (c *Config) ImageFor(family, flavour, arch string) (*Image, bool) {
	matches := func(want, have string) bool { return want == "" || strings.EqualFold(want, have) }
	for i := range c.Images {
		im := &c.Images[i]
		if matches(family, im.OSFamily) && matches(flavour, im.OSFlavour) && matches(arch, cmp.Or(im.Arch, "x86_64")) {
			return im, true
		}
	}
	return nil, false
}
