package iscsi

import (
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk/pb"
)

// The words for how fast each way is. The ratios are those of docs and bench; they
// are not promised.
const (
	textFile  = "opened by the machine itself, on this host"
	textNBD   = "nbd over a unix socket, on this host"
	textRaw   = "iscsi from a raw image"
	textQCOW2 = "iscsi from a qcow2 image, at about half the speed of a raw one"
	textNFS   = "a directory over nfs, which the guest mounts"
)

// exposures are the ways to a volume, the fastest first: a directory where many may
// write, else an image of a format.
func (c *Config) exposures(shareable bool, format vault.Format) []*pb.Exposure {
	var all []*pb.Exposure
	networks := c.Networks
	if len(networks) == 0 {
		networks = []string{""}
	}
	if shareable {
		if c.NFSAddress == "" {
			return nil
		}
		for _, n := range networks {
			all = append(all, &pb.Exposure{Kind: pb.ConnectionKind_CONNECTION_KIND_NFS, Network: n, Text: textNFS})
		}
		return all
	}
	if host := c.hostUUID(); host != "" {
		all = append(all,
			&pb.Exposure{Kind: pb.ConnectionKind_CONNECTION_KIND_FILE, Host: host, Text: textFile},
			&pb.Exposure{Kind: pb.ConnectionKind_CONNECTION_KIND_NBD, Host: host, Text: textNBD, Rank: 1})
	}
	if c.Address == "" {
		return all
	}
	text, rank := textRaw, uint32(1)
	if format == vault.QCOW2 {
		text, rank = textQCOW2, 2
	}
	for _, n := range networks {
		all = append(all, &pb.Exposure{Kind: pb.ConnectionKind_CONNECTION_KIND_ISCSI, Network: n, Text: text, Rank: rank})
	}
	return all
}
