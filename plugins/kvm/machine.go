package kvm

import (
	"context"
	"encoding/xml"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/domain"
	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/plugins/kvm/link"
)

// Beside the claim, a domain of ours bears what became of it: that it has run,
// so that a machine that was switched off is told from one that was never
// finished; and, in the running domain alone, that it was asked to stop.
const (
	lifeNamespace = "https://meson.cloud/xmlns/life/1"
	lifePrefix    = "mesonlife"
	askNamespace  = "https://meson.cloud/xmlns/ask/1"
	askPrefix     = "mesonask"
)

// machine is a domain of ours as it was read.
type machine struct {
	at    *place
	uuid  string
	name  string
	claim *inventory.Claim
	state libvirt.DomainState
	// reason is libvirt's, whose meaning depends on state.
	reason int
	// ran is true once the machine has been started with all that belongs to it.
	ran bool
	// stopAsked is when the guest was asked to shut down; zero if it was not.
	stopAsked time.Time
	networks  []string
	agent     bool
	vnc       string
	// records are the attachments, disks all disks: of the machine that runs, or as
	// it will be started.
	records []link.Record
	disks   []link.Disk
}

// active reports whether there is a process of it.
func (m *machine) active() bool {
	return m.state != libvirt.DOMAIN_SHUTOFF && m.state != libvirt.DOMAIN_NOSTATE && m.state != libvirt.DOMAIN_CRASHED
}

// description is as much of a domain's XML as concerns us.
type description struct {
	Name     string   `xml:"name"`
	UUID     string   `xml:"uuid"`
	Metadata metadata `xml:"metadata"`
	Devices  struct {
		Disks      []link.Disk `xml:"disk"`
		Interfaces []struct {
			Source struct {
				Network string `xml:"network,attr"`
			} `xml:"source"`
		} `xml:"interface"`
		Channels []struct {
			Target struct {
				Name  string `xml:"name,attr"`
				State string `xml:"state,attr"`
			} `xml:"target"`
		} `xml:"channel"`
		Graphics []struct {
			Type   string `xml:"type,attr"`
			Port   int    `xml:"port,attr"`
			Listen string `xml:"listen,attr"`
		} `xml:"graphics"`
	} `xml:"devices"`
}

type metadata struct {
	Inner string `xml:",innerxml"`
	Life  struct {
		Ran string `xml:"ran,attr"`
	} `xml:"https://meson.cloud/xmlns/life/1 life"`
	Ask struct {
		Stop string `xml:"stop,attr"`
	} `xml:"https://meson.cloud/xmlns/ask/1 ask"`
}

// parseMachine reads a domain; nil without error if it is not ours.
func parseMachine(at *place, doc string) (*machine, error) {
	var d description
	if err := xml.Unmarshal([]byte(doc), &d); err != nil {
		return nil, fmt.Errorf("domain: %w", err)
	}
	claim, err := inventory.ParseClaim(d.Metadata.Inner)
	if err != nil {
		return nil, fmt.Errorf("domain %s: %w", d.UUID, err)
	}
	if claim == nil {
		return nil, nil
	}
	m := &machine{at: at, uuid: d.UUID, name: d.Name, claim: claim, ran: d.Metadata.Life.Ran != "", disks: d.Devices.Disks}
	if m.records, err = link.Records(d.Metadata.Inner); err != nil {
		return nil, fmt.Errorf("domain %s: %w", d.UUID, err)
	}
	if t, err := time.Parse(time.RFC3339, d.Metadata.Ask.Stop); err == nil {
		m.stopAsked = t
	}
	for _, i := range d.Devices.Interfaces {
		m.networks = append(m.networks, i.Source.Network)
	}
	for _, c := range d.Devices.Channels {
		m.agent = m.agent || c.Target.State == "connected"
	}
	for _, g := range d.Devices.Graphics {
		if g.Type == "vnc" && g.Port > 0 {
			m.vnc = "vnc://" + net.JoinHostPort(g.Listen, strconv.Itoa(g.Port))
		}
	}
	return m, nil
}

// errForeign is the answer to a look for a domain that is there and does not
// bear Meson's claim.
var errForeign = fmt.Errorf("the domain is not Meson's")

// read reads one domain: NotFound of libvirt's if it is not there.
func (at *place) read(ctx context.Context, uuid string) (*machine, error) {
	return hosts.Ask(ctx, at.host, "read domain", func(c *libvirt.Connect) (*machine, error) {
		dom, err := c.LookupDomainByUUIDString(uuid)
		if err != nil {
			return nil, err
		}
		defer dom.Free()
		return at.readDomain(dom)
	})
}

func (at *place) readDomain(dom *libvirt.Domain) (*machine, error) {
	doc, err := dom.GetXMLDesc(0)
	if err != nil {
		return nil, err
	}
	m, err := parseMachine(at, doc)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, errForeign
	}
	m.state, m.reason, err = dom.GetState()
	if err == nil && at.uuid.Load() == nil {
		err = at.identifyBy(dom)
	}
	return m, err
}

// change does one thing to a domain and sees it through.
func (at *place) change(ctx context.Context, op, uuid string, fn func(*libvirt.Domain) error) error {
	ctx, cancel := effect(ctx)
	defer cancel()
	return at.host.Do(ctx, op, func(c *libvirt.Connect) error {
		dom, err := c.LookupDomainByUUIDString(uuid)
		if err != nil {
			return err
		}
		defer dom.Free()
		return fn(dom)
	})
}

// note writes one element of metadata; an empty one removes it.
func note(dom *libvirt.Domain, element, prefix, space string, impact libvirt.DomainModificationImpact) error {
	return dom.SetMetadata(libvirt.DOMAIN_METADATA_ELEMENT, element, prefix, space, impact)
}

// networkOf is the network of the interface with a hardware address.
func (m *machine) networkOf(mac string) string {
	for i, network := range m.networks {
		if strings.EqualFold(domain.MAC(m.uuid, i), mac) {
			return network
		}
	}
	return ""
}
