package kvm

import (
	"context"
	"fmt"
	"slices"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Check tries every host and looks for every image.
func (p *Provider) Check(ctx context.Context) ([]*pb.CheckItem, error) {
	limited, cancel := patient(ctx)
	defer cancel()
	perHost := make([][]*pb.CheckItem, len(p.places))
	everywhere(p.places, func(i int, at *place) error {
		perHost[i] = at.check(limited)
		return nil
	})
	items := append(slices.Concat(perHost...), p.checkTwins()...)
	items = append(items, p.checkCosts()...)
	for i := range p.config.Images {
		items = append(items, checkImage(&p.config.Images[i]))
	}
	if len(p.config.Images) == 0 {
		items = append(items, &pb.CheckItem{
			Subject: "images", Verdict: pb.CheckItem_VERDICT_FAILED, Text: "none: there is nothing that a machine could boot",
			Hint: "add an image to the provider's settings",
		})
	}
	return items, nil
}

func checkImage(im *Image) *pb.CheckItem {
	item := &pb.CheckItem{Subject: "image " + im.Label(), Verdict: pb.CheckItem_VERDICT_OK, Text: im.File + im.URL}
	if err := im.readable(); err != nil {
		item.Verdict, item.Text = pb.CheckItem_VERDICT_FAILED, err.Error()
		item.Hint = "the file must be readable where the plugin runs"
	}
	return item
}

func (at *place) check(ctx context.Context) []*pb.CheckItem {
	subject := "host " + at.Zone
	ok := func(what, text string) *pb.CheckItem {
		return &pb.CheckItem{Subject: subject + " " + what, Verdict: pb.CheckItem_VERDICT_OK, Text: text}
	}
	bad := func(what, text, hint string) *pb.CheckItem {
		return &pb.CheckItem{Subject: subject + " " + what, Verdict: pb.CheckItem_VERDICT_FAILED, Text: text, Hint: hint}
	}
	version, err := hosts.Ask(ctx, at.host, "connect", versions)
	if err != nil {
		return []*pb.CheckItem{bad("connection", cause(err), "see that `virsh -c "+at.URI+" version` works for the user that Meson runs as")}
	}
	items := []*pb.CheckItem{ok("connection", version)}
	h, err := at.look(ctx, sight{})
	if err != nil {
		return append(items, bad("inventory", cause(err), ""))
	}
	cores := fmt.Sprintf("%s, %d cores of %d threads, %d MiB, %d domains", h.CPUModel, len(h.Cores), h.ThreadsPerCore, h.MemoryTotalMiB, len(h.Guests))
	items = append(items, ok("inventory", cores))
	if h.Accelerator.Kind == inventory.NoAccelerator {
		items = append(items, bad("accelerator", h.Accelerator.Reason, "enable virtualisation in the firmware; for tests, set accelerator to tcg"))
	} else {
		items = append(items, ok("accelerator", string(h.Accelerator.Kind)+": "+h.Accelerator.Reason))
	}
	items = append(items, at.checkPool(h, ok, bad), at.checkNetwork(h, ok, bad))
	items = append(items, at.checkRights(ctx, ok, bad))
	items = append(items, at.checkECC(h), at.checkVolumes(h.UUID))
	items = append(items, at.checkCost(h)...)
	for _, w := range h.Warnings {
		items = append(items, &pb.CheckItem{Subject: subject, Verdict: pb.CheckItem_VERDICT_WARNING, Text: w})
	}
	return items
}

type okItem func(what, text string) *pb.CheckItem

type badItem func(what, text, hint string) *pb.CheckItem

func (at *place) checkPool(h *inventory.Host, ok okItem, bad badItem) *pb.CheckItem {
	name := at.Limits.Pool
	what := "pool " + name
	pool, found := h.Pool(name)
	switch {
	case !found:
		return bad(what, "there is no such pool", "define one, or name another in pool")
	case !pool.Active:
		return bad(what, "it is not active", "virsh -c "+at.URI+" pool-start "+name)
	case pool.Path == "":
		return bad(what, "a pool of type "+pool.Type+" has no directory for disks", "name a pool of type dir, fs or netfs")
	}
	return ok(what, fmt.Sprintf("%s, %d of %d GiB free", pool.Path, pool.FreeMiB>>10, pool.CapacityMiB>>10))
}

func (at *place) checkNetwork(h *inventory.Host, ok okItem, bad badItem) *pb.CheckItem {
	name := at.Limits.Network
	what := "network " + name
	network, found := h.Network(name)
	switch {
	case !found:
		return bad(what, "there is no such network", "define one, or name another in network")
	case !network.Active:
		return bad(what, "it is not active", "virsh -c "+at.URI+" net-start "+name)
	}
	return ok(what, "active")
}

// checkRights asks libvirt for something that a read-only connection may not
// have and that changes nothing.
func (at *place) checkRights(ctx context.Context, ok okItem, bad badItem) *pb.CheckItem {
	err := at.host.Do(ctx, "look at rights", func(c *libvirt.Connect) error {
		_, err := c.DomainXMLFromNative("qemu-argv", "", 0)
		return err
	})
	if hosts.Is(err, libvirt.ERR_OPERATION_DENIED, libvirt.ERR_ACCESS_DENIED, libvirt.ERR_AUTH_FAILED) {
		return bad("rights", cause(err), "the user that Meson runs as must be allowed to manage libvirt")
	}
	return ok("rights", "machines may be made")
}

func versions(c *libvirt.Connect) (string, error) {
	lib, err := c.GetLibVersion()
	if err != nil {
		return "", err
	}
	kind, err := c.GetType()
	if err != nil {
		return "", err
	}
	text := "libvirt " + dotted(lib)
	if v, err := c.GetVersion(); err == nil {
		text += ", " + kind + " " + dotted(v)
	}
	return text, nil
}

// dotted reads libvirt's version numbers.
func dotted(v uint32) string { return fmt.Sprintf("%d.%d.%d", v/1000000, v/1000%1000, v%1000) }
