package kvm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/plugins/kvm/fit"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// order is one Create: what is asked, where, and what follows from it.
type order struct {
	at      *place
	uuid    string
	owner   *pb.Owner
	req     *pb.CreateRequest
	image   *Image
	request fit.Request
	limits  fit.Limits
	efi     bool
	// networks to connect to, an interface each.
	networks []string
}

// orderOf reads a Create without asking anybody. Its errors are definite.
func (p *Provider) orderOf(req *pb.CreateRequest) (*order, error) {
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
	if len(req.GetAttachments()) > 0 || len(req.GetPledge().GetVolumes()) > 0 {
		return nil, &sdk.Error{Kind: sdk.Unsupported, Op: op, Subject: "host " + at.Zone, Text: "volumes cannot be attached to machines of this plugin yet"}
	}
	pledge := req.GetPledge()
	// The offer is of one architecture; the pledge may allow several.
	arch := req.GetOffer().GetArch()
	if arch == "" && len(pledge.GetArchs()) > 0 {
		arch = pledge.GetArchs()[0]
	}
	image, ok := p.config.ImageFor(pledge.GetOsFamily(), pledge.GetOsFlavour(), arch)
	if !ok {
		return nil, &sdk.Error{
			Kind: sdk.Unsupported, Op: op, Subject: "host " + at.Zone,
			Text: fmt.Sprintf("no image of %s for %s", strings.Trim(pledge.GetOsFamily()+"/"+pledge.GetOsFlavour(), "/"), arch),
			Hint: "add one to images of provider " + p.name,
		}
	}
	o := &order{
		at: at, owner: req.GetOwner(), req: req, image: image,
		uuid: machineUUID(req.GetOwner().GetBroker(), req.GetOwner().GetKey()),
		efi:  wantsEFI(pledge, image), limits: at.Limits,
	}
	o.request = fit.RequestOf(pledge, bootDisk(pledge, image), o.efi)
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
