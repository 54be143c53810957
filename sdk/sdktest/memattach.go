package sdktest

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Attacher = (*MemProvider)(nil)

// kindOf is the way of a connection.
func kindOf(c *pb.Connection) pb.ConnectionKind {
	switch c.GetPath().(type) {
	case *pb.Connection_File:
		return pb.ConnectionKind_CONNECTION_KIND_FILE
	case *pb.Connection_Iscsi:
		return pb.ConnectionKind_CONNECTION_KIND_ISCSI
	case *pb.Connection_Nbd:
		return pb.ConnectionKind_CONNECTION_KIND_NBD
	case *pb.Connection_Nfs:
		return pb.ConnectionKind_CONNECTION_KIND_NFS
	case *pb.Connection_Rbd:
		return pb.ConnectionKind_CONNECTION_KIND_RBD
	case *pb.Connection_Native:
		return pb.ConnectionKind_CONNECTION_KIND_NATIVE
	}
	return pb.ConnectionKind_CONNECTION_KIND_UNSPECIFIED
}

// withoutSecrets is an attachment as it is shown and kept.
func withoutSecrets(a *pb.Attachment) *pb.Attachment {
	a = proto.CloneOf(a)
	switch c := a.GetConnection(); p := c.GetPath().(type) {
	case *pb.Connection_Iscsi:
		p.Iscsi.ChapPassword = nil
	case *pb.Connection_Nbd:
		p.Nbd.TlsPsk = nil
	case *pb.Connection_Rbd:
		p.Rbd.Key = nil
	}
	return a
}

// attachable is a machine's attachment as it is kept.
func (m *MemProvider) attachable(a *pb.Attachment) (string, error) {
	if k := kindOf(a.GetConnection()); !contains(m.consumer("").GetKinds(), k) {
		return "", &sdk.Error{Kind: sdk.Unsupported, Source: sdk.SourceProvider, Op: "attach volume", Subject: "volume " + a.GetVolumeId(), Text: "machines of this provider take no " + sdk.KindName(k)}
	}
	text, err := protojson.Marshal(withoutSecrets(a))
	return string(text), err
}

func attachmentOf(text string) *pb.Attachment {
	a := &pb.Attachment{}
	if err := protojson.Unmarshal([]byte(text), a); err != nil {
		return nil
	}
	return a
}

// attach puts an attachment on a machine; the same again is no change.
func (m *MemProvider) attach(machine *memMachine, a *pb.Attachment) error {
	kept, err := m.attachable(a)
	if err != nil {
		return err
	}
	for _, text := range machine.Attachments {
		have := attachmentOf(text)
		switch {
		case have.GetId() == a.GetId() && have.GetVolumeId() == a.GetVolumeId():
			return nil
		case have.GetId() == a.GetId():
			return sdk.Errorf(sdk.Conflict, "attachment %s is of volume %s", a.GetId(), have.GetVolumeId())
		}
	}
	machine.Attachments = append(slices.Clip(machine.Attachments), kept)
	return nil
}

// Attach connects a volume at once.
func (m *MemProvider) Attach(ctx context.Context, req *pb.AttachRequest) (*pb.Instance, error) {
	return m.reattach(ctx, "attach", req.GetBroker(), req.GetId(), func(machine *memMachine) error {
		return m.attach(machine, req.GetAttachment())
	})
}

// Detach disconnects it at once.
func (m *MemProvider) Detach(ctx context.Context, req *pb.DetachRequest) (*pb.Instance, error) {
	return m.reattach(ctx, "detach", req.GetBroker(), req.GetId(), func(machine *memMachine) error {
		machine.Attachments = slices.DeleteFunc(slices.Clone(machine.Attachments), func(text string) bool {
			return attachmentOf(text).GetId() == req.GetAttachmentId()
		})
		return nil
	})
}

func (m *MemProvider) reattach(ctx context.Context, op, broker, id string, change func(*memMachine) error) (*pb.Instance, error) {
	if err := m.before(ctx, op); err != nil {
		return nil, err
	}
	var machine memMachine
	err := m.store.do(ctx, true, func(s *memState) error {
		found, there := find(s.Machines, &pb.Owner{Broker: broker}, id)
		if !there {
			return sdk.Errorf(sdk.NotFound, "no such machine")
		}
		if err := change(&found); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		s.Machines[found.ID], machine = found, found
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m.instance(machine), m.after(ctx, op)
}
