package kvm

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/sdk/pb"
)

// checkVolumes says what the host is called where volumes are concerned: what the
// settings of their providers may need.
func (at *place) checkVolumes(uuid string) *pb.CheckItem {
	item := &pb.CheckItem{Subject: "host " + at.Zone + " volumes", Verdict: pb.CheckItem_VERDICT_OK}
	if uuid == "" {
		item.Verdict, item.Text = pb.CheckItem_VERDICT_WARNING, "libvirt knows no UUID of the host: volumes in files of the host cannot be offered to its machines"
		item.Hint = "set host_uuid in the host's libvirtd.conf"
		return item
	}
	networks := cmp.Or(strings.Join(at.StorageNetworks, ", "), "none in storage_networks")
	dirs := cmp.Or(at.filesText(), "none in volume_dirs")
	item.Text = fmt.Sprintf("host %s, initiator %s, networks: %s, directories: %s", uuid, at.initiator(uuid), networks, dirs)
	return item
}

// checkTwins warns of hosts that libvirt calls by one UUID, as machines that were
// cloned: what may be reached by one, the other would reach.
func (p *Provider) checkTwins() []*pb.CheckItem {
	var items []*pb.CheckItem
	first := map[string]string{}
	for _, at := range p.places {
		uuid := at.uuid.Load()
		if uuid == nil || *uuid == "" {
			continue
		}
		if by, twice := first[*uuid]; twice {
			items = append(items, &pb.CheckItem{
				Subject: "host " + at.Zone + " volumes", Verdict: pb.CheckItem_VERDICT_WARNING,
				Text: fmt.Sprintf("it has the UUID of host %s, %s: a volume for the one could be opened by the other", by, *uuid),
				Hint: "set another host_uuid in the libvirtd.conf of one of them",
			})
			continue
		}
		first[*uuid] = at.Zone
	}
	return items
}
