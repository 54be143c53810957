package kvm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/domain"
	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
)

// How brokers share a host without knowing each other. A claim is a domain,
// defined and not started, that names its threads in its metadata. It is made
// first and looked at after: whoever then sees that it takes what another has
// withdraws, waits a random moment and begins anew. Of two that claim the same
// at the same time, at least the one that was defined later sees the other, so
// both never go on; a clean look makes a claim held, and what is held stays.
const (
	// claimPatience bounds how long one Create competes.
	claimPatience = 20 * time.Second
	// unsettledFor is how long somebody else's claim that has not been looked at
	// again is waited for rather than taken for good.
	unsettledFor = 15 * time.Second
	waitShortest = 10 * time.Millisecond
	waitLongest  = 200 * time.Millisecond
)

// errContended says that the room is there but for claims that may yet go.
var errContended = errors.New("others are claiming the same room")

// claim makes the order's claim, or finds one of an earlier Create, and returns
// when a look has confirmed it, so that it may be held.
func (p *Provider) claim(ctx context.Context, o *order) (c *inventory.Claim, found bool, err error) {
	give := time.Now().Add(claimPatience)
	for try := 1; ; try++ {
		c, found, err := p.claimOnce(ctx, o)
		if !errors.Is(err, errContended) {
			return c, found, err
		}
		if time.Now().After(give) {
			return nil, false, &sdk.Error{
				Kind: sdk.Exhausted, Scope: sdk.ScopeCapacity, Op: "claim cores", Subject: "host " + o.at.Zone,
				Text: fmt.Sprintf("%d tries in %s: %s", try, claimPatience, err),
			}
		}
		most := min(waitShortest<<min(try, 10), waitLongest)
		select {
		case <-time.After(waitShortest + mathrand.N(most)):
		case <-ctx.Done():
			return nil, false, failed("claim cores", o.at, ctx.Err(), true)
		}
	}
}

// claimOnce is one try. Other Creates of this process wait for their turn, so
// that only claims of other processes are ever seen in the way.
func (p *Provider) claimOnce(ctx context.Context, o *order) (c *inventory.Claim, found bool, err error) {
	select {
	case o.at.claiming <- struct{}{}:
		defer func() { <-o.at.claiming }()
	case <-ctx.Done():
		return nil, false, failed("claim cores", o.at, ctx.Err(), false)
	}
	h, err := o.at.look(ctx, o.sight())
	if err != nil {
		return nil, false, failed("look at host", o.at, err, false)
	}
	c, err = o.standing(h)
	if err != nil || (c != nil && c.State == inventory.Held) {
		return c, true, err
	}
	found = c != nil
	if !found {
		if c, err = p.define(ctx, o, h); err != nil {
			return nil, false, err
		}
		p.step("claim.defined")
		if h, err = o.at.look(ctx, o.sight()); err != nil {
			return nil, false, begun(failed("look at claim", o.at, err, true))
		}
	}
	conflicts := fit.Conflicts(h, o.limits, o.uuid)
	p.step("claim.looked")
	if len(conflicts) == 0 {
		return c, found, nil
	}
	if err := o.withdraw(ctx); err != nil {
		return nil, false, err
	}
	p.log.Debug("claim withdrawn", "host", o.at.Zone, "machine", o.uuid, "conflict", conflicts[0].Text)
	return nil, false, fmt.Errorf("%w: %s", errContended, conflicts[0].Text)
}

// sight is that of one who is about to claim, and of one who has.
func (o *order) sight() sight { return sight{now: true, detail: detailFor(o.req.GetPledge())} }

// standing is the claim that the order has on the host already, if any.
func (o *order) standing(h *inventory.Host) (*inventory.Claim, error) {
	g, ok := h.Guest(o.uuid)
	if !ok {
		return nil, nil
	}
	if g.Claim == nil {
		return nil, &sdk.Error{
			Kind: sdk.Conflict, Op: "create machine", Subject: "host " + o.at.Zone, Source: sdk.SourceProvider,
			Text: fmt.Sprintf("domain %s has the id of this key and no claim that can be read", g.Name),
		}
	}
	return g.Claim, o.refuses(g.Claim)
}

// define chooses cores and defines the domain that claims them.
func (p *Provider) define(ctx context.Context, o *order, h *inventory.Host) (*inventory.Claim, error) {
	now := time.Now()
	assignment, reasons := fit.Fit(h, o.limits, o.request, fit.Options{Now: now, Exclude: o.uuid})
	if len(reasons) > 0 {
		lasting := fit.Options{Now: now, Exclude: o.uuid, IgnoreUnsettled: unsettledFor}
		if _, still := fit.Fit(h, o.limits, o.request, lasting); len(still) == 0 {
			return nil, fmt.Errorf("%w: %s", errContended, reasons[0].Text)
		}
		return nil, noRoom(o.at, reasons)
	}
	if err := o.inspect(ctx); err != nil {
		return nil, err
	}
	c := o.claimFor(assignment, now)
	doc, err := o.domain(h, assignment, c)
	if err != nil {
		return nil, &sdk.Error{Kind: sdk.Internal, Op: "define domain", Subject: "host " + o.at.Zone, Err: err}
	}
	ctx, cancel := effect(ctx)
	defer cancel()
	err = o.at.host.Do(ctx, "define domain", func(c *libvirt.Connect) error {
		dom, err := c.DomainDefineXML(doc)
		if err != nil {
			return err
		}
		return dom.Free()
	})
	if err != nil {
		return nil, refused(failed("define domain", o.at, err, true))
	}
	return c, nil
}

// noRoom is the definite refusal of a host on which the machine does not fit.
func noRoom(at *place, reasons []fit.Reason) error {
	e := &sdk.Error{
		Kind: sdk.Exhausted, Scope: sdk.ScopeCapacity, Op: "claim cores", Subject: "host " + at.Zone,
		Source: sdk.SourceProvider,
	}
	texts := make([]string, len(reasons))
	for i, r := range reasons {
		texts[i] = r.Text
		e.Faults = append(e.Faults, sdk.Fault{Path: r.Field, Have: r.Have, Want: r.Want, Text: r.Text})
	}
	e.Text = strings.Join(texts, "; ")
	return e
}

func (o *order) claimFor(a fit.Assignment, now time.Time) *inventory.Claim {
	c := &inventory.Claim{
		Broker: o.owner.GetBroker(), Allocation: o.owner.GetAllocation(), Key: o.owner.GetKey(), Request: o.owner.GetRequest(),
		Name: o.req.GetName(), Zone: o.at.Zone, Shape: o.req.GetOffer().GetShape(),
		State: inventory.Claimed, CreatedAt: now.UTC().Truncate(time.Second),
		Overprovision: a.Overprovision, WholeCores: a.WholeCores, Units: a.Units,
		Pool: o.limits.Pool, DiskMiB: o.request.BootDiskGiB << 10, Volumes: volumeNames(o.uuid),
	}
	if o.image != nil {
		c.Image = o.image.Label()
	} else {
		c.Volumes = []string{seedName(o.uuid)}
	}
	return c
}

// domain is the definition. Volumes are named and need not be there before the
// domain is started.
func (o *order) domain(h *inventory.Host, a fit.Assignment, c *inventory.Claim) (string, error) {
	meta, err := c.Metadata()
	if err != nil {
		return "", err
	}
	pool, ok := h.Pool(o.limits.Pool)
	if !ok || pool.Path == "" {
		return "", fmt.Errorf("pool %s of host %s has no directory", o.limits.Pool, o.at.Zone)
	}
	if len(h.NUMA) < 2 {
		a.NUMANode = -1 // there is nothing to choose
	}
	volumes, err := link.Devices(o.uuid, o.links)
	if err != nil {
		return "", err
	}
	var random [16]byte
	_, _ = rand.Read(random[:])
	spec := domain.Spec{
		UUID: o.uuid, Name: domainName(o.req.GetName(), o.uuid), Metadata: meta,
		Description: fmt.Sprintf("made by Meson: allocation %s of broker %s", c.Allocation, c.Broker),
		Accelerator: h.Accelerator.Kind, Assignment: a, EFI: o.efi, TPM: o.request.TPM,
		Seed: pool.Path + "/" + seedName(o.uuid), Volumes: volumes,
		Networks: o.networks, VNC: domain.VNC{Listen: o.at.VNCListen, Password: password(random)},
		ConsoleLog: consoleLog(o.at.URI, o.uuid),
	}
	if !o.fromVolume() {
		spec.Disk = pool.Path + "/" + diskName(o.uuid)
	}
	return domain.XML(spec)
}

// hold marks a claim that a clean look has confirmed. It is held without that mark,
// too: whoever claims the same sees it, and withdraws.
func (p *Provider) hold(ctx context.Context, o *order, c *inventory.Claim) error {
	if c.State == inventory.Held {
		return nil
	}
	held := *c
	held.State = inventory.Held
	element, err := held.Element()
	if err != nil {
		return &sdk.Error{Kind: sdk.Internal, Op: "hold claim", Subject: "host " + o.at.Zone, Err: err}
	}
	err = o.at.change(ctx, "hold claim", o.uuid, func(dom *libvirt.Domain) error {
		return note(dom, element, inventory.Prefix, inventory.Namespace, libvirt.DOMAIN_AFFECT_CONFIG)
	})
	if err != nil {
		return begun(failed("hold claim", o.at, err, true))
	}
	p.step("claim.held")
	return nil
}

// withdraw takes the claim back: nothing else has been made for it.
func (o *order) withdraw(ctx context.Context) error {
	err := o.at.change(ctx, "withdraw claim", o.uuid, undefine)
	if err != nil && !hosts.Is(err, libvirt.ERR_NO_DOMAIN) {
		return begun(failed("withdraw claim", o.at, err, true))
	}
	return nil
}
