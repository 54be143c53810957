package iscsi

import (
	"cmp"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// Config is one provider: vaults on one server, the ways to their volumes, and what
// they cost.
type Config struct {
	Path   string        `json:"path,omitempty" help:"Directory of the only vault, or of one beside those in vaults. A provider that connects to a resident part leaves it out." example:"/srv/vault"`
	Vaults []VaultConfig `json:"vaults,omitempty" help:"Several vaults of one server, the preferred one first." max:"64"`
	Region string        `json:"region,omitempty" help:"Where the server is, in the words that users ask by." default:"local" example:"fi-hel"`
	Zone   string        `json:"zone,omitempty" help:"Name of the server, shown as the zone; by default its hostname." pattern:"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$" example:"store1"`

	HostUUID string   `json:"host_uuid,omitempty" help:"UUID by which libvirt knows this host, so that its machines open images as files; by default that of its firmware. none: no machine does." example:"6f1f5a1c-5c6e-4f0b-9d53-2d6f8f1d2b7a"`
	Networks []string `json:"networks,omitempty" help:"Storage networks on which the server is reached; none: from everywhere." max:"64" example:"san"`

	Address   string `json:"address,omitempty" help:"Address of this server on which iSCSI targets listen; without it volumes are not exported over iSCSI." example:"10.0.0.7"`
	FirstPort int    `json:"first_port,omitempty" help:"First port of iSCSI targets: each volume in use has one." default:"13260" min:"1" max:"65535"`
	LastPort  int    `json:"last_port,omitempty" help:"Last port of iSCSI targets." default:"15259" min:"1" max:"65535"`
	Authority string `json:"authority,omitempty" help:"Naming authority of the targets' names." default:"iqn.2026-01.dev.meson" example:"iqn.2026-01.com.example"`

	NFSAddress string   `json:"nfs_address,omitempty" help:"Address and port of the NFS server for shareable volumes; without it there are none." example:"10.0.0.7:2049"`
	NFSClients []string `json:"nfs_clients,omitempty" help:"Addresses or networks that may mount shareable volumes." max:"64" example:"10.0.0.0/24"`

	Currency       string `json:"currency,omitempty" help:"ISO 4217 code of all prices." example:"EUR"`
	GiBMonth       string `json:"gib_month,omitempty" help:"Price of one GiB for one month." example:"0.04"`
	RawGiBMonth    string `json:"raw_gib_month,omitempty" help:"The same of raw volumes, where it differs." example:"0.05"`
	SharedGiBMonth string `json:"shared_gib_month,omitempty" help:"The same of shareable volumes, where it differs." example:"0.06"`
	Free           bool   `json:"free,omitempty" help:"Declares that a price that is zero or left out is meant to be zero."`

	Format            string `json:"format,omitempty" help:"Format of volumes where the user has no preference: qcow2 has snapshots and clones at once, raw is faster over iSCSI." enum:"qcow2,raw" default:"qcow2"`
	MaxVolumeGiB      int64  `json:"max_volume_gib,omitempty" help:"The largest volume." default:"16384" min:"1" max:"16384"`
	ReserveGiB        int64  `json:"reserve_gib,omitempty" help:"Space of each vault's filesystem that is never given away." default:"1" min:"0"`
	OvercommitPercent int64  `json:"overcommit_percent,omitempty" help:"How much may be promised of the space of a vault's filesystem: above 100, volumes that fill up can run out of it." default:"100" min:"1" max:"100000"`

	ImageSources []string `json:"image_sources,omitempty" help:"Where images may come from: directories of this server, and addresses that begin so; none: only images that were imported." max:"64" example:"https://images.example.com/"`
	MaxImageGiB  int64    `json:"max_image_gib,omitempty" help:"The most that is read of an image." default:"64" min:"1" max:"16384"`

	RuntimeDir string `json:"runtime_dir,omitempty" help:"Directory of the daemons' sockets, at most 40 bytes long; by default /run/meson-iscsi, or that of the user." example:"/run/meson-iscsi"`

	// ofResident is whether they are those of a resident part with vaults of its own, so
	// that a provider which connects cannot change them.
	ofResident bool
}

// VaultConfig is one vault.
type VaultConfig struct {
	Path string `json:"path" help:"Its directory." required:"true" example:"/srv/fast"`
	Name string `json:"name,omitempty" help:"Its name, shown as the tier; by default that of the directory." pattern:"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" example:"fast"`
}

// all are the vaults, that of the top first, with their names.
func (c *Config) all() []VaultConfig {
	var out []VaultConfig
	if c.Path != "" {
		out = append(out, VaultConfig{Path: c.Path})
	}
	out = append(out, c.Vaults...)
	for i := range out {
		out[i].Path = filepath.Clean(out[i].Path)
		out[i].Name = cmp.Or(out[i].Name, nameOf(out[i].Path))
	}
	return out
}

// nameOf is the name of a directory as that of a vault.
func nameOf(path string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(filepath.Base(path)))
	return cmp.Or(strings.Trim(name[:min(len(name), 63)], "-"), "vault")
}

func (c *Config) zone() string {
	if c.Zone != "" {
		return c.Zone
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "server"
	}
	return strings.ToLower(host)
}

// hostUUID is how compute providers name this host, empty where nobody knows.
func (c *Config) hostUUID() string {
	switch c.HostUUID {
	case "none":
		return ""
	case "":
		id, err := os.ReadFile("/sys/class/dmi/id/product_uuid")
		if err != nil {
			return ""
		}
		return strings.ToLower(strings.TrimSpace(string(id)))
	}
	return strings.ToLower(c.HostUUID)
}

// runtimeDir is where sockets are.
func (c *Config) runtimeDir() string {
	switch user := os.Getenv("XDG_RUNTIME_DIR"); {
	case c.RuntimeDir != "":
		return filepath.Clean(c.RuntimeDir)
	case os.Geteuid() == 0 || user == "":
		return "/run/meson-iscsi"
	default:
		return filepath.Join(user, "meson-iscsi")
	}
}

// clients are nfs_clients; what is no address was refused before.
func (c *Config) clients() []netip.Prefix {
	var out []netip.Prefix
	for _, text := range c.NFSClients {
		if p, err := prefixOf(text); err == nil {
			out = append(out, p)
		}
	}
	return out
}

func prefixOf(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		return a.Prefix(a.BitLen())
	}
	return netip.ParsePrefix(text)
}
