package spec

import (
	"slices"

	"github.com/mesoncloud/meson/core"
)

// encoding is one of the ways in which the keys of a spec are named and nested.
type encoding struct {
	name   string
	title  string
	fields []field[draft]
	// byPath is filled by leaf.
	byPath map[string]*field[draft]
	// evidence, once a file is being read, are keys of it that speak against this
	// encoding.
	evidence []string
}

// encodings are all of them. Where a file's keys would do for several, the first
// is meant; it means the same in all.
func encodings() []encoding {
	return []encoding{
		{name: "flat", title: "the flat form, which `meson check` prints", fields: flat()},
		{name: "template", title: "the form of the published templates", fields: template()},
		{name: "adapter", title: "the form that adapters are sent", fields: adapter()},
		{name: "gui", title: "the form of the graphical clients; its ramsize is in GB", fields: gui()},
	}
}

// leaf is the field at a path, nil where there is none; groups only if asked.
func (e *encoding) leaf(path string, groups bool) *field[draft] {
	if e.byPath == nil {
		e.byPath = map[string]*field[draft]{}
		e.visit(func(p string, f *field[draft]) { e.byPath[p] = f })
	}
	if f := e.byPath[path]; f != nil && (f.within == nil || groups) {
		return f
	}
	return nil
}

// path is that of the field with a meaning, empty where there is none.
func (e *encoding) path(means string) string {
	found := ""
	e.visit(func(p string, f *field[draft]) {
		if found == "" && means != "" && f.means == means {
			found = p
		}
	})
	return found
}

// paths are those of all fields that are no groups.
func (e *encoding) paths() []string {
	var all []string
	e.visit(func(p string, f *field[draft]) {
		if f.within == nil {
			all = append(all, p)
		}
	})
	return all
}

func (e *encoding) visit(do func(path string, f *field[draft])) {
	var visit func(prefix string, fields []field[draft])
	visit = func(prefix string, fields []field[draft]) {
		for i := range fields {
			f := &fields[i]
			do(prefix+f.key, f)
			visit(prefix+f.key+".", f.within)
		}
	}
	visit("", e.fields)
}

// flat is the form of the product's documents, with Meson's additions.
func flat() []field[draft] {
	return slices.Concat([]field[draft]{
		machineName("name", name()), description("description"),
		slots("slots"), overprovision("overprovision"), allowSMT("allowSMT"), archs("archs"), flags("flags"), frequency("min_frequency"),
		ramMiB("ramsize"), ecc("reqECC"), pci("pci", pciList()),
	}, system(), common())
}

// template is the form of the published templates. What those leave out is as in
// the flat form, so that a template can be made a whole machine.
func template() []field[draft] {
	return slices.Concat([]field[draft]{
		group("info", machineName("name", title()), description("description")),
		group("cpu", slots("slots"), overprovision("overprovision"), allowSMT("allowSMT"), archs("archs"), flags("flags")),
		group("ram", ramMiB("ramsize"), ecc("reqECC")),
		pci("pci", pciList()),
	}, system(), common())
}

// adapter is the form that existing adapters are sent.
func adapter() []field[draft] {
	return slices.Concat([]field[draft]{
		machineName("name", name()), description("description"),
		group("cpu", slots("slots"), overprovision("maxOverprovision"), frequency("min_frequency"), archs("arch"), flags("flags"),
			fullPhysical("fullPhysical")),
		group("mem", ramMiB("capacity"), ecc("requireECC")),
		group("pci", pci("devices", pciMap{})),
	}, system(), common())
}

// gui is the form of the graphical clients, exactly theirs.
func gui() []field[draft] {
	return []field[draft]{
		machineName("vm_name", title()), osFamily("os_family"), osFlavour("os_flavour"),
		ramGiB("ramsize"), slots("slots"), overprovision("overprovision"), frequency("minimumCpuFrequency"), archs("arch"),
		firmware("firmware"), autostart("autostart"), allowSMT("allowSMT"), ecc("reqECC"),
		group("userAuth", username("username"), password("password"), sshKey("sshKey")),
		volumes("volumes"), networks("networks"), pci("pcidevs", either[[]core.PCIRequest]{pciList(), pciMap{}}),
	}
}

// system is the group that names the operating system.
func system() []field[draft] {
	return []field[draft]{group("misc", osFamily("os_family"), osFlavour("os_flavour"))}
}

// common is what the documents have in one form only, and Meson's additions.
func common() []field[draft] {
	return []field[draft]{
		volumes("volumes"), networks("networks"), netdevs("netdevs"),
		group("authentication", username("username"), password("password"), sshKey("ssh-key")),
		bootDisk("boot_disk_gib"), publicIPv4("public_ipv4"), strict("strict"),
		firmware("firmware"), tpm("tpm"), autostart("autostart"), userData("user_data"),
	}
}
