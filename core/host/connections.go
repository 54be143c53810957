package host

import (
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

// The most that a plugin may name of each.
const (
	maxKinds       = 16
	maxNetworks    = 64
	maxAttachments = 64
)

// kinds are the contract's names of the ways to a volume.
func kinds() map[pb.ConnectionKind]core.ConnectionKind {
	return map[pb.ConnectionKind]core.ConnectionKind{
		pb.ConnectionKind_CONNECTION_KIND_FILE:   core.ConnectFile,
		pb.ConnectionKind_CONNECTION_KIND_ISCSI:  core.ConnectISCSI,
		pb.ConnectionKind_CONNECTION_KIND_NBD:    core.ConnectNBD,
		pb.ConnectionKind_CONNECTION_KIND_NFS:    core.ConnectNFS,
		pb.ConnectionKind_CONNECTION_KIND_RBD:    core.ConnectRBD,
		pb.ConnectionKind_CONNECTION_KIND_NATIVE: core.ConnectNative,
	}
}

// kindsOf leaves out what this broker does not know: it could not be used.
func kindsOf(w []pb.ConnectionKind) []core.ConnectionKind {
	known := kinds()
	var out []core.ConnectionKind
	for _, k := range w[:min(len(w), maxKinds)] {
		if kind, ok := known[k]; ok {
			out = append(out, kind)
		}
	}
	return out
}

func kindToPB(kind core.ConnectionKind) pb.ConnectionKind {
	for w, k := range kinds() {
		if k == kind {
			return w
		}
	}
	return pb.ConnectionKind_CONNECTION_KIND_UNSPECIFIED
}

func kindsToPB(all []core.ConnectionKind) []pb.ConnectionKind {
	var out []pb.ConnectionKind
	for _, k := range all {
		out = append(out, kindToPB(k))
	}
	return out
}

// consumer is zero for none.
func consumer(w *pb.Consumer) core.Consumer {
	if w == nil {
		return core.Consumer{}
	}
	c := core.Consumer{
		Kinds: kindsOf(w.GetKinds()), Host: cut(w.GetHost(), 128), InitiatorIQN: cut(w.GetInitiatorIqn(), 224),
		Provider: cut(w.GetProvider(), 64), Zone: cut(w.GetZone(), maxText), GuestMounts: w.GetGuestMounts(),
	}
	for _, n := range w.GetNetworks()[:min(len(w.GetNetworks()), maxNetworks)] {
		c.Networks = append(c.Networks, cut(n, 128))
	}
	return c
}

func consumerToPB(c core.Consumer) *pb.Consumer {
	if len(c.Kinds) == 0 {
		return nil
	}
	return &pb.Consumer{
		Kinds: kindsToPB(c.Kinds), Host: c.Host, Networks: c.Networks, InitiatorIqn: c.InitiatorIQN,
		Provider: c.Provider, Zone: c.Zone, GuestMounts: c.GuestMounts,
	}
}

// attachments are those of a machine, as far as people need them: a way to a
// volume comes from its storage provider alone.
func attachments(w []*pb.Attachment) []core.Attachment {
	var out []core.Attachment
	for _, a := range w[:min(len(w), maxAttachments)] {
		out = append(out, core.Attachment{
			ID: cut(a.GetId(), 64), VolumeID: cut(a.GetVolumeId(), 128), Name: cut(a.GetName(), 64), Boot: a.GetBoot(),
			Connection: core.Connection{Kind: kindOfPath(a.GetConnection()), ReadOnly: a.GetConnection().GetReadOnly()},
		})
	}
	return out
}

func kindOfPath(w *pb.Connection) core.ConnectionKind {
	switch w.GetPath().(type) {
	case *pb.Connection_File:
		return core.ConnectFile
	case *pb.Connection_Iscsi:
		return core.ConnectISCSI
	case *pb.Connection_Nbd:
		return core.ConnectNBD
	case *pb.Connection_Nfs:
		return core.ConnectNFS
	case *pb.Connection_Rbd:
		return core.ConnectRBD
	case *pb.Connection_Native:
		return core.ConnectNative
	}
	return ""
}

func attachmentToPB(a core.Attachment) *pb.Attachment {
	return &pb.Attachment{Id: a.ID, VolumeId: a.VolumeID, Name: a.Name, Boot: a.Boot, Connection: connectionToPB(a.Connection)}
}

func connectionToPB(c core.Connection) *pb.Connection {
	out := &pb.Connection{ReadOnly: c.ReadOnly}
	switch {
	case c.File != nil:
		out.Path = &pb.Connection_File{File: &pb.FileConnection{Host: c.File.Host, File: c.File.File, Format: c.File.Format}}
	case c.ISCSI != nil:
		out.Path = &pb.Connection_Iscsi{Iscsi: &pb.IscsiConnection{
			Portals: c.ISCSI.Portals, TargetIqn: c.ISCSI.TargetIQN, Lun: c.ISCSI.LUN, InitiatorIqn: c.ISCSI.InitiatorIQN,
			ChapUser: c.ISCSI.CHAPUser, ChapPassword: []byte(c.ISCSI.CHAPPassword.Reveal()),
		}}
	case c.NBD != nil:
		out.Path = &pb.Connection_Nbd{Nbd: &pb.NbdConnection{Uri: c.NBD.URI, TlsPsk: []byte(c.NBD.TLSPSK.Reveal())}}
	case c.NFS != nil:
		out.Path = &pb.Connection_Nfs{Nfs: &pb.NfsConnection{Server: c.NFS.Server, Export: c.NFS.Export, Version: c.NFS.Version}}
	case c.RBD != nil:
		out.Path = &pb.Connection_Rbd{Rbd: &pb.RbdConnection{
			Monitors: c.RBD.Monitors, Pool: c.RBD.Pool, Namespace: c.RBD.Namespace, Image: c.RBD.Image, User: c.RBD.User,
			Key: []byte(c.RBD.Key.Reveal()), ClusterFsid: c.RBD.ClusterFSID,
		}}
	case c.Native != nil:
		out.Path = &pb.Connection_Native{Native: &pb.NativeConnection{VolumeId: c.Native.VolumeID}}
	}
	return out
}
