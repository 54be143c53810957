package kvm

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// order is one Create: what is asked, where, and what follows from it.
type order struct {
	at    *place
	uuid  string
	owner *pb.Owner
	req   *pb.CreateRequest
	// image is nil where the machine boots from one of links.
	image *Image
	// foundBase gives the image's volume if it is in the pool; closed after that.
	foundBase <-chan *baseImage
	links     []link.Link
	request   fit.Request
	limits    fit.Limits
	efi       bool
	// networks to connect to, an interface each.
	networks []string
}

// fromVolume reports whether the machine boots from a volume.
func (o *order) fromVolume() bool {
	return slices.ContainsFunc(o.links, func(l link.Link) bool { return l.Boot })
}

// orderOf reads a Create. The host is asked for its name where volumes are to be
// attached, and nobody else; other errors are definite.
func (p *Provider) orderOf(ctx context.Context, req *pb.CreateRequest) (*order, error) {
	const op = "create machine"
	at := p.byZone[req.GetOffer().GetZone()]
	if at == nil {
		return nil, &sdk.Error{
			Kind: sdk.Invalid, Op: op, Faults: []sdk.Fault{{
				Path: "offer.zone", Have: req.GetOffer().GetZone(), Want: "one of " + strings.Join(p.zones(), ", "),
				Text: fmt.Sprintf("provider %s has no host %q", p.name, req.GetOffer().GetZone()),
			}},
		}
	}
	links, err := at.linksOf(ctx, op, req)
	if err != nil {
		return nil, err
	}
	pledge := req.GetPledge()
	// The offer is of one architecture; the pledge may allow several.
	arch := req.GetOffer().GetArch()
	if arch == "" && len(pledge.GetArchs()) > 0 {
		arch = pledge.GetArchs()[0]
	}
	o := &order{
		at: at, owner: req.GetOwner(), req: req, links: links, limits: at.Limits,
		uuid: machineUUID(req.GetOwner().GetBroker(), req.GetOwner().GetKey()),
	}
	var ok bool
	if o.image, ok = p.config.ImageFor(pledge.GetOsFamily(), pledge.GetOsFlavour(), arch); o.fromVolume() {
		o.image = nil
	} else if !ok {
		return nil, &sdk.Error{
			Kind: sdk.Unsupported, Op: op, Subject: "host " + at.Zone,
			Text: fmt.Sprintf("no image of %s for %s", strings.Trim(pledge.GetOsFamily()+"/"+pledge.GetOsFlavour(), "/"), arch),
			Hint: "add one to images of provider " + p.name,
		}
	}
	o.efi = wantsEFI(pledge, o.image)
	o.request = fit.RequestOf(pledge, bootDisk(pledge, o.image, o.fromVolume()), o.efi)
	if arch != "" {
		o.request.Archs = []string{arch}
	}
	if pledge.GetPublicIpv4() {
		if at.PublicNetwork == "" {
			return nil, &sdk.Error{Kind: sdk.Unsupported, Op: op, Subject: "host " + at.Zone, Text: "the host has no network with public addresses"}
		}
		o.limits.Network = at.PublicNetwork
	}
	o.networks = []string{o.limits.Network}
	for _, n := range pledge.GetNetworks() {
		if !slices.Contains(o.networks, n) {
			o.networks = append(o.networks, n)
		}
	}
	return o, p.elsewhere(o)
}

// elsewhere refuses a key that another host is known to have: one key is one
// machine, and its offer names its host.
func (p *Provider) elsewhere(o *order) error {
	for _, at := range p.places {
		if at != o.at && at.host.Known(o.uuid) {
			return &sdk.Error{
				Kind: sdk.Conflict, Op: "create machine", Subject: "key " + o.owner.GetKey(), Source: sdk.SourceProvider,
				Text: fmt.Sprintf("host %s has the machine of this key, the offer is of host %s", at.Zone, o.at.Zone),
			}
		}
	}
	return nil
}

func (p *Provider) zones() []string {
	out := make([]string, len(p.places))
	for i, at := range p.places {
		out[i] = at.Zone
	}
	return out
}

// refuses compares the request with the one that a machine was made for.
func (o *order) refuses(c *inventory.Claim) error {
	if c.Broker == o.owner.GetBroker() && c.Key == o.owner.GetKey() && c.Request == o.owner.GetRequest() {
		return nil
	}
	return &sdk.Error{
		Kind: sdk.Conflict, Op: "create machine", Subject: "key " + o.owner.GetKey(), Source: sdk.SourceProvider,
		Text: fmt.Sprintf("host %s has a machine of this key that was made for another request", o.at.Zone),
	}
}
