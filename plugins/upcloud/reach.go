package upcloud

import "github.com/mesoncloud/meson/sdk/pb"

// consumer is who a server of a zone is to a volume: it reaches storages of its
// own account and zone.
func consumer(provider, zone string) *pb.Consumer {
	return &pb.Consumer{Kinds: []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NATIVE}, Provider: provider, Zone: zone}
}

// consumer is shared by the offers of a zone.
func (q *question) consumer(zone string) *pb.Consumer {
	c := q.consumers[zone]
	if c == nil {
		c = consumer(q.provider, zone)
		if q.consumers == nil {
			q.consumers = map[string]*pb.Consumer{}
		}
		q.consumers[zone] = c
	}
	return c
}

// exposures are how a storage of a zone can be reached: by those servers alone.
func exposures(provider, zone string) []*pb.Exposure {
	return []*pb.Exposure{{Kind: pb.ConnectionKind_CONNECTION_KIND_NATIVE, Provider: provider, Zone: zone, Text: "attached by UpCloud"}}
}

// volumes says no to those that a server cannot have.
func (n *noes) volumes(p *pb.Pledge) {
	for _, v := range p.GetVolumes() {
		name := v.GetName() + v.GetVid()
		switch {
		case v.GetShareable():
			n.no("volumes", "shareable", "of one server", "", "volume %.64q: a storage of UpCloud is of one server at a time", name)
		case v.GetReadOnly():
			n.no("volumes", "readonly", "writable", "", "volume %.64q: UpCloud has no storages that are attached for reading alone", name)
		case v.GetBootable():
			n.no("volumes", "bootable", "a template", "", "volume %.64q: servers boot the disk that they are made with", name)
		}
	}
}
