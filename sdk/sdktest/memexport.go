package sdktest

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Exporter = (*MemProvider)(nil)

// heldBy is the refusal of what an attachment is in the way of.
func heldBy(op string, v memVolume, x memExport) error {
	o := ownerOf(x.Labels)
	return &sdk.Error{
		Kind: sdk.Busy, Source: sdk.SourceProvider, Op: op, Subject: "volume " + v.ID,
		Text: fmt.Sprintf("attachment %s of allocation %s has it since %s", x.Attachment, o.GetAllocation(), x.Since.UTC().Format(time.RFC3339)),
	}
}

// Export notes an attachment on the volume and raises its epoch for a writer.
func (m *MemProvider) Export(ctx context.Context, req *pb.ExportRequest) (*pb.ExportResponse, error) {
	if err := m.before(ctx, "export"); err != nil {
		return nil, err
	}
	var (
		v memVolume
		x memExport
	)
	err := m.store.do(ctx, true, func(s *memState) error {
		var there bool
		if v, there = find(s.Volumes, nil, req.GetVolumeId()); !there {
			return noSuchVolume()
		}
		if i := slices.IndexFunc(v.Exports, func(x memExport) bool { return x.Attachment == req.GetAttachmentId() }); i >= 0 {
			x = v.Exports[i]
			if x.ReadOnly != (req.GetReadOnly() || v.ReadOnly) {
				return sdk.Errorf(sdk.Conflict, "attachment %s was exported in another way", x.Attachment)
			}
			return nil
		}
		var err error
		if x, err = m.newExport(&v, req); err != nil {
			return err
		}
		v.Exports = append(slices.Clip(v.Exports), x)
		s.put(v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &pb.ExportResponse{Connection: m.connection(v, x), Epoch: x.Epoch}, m.after(ctx, "export")
}

func (m *MemProvider) newExport(v *memVolume, req *pb.ExportRequest) (memExport, error) {
	const op = "export volume"
	x := memExport{
		Attachment: req.GetAttachmentId(), Labels: sdk.OwnerLabels(req.GetOwner()), ReadOnly: req.GetReadOnly() || v.ReadOnly,
		Since: time.Now(), Initiator: req.GetFrom().GetInitiatorIqn(), Secret: strings.ToLower(rand.Text()),
	}
	if l := v.Lock; l != nil && !x.ReadOnly && !l.holds(req.GetOwner()) {
		return x, &sdk.Error{Kind: sdk.Busy, Source: sdk.SourceProvider, Op: op, Subject: "volume " + v.ID, Text: l.Holder + " has locked it since " + l.Since.UTC().Format(time.RFC3339)}
	}
	for _, other := range v.Exports {
		if !v.Shareable && !(other.ReadOnly && x.ReadOnly) {
			return x, heldBy(op, *v, other)
		}
	}
	way, why := sdk.Reach(m.exposures(v.spec(), v.Zone), req.GetFrom(), req.GetConsumable())
	if way == nil {
		return x, &sdk.Error{Kind: sdk.Unsupported, Source: sdk.SourceProvider, Op: op, Subject: "volume " + v.ID, Text: "the machine cannot reach it: " + strings.Join(why, "; ")}
	}
	if x.Kind = way.GetKind(); !x.ReadOnly {
		v.Epoch++
	}
	x.Epoch = v.Epoch
	return x, nil
}

// holds reports whether a lock is that of who exports.
func (l *memLock) holds(o *pb.Owner) bool {
	broker, _, _ := strings.Cut(l.Holder, " ")
	return broker == o.GetBroker() && (l.Allocation == "" || l.Allocation == o.GetAllocation())
}

func (m *MemProvider) connection(v memVolume, x memExport) *pb.Connection {
	c := &pb.Connection{ReadOnly: x.ReadOnly}
	unique := fmt.Sprintf("%s.%d.%s", v.ID, x.Epoch, x.Attachment)
	switch x.Kind {
	case pb.ConnectionKind_CONNECTION_KIND_FILE:
		c.Path = &pb.Connection_File{File: &pb.FileConnection{Host: m.config.Storage.Host, File: "/memory/" + v.ID + "/data.img", Format: v.Format}}
	case pb.ConnectionKind_CONNECTION_KIND_ISCSI:
		c.Path = &pb.Connection_Iscsi{Iscsi: &pb.IscsiConnection{
			Portals: []string{"192.0.2.2:3260"}, TargetIqn: "iqn.2026-01.dev.meson:" + unique, Lun: 1, InitiatorIqn: x.Initiator,
			ChapUser: x.Attachment, ChapPassword: []byte(x.Secret),
		}}
	case pb.ConnectionKind_CONNECTION_KIND_NBD:
		c.Path = &pb.Connection_Nbd{Nbd: &pb.NbdConnection{Uri: "nbd+unix:///" + v.ID + "?socket=/memory/" + unique}}
	case pb.ConnectionKind_CONNECTION_KIND_NFS:
		c.Path = &pb.Connection_Nfs{Nfs: &pb.NfsConnection{Server: "192.0.2.2:2049", Export: "/" + v.ID, Version: "4"}}
	case pb.ConnectionKind_CONNECTION_KIND_RBD:
		c.Path = &pb.Connection_Rbd{Rbd: &pb.RbdConnection{Monitors: []string{"192.0.2.2:6789"}, Pool: "memory", Image: v.ID, User: x.Attachment, Key: []byte(x.Secret)}}
	default:
		c.Path = &pb.Connection_Native{Native: &pb.NativeConnection{VolumeId: v.ID}}
	}
	return c
}

// Unexport ends an attachment. Nobody is ever connected, so that force changes
// nothing.
func (m *MemProvider) Unexport(ctx context.Context, req *pb.UnexportRequest) error {
	if err := m.before(ctx, "unexport"); err != nil {
		return err
	}
	err := m.store.do(ctx, true, func(s *memState) error {
		if v, there := find(s.Volumes, nil, req.GetVolumeId()); there {
			v.Exports = slices.DeleteFunc(slices.Clone(v.Exports), func(x memExport) bool { return x.Attachment == req.GetAttachmentId() })
			s.put(v)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return m.after(ctx, "unexport")
}
