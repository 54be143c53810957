package upcloud

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Attacher = (*Provider)(nil)

// labelAttachment and an attachment's id are the key of a label on the server whose
// value is the UUID of the volume.
const labelAttachment = "meson-at-"

// attachments are the volumes that the labels name and that are there.
func (s *server) attachments() []*pb.Attachment {
	var all []*pb.Attachment
	for _, key := range slices.Sorted(maps.Keys(s.labels)) {
		id, ok := strings.CutPrefix(key, labelAttachment)
		volume := s.labels[key]
		if !ok || s.slot(volume) == nil {
			continue
		}
		all = append(all, &pb.Attachment{
			Id: id, VolumeId: volume,
			Connection: &pb.Connection{Path: &pb.Connection_Native{Native: &pb.NativeConnection{VolumeId: volume}}},
		})
	}
	return all
}

// slot is where a storage is attached, nil if it is not.
func (s *server) slot(storage string) *disk {
	for i := range s.disks {
		if s.disks[i].storage == storage {
			return &s.disks[i]
		}
	}
	return nil
}

// Attach writes the label, then attaches: what is attached is known.
func (p *Provider) Attach(ctx context.Context, req *pb.AttachRequest) (*pb.Instance, error) {
	volume, fault := volumeOf("attachment", req.GetAttachment())
	if fault != nil {
		return nil, sdk.InvalidFaults("attach volume", []sdk.Fault{*fault})
	}
	id := req.GetAttachment().GetId()
	return p.reattach(ctx, req.GetId(), req.GetBroker(), func(s *server) error {
		switch have := s.labels[labelAttachment+id]; {
		case have == volume:
		case have != "" && s.slot(have) != nil:
			return &sdk.Error{
				Kind: sdk.Conflict, Op: "attach volume", Subject: s.uuid, Source: sdk.SourceProvider,
				Text: fmt.Sprintf("attachment %s is of volume %s", id, have),
			}
		default:
			if err := p.relabel(ctx, s, labelAttachment+id, volume); err != nil {
				return err
			}
		}
		p.step("attach.noted")
		if s.slot(volume) != nil {
			return nil
		}
		err := p.post(ctx, "attach volume", volume, &request.AttachStorageRequest{
			ServerUUID: s.uuid, StorageUUID: volume, Type: upcloud.StorageTypeDisk, Address: busVirtio,
		})
		if err == nil {
			p.step("attach.attached")
		}
		return p.heldBy(ctx, volume, err)
	})
}

// heldBy adds to a refusal which server has the volume.
func (p *Provider) heldBy(ctx context.Context, volume string, err error) error {
	e, ok := err.(*sdk.Error)
	if !ok || e.Kind != sdk.Busy {
		return err
	}
	if d, lost := p.api.GetStorageDetails(ctx, &request.GetStorageDetailsRequest{UUID: volume}); lost == nil && len(d.ServerUUIDs) > 0 {
		e.Text += "; server " + strings.Join(d.ServerUUIDs, ", ") + " has it"
	}
	return e
}

// Detach detaches, then takes the label off. What is not attached is done.
func (p *Provider) Detach(ctx context.Context, req *pb.DetachRequest) (*pb.Instance, error) {
	key := labelAttachment + req.GetAttachmentId()
	return p.reattach(ctx, req.GetId(), req.GetBroker(), func(s *server) error {
		volume, there := s.labels[key]
		if !there {
			return nil
		}
		if at := s.slot(volume); at != nil {
			if err := p.post(ctx, "detach volume", volume, &request.DetachStorageRequest{ServerUUID: s.uuid, Address: at.address}); err != nil {
				return err
			}
			p.step("detach.detached")
		}
		err := p.relabel(ctx, s, key, "")
		if err == nil {
			p.step("detach.noted")
		}
		return err
	})
}

// reattach changes what is attached to a server and reads it again.
func (p *Provider) reattach(ctx context.Context, id, broker string, change func(*server) error) (*pb.Instance, error) {
	r := ref{uuid: id, ownKey: ownKey{broker: broker}}
	s, err := p.find(ctx, r)
	if err != nil {
		return nil, err
	}
	unlock, err := p.busy.Lock(ctx, s.uuid)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if s, err = p.find(ctx, r); err != nil {
		return nil, err
	}
	if err := change(s); err != nil {
		return nil, err
	}
	if s, err = p.read(ctx, s.uuid); err != nil {
		return nil, err
	}
	return p.instance(s), nil
}

// relabel sets one label of a server, or takes it off where the value is empty. The
// API takes all of them together.
func (p *Provider) relabel(ctx context.Context, s *server, key, value string) error {
	labels := maps.Clone(s.labels)
	if labels[key] = value; value == "" {
		delete(labels, key)
	}
	// The SDK's request would switch other things off by the way.
	var doc struct {
		Server struct {
			Labels *upcloud.LabelSlice `json:"labels"`
		} `json:"server"`
	}
	doc.Server.Labels = labelSlice(labels)
	body, err := json.Marshal(doc)
	if err != nil {
		return &sdk.Error{Kind: sdk.Internal, Op: "label server", Subject: s.uuid, Source: sdk.SourcePlugin, Err: err}
	}
	asked := time.Now()
	if body, err = p.wire.Put(ctx, "/server/"+s.uuid, body); err != nil {
		return failed("label server", s.uuid, err, true)
	}
	if fresh, err := decodeServer(body); err == nil {
		p.memory.learn(fresh, asked)
	}
	s.labels = labels
	return nil
}
