package kvm

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/sdk/pb"
)

// survey is what was read of one host.
type survey struct {
	// turn is held by the one who reads. It is no mutex, because a host may take
	// for ever and whoever waits has a deadline.
	turn chan struct{}
	// hardware is read once a connection, and again for a detail that it lacks; room when
	// it is old.
	hardware   *inventory.Hardware
	detail     detail
	generation uint64
	room       inventory.Source
	roomAt     time.Time
	// host is built of both and of doms, which were asked for at domsAt.
	host     *inventory.Host
	doms     []*hosts.Domain
	domsAt   time.Time
	readings inventory.Readings
}

// sight says what a look at a host is for.
type sight struct {
	// now: the domains are those after the call began.
	now bool
	detail
}

// detail is what is read of a host's hardware only where it matters, since it takes
// libvirt long: its PCI devices, and every feature that its guests can be given.
type detail struct{ devices, features bool }

// detailFor is what a pledge makes matter.
func detailFor(pledge *pb.Pledge) detail {
	return detail{devices: len(pledge.GetPci()) > 0, features: len(pledge.GetCpuFlags()) > 0}
}

// covers reports whether who has d needs nothing more for other.
func (d detail) covers(other detail) bool {
	return (d.devices || !other.devices) && (d.features || !other.features)
}

// look is the host as events and the last two seconds leave it. What is fresh
// counts in the domains. Who has waited for another's look is content with it, if its
// domains were asked for after the call began.
func (at *place) look(ctx context.Context, what sight) (*inventory.Host, error) {
	s, began := &at.survey, time.Now()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("still being read: %w", ctx.Err())
	}

	var doms []*hosts.Domain
	var domsAt time.Time
	var g errgroup.Group
	roomy := s.roomAt
	g.Go(func() error { return at.readRoom(ctx) })
	// A list that is asked for over a connection which is then replaced belongs
	// to no survey: the hardware is read first and its generation kept.
	err := at.readHardware(ctx, what.detail)
	g.Go(func() (lerr error) {
		domsAt = time.Now()
		switch {
		case err != nil:
			return err
		case s.host != nil && s.domsAt.After(began):
			doms, domsAt = s.doms, s.domsAt
		case what.now:
			doms, lerr = at.host.DomainsNow(ctx)
		default:
			doms, lerr = at.host.Domains(ctx)
		}
		return lerr
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if s.host != nil && roomy.Equal(s.roomAt) && same(s.doms, doms) {
		s.domsAt = domsAt
		return s.host, nil
	}
	src := s.room
	src.Readings = &s.readings
	for _, d := range doms {
		src.Domains = append(src.Domains, inventory.DomainSource{UUID: d.UUID, Name: d.Name, Active: d.Active(), XML: d.XML})
	}
	s.host, s.doms, s.domsAt = s.hardware.Host(src), doms, domsAt
	return s.host, nil
}

// keepWarm reads the host whenever it has been connected anew, so that whoever
// asks for it next need not wait for its capabilities.
func (at *place) keepWarm(ctx context.Context) {
	changes := at.host.Subscribe("")
	defer changes.Close()
	refresh := time.NewTicker(poolRefresh)
	defer refresh.Stop()
	var seen uint64
	for {
		if g := at.host.Generation(); g != seen {
			seen = g
			// Whatever fails here, fails again for the one who needs it.
			limited, cancel := context.WithTimeout(ctx, effectTimeout)
			_, _ = at.look(limited, sight{})
			at.refreshPool(limited)
			cancel()
		}
		select {
		case <-changes.C:
		case <-refresh.C:
			at.refreshPool(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// same reports whether two lists say the same.
func same(a, b []*hosts.Domain) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && *a[i] != *b[i] {
			return false
		}
	}
	return true
}

// readHardware reads what does not change while libvirtd runs. What mattered once is
// read with what matters now.
func (at *place) readHardware(ctx context.Context, need detail) error {
	s := &at.survey
	if s.generation != 0 && s.generation == at.host.Generation() && s.detail.covers(need) {
		return nil
	}
	need.devices, need.features = need.devices || s.detail.devices, need.features || s.detail.features
	type reading struct {
		src        inventory.Source
		generation uint64
	}
	r, err := hosts.Ask(ctx, at.host, "read capabilities", func(c *libvirt.Connect) (reading, error) {
		r := reading{generation: at.host.Generation()}
		var err error
		r.src, err = readCapabilities(ctx, c, at.Accelerator, need)
		return r, err
	})
	if err != nil {
		return err
	}
	r.src.Name, r.src.ECC = at.Zone, at.ECC
	if local(at.URI) {
		r.src.EDAC = inventory.EDAC(os.DirFS("/sys/devices/system/edac/mc"))
	}
	hardware, err := inventory.ReadHardware(r.src)
	if err != nil {
		return err
	}
	s.hardware, s.detail, s.generation, s.host = hardware, need, r.generation, nil
	uuid := hardware.UUID()
	at.uuid.Store(&uuid)
	return nil
}
