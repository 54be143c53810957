package kvm

import (
	"context"
	"encoding/xml"
	"fmt"
	"strings"
	"sync"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

// capabilities is as much of libvirt's document as says what else to ask.
type capabilities struct {
	Host struct {
		CPU struct {
			Arch  string `xml:"arch"`
			Inner string `xml:",innerxml"`
		} `xml:"cpu"`
	} `xml:"host"`
	Guests []struct {
		OSType string `xml:"os_type"`
		Arch   struct {
			Name    string `xml:"name,attr"`
			Domains []struct {
				Type string `xml:"type,attr"`
			} `xml:"domain"`
		} `xml:"arch"`
	} `xml:"guest"`
}

// has reports whether guests of the host's own architecture can have a domain type.
func (c *capabilities) has(virt string) bool {
	for _, g := range c.Guests {
		for _, d := range g.Arch.Domains {
			if g.OSType == "hvm" && g.Arch.Name == c.Host.CPU.Arch && d.Type == virt {
				return true
			}
		}
	}
	return false
}

// readCapabilities fails only where the capabilities themselves cannot be read;
// what a driver does not know is left out, and unknown in the inventory. The
// host's own architecture is asked about and no other: the capabilities say
// enough of its 32-bit sibling. Of the ways in which guests could run, it is asked
// about the one that the setting leaves; of devices, of which there may be hundreds,
// and of a guest's features only if they matter.
func readCapabilities(ctx context.Context, c *libvirt.Connect, setting inventory.AcceleratorSetting, need detail) (inventory.Source, error) {
	src := inventory.Source{Accelerator: setting}
	var err error
	if src.Capabilities, err = c.GetCapabilities(); err != nil {
		return src, err
	}
	var caps capabilities
	if err := xml.Unmarshal([]byte(src.Capabilities), &caps); err != nil {
		return src, fmt.Errorf("capabilities: %w", err)
	}
	virt := "kvm"
	if setting == inventory.AcceleratorTCG {
		virt = "qemu"
	}
	var together sync.WaitGroup
	if need.devices {
		together.Go(func() { src.NodeDevices = readDevices(ctx, c) })
	}
	together.Go(func() {
		if info, err := c.GetSysinfo(0); err == nil {
			src.Sysinfo = info
		}
		cpu := caps.Host.CPU.Inner
		// Nothing but svm is looked for in it.
		if cpu == "" || virt != "kvm" || !caps.has(virt) {
			return
		}
		if full, err := c.BaselineCPU([]string{"<cpu>" + cpu + "</cpu>"}, libvirt.CONNECT_BASELINE_CPU_EXPAND_FEATURES); err == nil {
			src.HostCPU = full
		}
	})
	if caps.has(virt) {
		readGuest(c, &src, caps.Host.CPU.Arch, virt, need.features)
	}
	together.Wait()
	return src, ctx.Err()
}

// hostModel is the CPU that libvirt would give a guest of mode host-model.
type hostModel struct {
	CPU struct {
		Modes []struct {
			Name  string `xml:"name,attr"`
			Inner string `xml:",innerxml"`
		} `xml:"mode"`
	} `xml:"cpu"`
}

func readGuest(c *libvirt.Connect, src *inventory.Source, arch, virt string, features bool) {
	machine := ""
	if arch == "x86_64" || arch == "i686" {
		machine = "q35"
	}
	doc, err := c.GetDomainCapabilities("", arch, machine, virt, 0)
	if err != nil {
		return
	}
	src.DomainCapabilities = append(src.DomainCapabilities, doc)
	var model hostModel
	if !features || xml.Unmarshal([]byte(doc), &model) != nil {
		return
	}
	for _, m := range model.CPU.Modes {
		if m.Name != "host-model" || strings.TrimSpace(m.Inner) == "" {
			continue
		}
		// Without mode and arch: with them libvirt takes it for a host's, and refuses.
		cpu := "<cpu>" + m.Inner + "</cpu>"
		full, err := c.BaselineHypervisorCPU("", arch, machine, virt, []string{cpu}, libvirt.CONNECT_BASELINE_CPU_EXPAND_FEATURES)
		if err == nil {
			src.GuestCPUs = append(src.GuestCPUs, inventory.GuestCPUSource{VirtType: virt, Arch: arch, XML: full})
		}
	}
}

func readDevices(ctx context.Context, c *libvirt.Connect) []string {
	devs, err := c.ListAllNodeDevices(libvirt.CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV)
	if err != nil {
		return nil
	}
	var out []string
	for i := range devs {
		if doc, err := devs[i].GetXMLDesc(0); err == nil && ctx.Err() == nil {
			out = append(out, doc)
		}
		_ = devs[i].Free()
	}
	return out
}

// local reports whether a URI is of the machine that the plugin runs on.
func local(uri string) bool { return uri == "qemu:///system" || uri == "qemu:///session" }
