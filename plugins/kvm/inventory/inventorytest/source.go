// Package inventorytest holds hosts to test with, as libvirt describes them:
// lab is what libvirt 9.0 said on a machine whose /dev/kvm is paravirtual; the
// others are written by hand after libvirt's schemas.
package inventorytest

import (
	"embed"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

//go:embed testdata/*.txtar
var files embed.FS

// Names are the hosts there are.
func Names() []string { return []string{"arm64", "gpu", "lab", "small", "smt"} }

// Source reads a host. Its archive holds a document a file: capabilities.xml,
// domcaps-VIRTTYPE.xml, guestcpu-VIRTTYPE.xml, hostcpu.xml, sysinfo.xml,
// pool-NAME.xml, volume-NAME.xml (in the pool before it), network-NAME.xml,
// nodedev-NAME.xml, active-NAME.xml and inactive-NAME.xml (domains), memory (MiB).
func Source(t testing.TB, name string) inventory.Source {
	t.Helper()
	text, err := files.ReadFile("testdata/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	src := inventory.Source{Name: name}
	for _, f := range txtar.Parse(text).Files {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(f.Name, ".xml"), "-")
		add(t, &src, kind, rest, string(f.Data))
	}
	return src
}

func add(t testing.TB, src *inventory.Source, kind, name, text string) {
	t.Helper()
	switch kind {
	case "capabilities":
		src.Capabilities = text
	case "hostcpu":
		src.HostCPU = text
	case "sysinfo":
		src.Sysinfo = text
	case "domcaps":
		src.DomainCapabilities = append(src.DomainCapabilities, text)
	case "guestcpu":
		virtType, arch, _ := strings.Cut(name, "-")
		src.GuestCPUs = append(src.GuestCPUs, inventory.GuestCPUSource{VirtType: virtType, Arch: arch, XML: text})
	case "nodedev":
		src.NodeDevices = append(src.NodeDevices, text)
	case "pool":
		src.Pools = append(src.Pools, inventory.PoolSource{Name: name, Active: true, XML: text})
	case "volume":
		p := &src.Pools[len(src.Pools)-1]
		p.Volumes = append(p.Volumes, text)
	case "network":
		src.Networks = append(src.Networks, inventory.NetworkSource{Name: name, Active: true, XML: text})
	case "active", "inactive":
		src.Domains = append(src.Domains, inventory.DomainSource{Name: name, Active: kind == "active", XML: text})
	case "memory":
		for _, c := range strings.TrimSpace(text) {
			src.MemoryTotalMiB = src.MemoryTotalMiB*10 + uint64(c-'0')
		}
	default:
		t.Fatalf("%s-%s: no such document", kind, name)
	}
}

// Host builds one.
func Host(t testing.TB, name string) *inventory.Host {
	t.Helper()
	h, err := inventory.Build(Source(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return h
}
