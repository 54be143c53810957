package kvm

import (
	"context"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

// roomTTL is how long memory, pools and networks are taken for what they were;
// libvirt has no events for them. poolRefresh is how often libvirt is asked to
// look how full the pool's file system is, which it does not do by itself.
const (
	roomTTL     = 2 * time.Second
	poolRefresh = 5 * time.Minute
)

// readRoom reads what changes without an event, if what is known is old.
func (at *place) readRoom(ctx context.Context) error {
	s := &at.survey
	if time.Since(s.roomAt) < roomTTL {
		return nil
	}
	pool := at.Limits.Pool
	room, err := hosts.Ask(ctx, at.host, "read memory and pools", func(c *libvirt.Connect) (inventory.Source, error) {
		var src inventory.Source
		if m, err := c.GetMemoryStats(libvirt.NODE_MEMORY_STATS_ALL_CELLS, 0); err == nil {
			src.MemoryTotalMiB = m.Total >> 10
			src.MemoryFreeMiB = (m.Free + m.Buffers + m.Cached) >> 10
		}
		if err := readPools(c, &src, pool); err != nil {
			return src, err
		}
		return src, readNetworks(c, &src)
	})
	if err != nil {
		return err
	}
	s.room, s.roomAt = room, time.Now()
	return nil
}

// refreshPool is no more than a try: libvirt refuses while a volume is written.
func (at *place) refreshPool(ctx context.Context) {
	_, _ = inPool(ctx, at, "refresh pool", func(_ *libvirt.Connect, pool *libvirt.StoragePool) (done, error) {
		return done{}, pool.Refresh(0)
	})
}

func readPools(c *libvirt.Connect, src *inventory.Source, ours string) error {
	pools, err := c.ListAllStoragePools(0)
	if unsupported(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for i := range pools {
		p := &pools[i]
		s := inventory.PoolSource{}
		if s.Name, err = p.GetName(); err == nil {
			s.Active, _ = p.IsActive()
			s.XML, _ = p.GetXMLDesc(0)
			if s.Active && s.Name == ours {
				s.Volumes = readDisks(p)
			}
			src.Pools = append(src.Pools, s)
		}
		_ = p.Free()
	}
	return nil
}

// readDisks reads the boot disks of Meson's machines.
func readDisks(p *libvirt.StoragePool) []string {
	vols, err := p.ListAllStorageVolumes(0)
	if err != nil {
		return nil
	}
	var out []string
	for i := range vols {
		name, err := vols[i].GetName()
		if err == nil && machineDisk(name) {
			if doc, err := vols[i].GetXMLDesc(0); err == nil {
				out = append(out, doc)
			}
		}
		_ = vols[i].Free()
	}
	return out
}

// machineDisk reports whether a volume has the name of a machine's boot disk.
func machineDisk(name string) bool {
	id, ok := strings.CutPrefix(name, "meson-")
	if !ok {
		return false
	}
	id, ok = strings.CutSuffix(id, ".qcow2")
	return ok && isUUID(id)
}

func readNetworks(c *libvirt.Connect, src *inventory.Source) error {
	networks, err := c.ListAllNetworks(0)
	if unsupported(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for i := range networks {
		n := &networks[i]
		if name, err := n.GetName(); err == nil {
			s := inventory.NetworkSource{Name: name}
			s.Active, _ = n.IsActive()
			s.XML, _ = n.GetXMLDesc(0)
			src.Networks = append(src.Networks, s)
		}
		_ = n.Free()
	}
	return nil
}

func unsupported(err error) bool {
	return hosts.Is(err, libvirt.ERR_NO_SUPPORT, libvirt.ERR_OPERATION_UNSUPPORTED)
}
