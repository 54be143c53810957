package kvm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// boot finds the image for a host, and the architecture that is both asked for
// and the image's; the host's own is preferred. Without an image of the system
// for any architecture, which is no fault of the host, and where the machine boots
// from a volume, all three are empty.
func (s *Snapshot) boot(c *Config, pledge *pb.Pledge) (*Image, string, []*pb.Reason) {
	family, flavour := pledge.GetOsFamily(), pledge.GetOsFlavour()
	some, ok := c.Image(family, flavour)
	if !ok || sdk.BootsFromVolume(pledge) {
		return nil, "", nil
	}
	var lacking []string
	for _, g := range s.Host.Archs {
		arch := contractArch(g.Name)
		if len(pledge.GetArchs()) > 0 && !slices.Contains(pledge.GetArchs(), arch) {
			continue
		}
		if image, ok := c.ImageFor(family, flavour, arch); ok {
			return image, arch, nil
		}
		lacking = append(lacking, arch)
	}
	if len(lacking) == 0 {
		return some, "", nil // the host is of another architecture, as it will say itself
	}
	return some, "", []*pb.Reason{{
		Candidate: s.Site.Zone, Field: "misc.os_family", Want: some.Label(), Have: "none for " + strings.Join(lacking, ", "),
		Text: fmt.Sprintf("no image of %s is for %s", some.Label(), strings.Join(lacking, " or ")),
	}}
}

// contractArch is the contract's name of one of libvirt's architectures.
func contractArch(libvirt string) string {
	if libvirt == "ppc64le" {
		return "ppc64"
	}
	return libvirt
}

// lacks gives the reasons that hold for every host: no image of the system. A
// machine that boots from a volume needs none.
func (c *Config) lacks(pledge *pb.Pledge) []*pb.Reason {
	var reasons []*pb.Reason
	family, flavour := pledge.GetOsFamily(), pledge.GetOsFlavour()
	if _, ok := c.Image(family, flavour); ok || sdk.BootsFromVolume(pledge) {
		return reasons
	}
	r := &pb.Reason{
		Field: "misc.os_family", Want: cmp.Or(family, "any system"), Have: "no image",
		Text: "the provider has no image: add one to images in its configuration",
	}
	var families, flavours []string
	for _, im := range c.Images {
		families = append(families, im.OSFamily)
		if im.OSFlavour != "" && !slices.Contains(flavours, im.OSFlavour) && (family == "" || strings.EqualFold(im.OSFamily, family)) {
			flavours = append(flavours, im.OSFlavour)
		}
	}
	families = slices.Compact(slices.Sorted(slices.Values(families)))
	switch {
	case len(flavours) > 0:
		r.Field, r.Want, r.Have = "misc.os_flavour", flavour, strings.Join(flavours, ", ")
		r.Text = fmt.Sprintf("%s: there is no such image, but %s", flavour, r.Have)
		r.Relax = "misc.os_flavour=" + flavours[0]
	case len(families) > 0:
		r.Have = strings.Join(families, ", ")
		r.Text = fmt.Sprintf("%s: there is no such image, but %s", r.Want, r.Have)
		r.Relax = "misc.os_family=" + families[0]
	}
	return append(reasons, r)
}
