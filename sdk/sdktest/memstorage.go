package sdktest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// MemStorage are the settings of the volumes of the in-memory plugin, and of
// what its machines reach.
type MemStorage struct {
	CapacityGiB int      `json:"capacity_gib" help:"How much a zone holds, in GiB." default:"1000" min:"0"`
	Price       string   `json:"price" help:"Price of a GiB for a month." default:"0.08" pattern:"^[0-9.]+$"`
	Exports     []string `json:"exports" help:"Ways to reach a volume, the best first: file iscsi nbd nfs rbd native; none: iscsi and, for what is shareable, nfs." max:"6"`
	Formats     []string `json:"formats" help:"Formats that a volume may have, of raw and qcow2; none: both." max:"2"`
	Host        string   `json:"host" help:"The host on which volumes are files and sockets." default:"mem-host"`
	Network     string   `json:"network" help:"The network by which volumes are reached; empty: from everywhere."`
}

// MemMachines are the settings of what machines of the in-memory plugin reach.
type MemMachines struct {
	Kinds    []string `json:"kinds" help:"Ways to reach a volume that machines have: file iscsi nbd nfs rbd native; none: none." max:"6"`
	Host     string   `json:"host" help:"The host of the machines." default:"mem-host"`
	Networks []string `json:"networks" help:"Networks that the host is on." max:"100"`
}

func kindsNamed(names []string) []pb.ConnectionKind {
	var all []pb.ConnectionKind
	for _, n := range names {
		if k, ok := sdk.KindNamed(n); ok {
			all = append(all, k)
		}
	}
	return all
}

func kindFaults(path string, names []string) []sdk.Fault {
	var faults []sdk.Fault
	for i, n := range names {
		if _, ok := sdk.KindNamed(n); !ok || slices.Contains(names[:i], n) {
			faults = append(faults, sdk.Fault{Path: fmt.Sprintf("%s[%d]", path, i), Have: n, Want: "file, iscsi, nbd, nfs, rbd or native, once"})
		}
	}
	return faults
}

func (s *MemStorage) kinds() []pb.ConnectionKind {
	if len(s.Exports) == 0 {
		return []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_ISCSI, pb.ConnectionKind_CONNECTION_KIND_NFS}
	}
	return kindsNamed(s.Exports)
}

// exposures are the ways to a volume: what many write is reached by NFS and
// nothing else.
func (m *MemProvider) exposures(spec *pb.VolumeSpec, zone string) []*pb.Exposure {
	var all []*pb.Exposure
	for _, k := range m.config.Storage.kinds() {
		e := &pb.Exposure{Kind: k, Rank: uint32(len(all)), Text: sdk.KindName(k) + " from memory"}
		if (k == pb.ConnectionKind_CONNECTION_KIND_NFS) != spec.GetShareable() {
			continue
		}
		switch k {
		case pb.ConnectionKind_CONNECTION_KIND_FILE, pb.ConnectionKind_CONNECTION_KIND_NBD:
			e.Host = m.config.Storage.Host
		case pb.ConnectionKind_CONNECTION_KIND_NATIVE:
			e.Provider, e.Zone = m.name, zone
		default:
			e.Network = m.config.Storage.Network
		}
		all = append(all, e)
	}
	return all
}

// consumer is a machine of this provider as one that reaches volumes; nil where
// machines reach none.
func (m *MemProvider) consumer(zone string) *pb.Consumer {
	c := m.config.Machines
	if c == nil || len(c.Kinds) == 0 {
		return nil
	}
	return &pb.Consumer{
		Kinds: kindsNamed(c.Kinds), Host: c.Host, Networks: c.Networks, Provider: m.name, Zone: zone,
		InitiatorIqn: "iqn.2026-01.dev.meson:host-" + c.Host, GuestMounts: slices.Contains(c.Kinds, "nfs"),
	}
}

func volumePrice(c *MemConfig) (pricing.Price, error) {
	m, err := pricing.NewMoney(cmp.Or(c.Storage.Price, "0.08"), c.Currency)
	return pricing.Price{SKU: "volume", Kind: pricing.KindDisk, Unit: pricing.UnitGiBMonth, Amount: m}, err
}
