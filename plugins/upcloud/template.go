package upcloud

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/sdk/pb"
)

// template is what a server's disk is made from.
type template struct {
	uuid, title string
	// zone is empty for one that is everywhere.
	zone    string
	sizeGiB int
	// licensed is true where it costs a fee for each core.
	licensed bool
	public   bool
	// cloudInit is true for one that takes user data and keys from the metadata
	// service, which has to be switched on for it.
	cloudInit bool
	// of is the system that a public one is known to be, nil: none; version is its.
	of      *system
	version string
}

// readTemplates asks for everything that a disk can be made from.
func (p *Provider) readTemplates(ctx context.Context) ([]template, error) {
	listed, err := p.api.GetStorages(ctx, &request.GetStoragesRequest{Type: upcloud.StorageTypeTemplate})
	if err != nil {
		return nil, failed("read templates", "", err, false)
	}
	var all []template
	for _, s := range listed.Storages {
		if s.Type != upcloud.StorageTypeTemplate || s.State != upcloud.StorageStateOnline || !uuidText.MatchString(s.UUID) {
			continue
		}
		t := template{
			uuid: s.UUID, title: s.Title, zone: s.Zone, sizeGiB: s.Size, licensed: s.License > 0,
			public: s.Access == upcloud.StorageAccessPublic, cloudInit: s.TemplateType == upcloud.StorageTemplateTypeCloudInit,
		}
		t.recognise(p.systems)
		all = append(all, t)
	}
	// The same listing in another order gives the same choice.
	slices.SortFunc(all, func(a, b template) int {
		return cmp.Or(strings.Compare(a.title, b.title), strings.Compare(a.uuid, b.uuid))
	})
	return all, nil
}

// recognise finds which system a public cloud-init template without a fee is of.
func (t *template) recognise(systems []system) {
	if !t.public || !t.cloudInit || t.licensed || t.zone != "" {
		return
	}
	for i := range systems {
		if m := systems[i].title.FindStringSubmatch(t.title); m != nil {
			t.of, t.version = &systems[i], m[1]
			return
		}
	}
}

// system is one that the public templates are known by: name is what users ask
// for, alone for the newest version or with one behind it.
type system struct {
	names []string
	title *regexp.Regexp // its group is the version
}

// systems are the public cloud-init templates in the order in which they are
// preferred where the user names none.
func systems() []system {
	of := func(title string, names ...string) system {
		return system{names, regexp.MustCompile(`^` + title + `(?:[ .(].*)?$`)}
	}
	return []system{
		of(`Debian(?: GNU/Linux)? ([0-9]+)`, "debian"),
		of(`Ubuntu(?: Server)? ([0-9]+\.[0-9]+)`, "ubuntu"),
		of(`AlmaLinux(?: OS)? ([0-9]+)`, "almalinux", "alma"),
		of(`Rocky Linux ([0-9]+)`, "rocky", "rockylinux"),
		of(`CentOS(?: Stream)? ([0-9]+)`, "centos", "centosstream"),
		of(`Fedora(?: Server| Linux)? ([0-9]+)`, "fedora"),
		of(`openSUSE(?: Leap)? ([0-9]+\.[0-9]+)`, "opensuse", "opensuseleap"),
		of(`Alpine Linux ([0-9]+\.[0-9]+)`, "alpine", "alpinelinux"),
	}
}

// boot is what a pledge's system is made from in each zone.
type boot struct {
	// label is what was chosen, for people.
	label string
	of    func(zone string) *template
}

// bootFor finds the template of a system. Without one it says why.
func (p *Provider) bootFor(pledge *pb.Pledge, all []template) (*boot, *pb.Reason) {
	family, flavour := strings.ToLower(pledge.GetOsFamily()), strings.ToLower(pledge.GetOsFlavour())
	for i, im := range p.config.Images {
		if family != "" && im.OSFamily != family || flavour != "" && plain(im.OSFlavour) != plain(flavour) {
			continue
		}
		var mine []template
		for _, t := range all {
			if p.titles[i].MatchString(t.title) {
				mine = append(mine, t)
			}
		}
		return &boot{label: im.label(), of: func(zone string) *template { return last(mine, zone) }}, nil
	}
	if family == "" || family == "linux" {
		if b := p.publicBoot(flavour, all); b != nil {
			return b, nil
		}
	}
	return nil, p.noImage(family, flavour, all)
}

// last is the last of the templates that a zone has, nil if it has none.
func last(all []template, zone string) *template {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].zone == "" || all[i].zone == zone {
			return &all[i]
		}
	}
	return nil
}

// publicBoot looks among the public cloud-init templates that cost nothing: for
// the first system that the flavour means, and its newest version.
func (p *Provider) publicBoot(flavour string, all []template) *boot {
	for i := range p.systems {
		s := &p.systems[i]
		var best *template
		for j := range all {
			t := &all[j]
			if t.of == s && s.named(flavour, t.version) && (best == nil || versionLess(best.version, t.version)) {
				best = t
			}
		}
		if best != nil {
			return &boot{label: "linux/" + s.names[0] + best.version, of: func(string) *template { return best }}
		}
	}
	return nil
}

// named reports whether a flavour means this version of the system.
func (s *system) named(flavour, version string) bool {
	if flavour == "" {
		return true
	}
	asked := plain(flavour)
	return slices.ContainsFunc(s.names, func(name string) bool {
		rest, ok := strings.CutPrefix(asked, name)
		if !ok {
			return false
		}
		// 24.04 is asked for as 24.04, 2404 and 24.
		major, _, _ := strings.Cut(version, ".")
		return rest == "" || rest == version || rest == strings.ReplaceAll(version, ".", "") || rest == major
	})
}

// plain is a flavour without what people put between its parts.
func plain(flavour string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(flavour))
}

func versionLess(a, b string) bool {
	number := func(v string) (n [2]int) {
		major, minor, _ := strings.Cut(v, ".")
		n[0], _ = strconv.Atoi(major)
		n[1], _ = strconv.Atoi(minor)
		return n
	}
	x, y := number(a), number(b)
	return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1])) < 0
}

// noImage says what there is in the place of what was asked.
func (p *Provider) noImage(family, flavour string, all []template) *pb.Reason {
	r := &pb.Reason{
		Field: "misc.os_family", Want: cmp.Or(family, "any system"), Have: "linux", Relax: "misc.os_family=linux",
		Text: fmt.Sprintf("%s: there are public templates of linux alone; for others, add one of the account's to images in the provider's settings", family),
	}
	var flavours []string
	for _, im := range p.config.Images {
		if im.OSFlavour != "" && (family == "" || im.OSFamily == family) {
			flavours = append(flavours, im.OSFlavour)
		}
	}
	if family == "" || family == "linux" {
		for _, s := range p.systems {
			if p.publicBoot(s.names[0], all) != nil {
				flavours = append(flavours, s.names[0])
			}
		}
	}
	switch {
	case len(flavours) > 0:
		r.Field, r.Want, r.Have = "misc.os_flavour", cmp.Or(flavour, "any"), strings.Join(flavours, ", ")
		r.Text = fmt.Sprintf("%s: there is no such template, but %s", r.Want, r.Have)
		r.Relax = "misc.os_flavour=" + flavours[0]
	case family == "" || family == "linux":
		r.Have, r.Relax = "no template", ""
		r.Text = "the account sees no template that Meson knows: add one to images in the provider's settings"
	}
	return r
}
