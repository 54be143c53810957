package iscsi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

const opCreate = "create volume"

// createPatience is how long a CreateVolume waits for a volume that is being made
// before it says how far it is.
const createPatience = 2 * time.Second

// making is a volume that is to be made and where it comes from.
type making struct {
	new  vault.New
	at   *place
	fill func(ctx context.Context, b *vault.Build, j *job) error
}

// CreateVolume makes a volume aside and gives it its name when it is whole; until
// then it is a job of this process.
func (p *Provider) CreateVolume(ctx context.Context, req *pb.CreateVolumeRequest) (*pb.Volume, error) {
	m, err := p.makingOf(ctx, req)
	if err != nil {
		return nil, err
	}
	return p.make(ctx, m, req.GetOwner())
}

// make is the body of every call that makes a volume.
func (p *Provider) make(ctx context.Context, m *making, owner *pb.Owner) (*pb.Volume, error) {
	f, err := sdk.Ensure(ctx, sdk.EnsureOps[found]{
		Find: func(ctx context.Context) (found, bool, error) {
			f, err := p.store.owned(ctx, owner.GetBroker(), owner.GetKey())
			if sdk.KindOf(err) == sdk.NotFound {
				return f, false, nil
			}
			return f, err == nil, err
		},
		Request: func(f found) string { return f.State.Owner.Request },
		Create:  func(ctx context.Context) (found, error) { return p.begin(ctx, m, owner) },
	}, owner)
	var going errGoing
	if errors.As(err, &going) {
		v := going.job.wire()
		v.Region, v.Zone, v.Tier = p.config.Region, p.config.zone(), m.at.name
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	return p.store.wire(f, nil), nil
}

// errGoing says that a job is still under way.
type errGoing struct{ job *job }

func (errGoing) Error() string { return "it is still being made" }

func (p *Provider) begin(ctx context.Context, m *making, owner *pb.Owner) (found, error) {
	if p.jobs.underway(owner) == nil {
		if err := p.store.fits(ctx, opCreate, m.at, m.new.Meta.SizeBytes); err != nil {
			return found{}, err
		}
	}
	j := &job{owner: owner, name: m.new.Meta.Name, spec: specOf(m.new)}
	going, err := p.jobs.run(ctx, p.working, j, createPatience, func(ctx context.Context, j *job) error {
		_, err := m.at.vault.Create(ctx, m.new, func(ctx context.Context, b *vault.Build) error { return m.fill(ctx, b, j) })
		return err
	})
	switch {
	case err != nil:
		return found{}, err
	case going != nil:
		return found{}, errGoing{going}
	}
	p.step("create.made")
	return p.store.owned(ctx, owner.GetBroker(), owner.GetKey())
}

func specOf(n vault.New) *pb.VolumeSpec {
	return &pb.VolumeSpec{
		SizeBytes: n.Meta.SizeBytes, Bootable: n.Meta.Bootable, Shareable: n.Meta.Shareable, ReadOnly: n.Meta.ReadOnly,
		Private: n.Meta.Private, Format: string(n.Format),
	}
}

// newOf is the volume of a spec in the shape of an offer.
func newOf(owner *pb.Owner, name string, spec *pb.VolumeSpec, s shape) vault.New {
	return vault.New{
		Owner: vaultOwner(owner), Format: s.Format,
		Meta: vault.Meta{
			Name: name, SizeBytes: s.Size, Bootable: spec.GetBootable(), Private: spec.GetPrivate(),
			Shareable: spec.GetShareable(), ReadOnly: spec.GetReadOnly(),
		},
	}
}

// makingOf reads a CreateVolume.
func (p *Provider) makingOf(ctx context.Context, req *pb.CreateVolumeRequest) (*making, error) {
	s, at, err := p.shapeOf(req.GetOffer())
	if err != nil {
		return nil, err
	}
	var faults []sdk.Fault
	if asked := req.GetSpec().GetSizeBytes(); asked > s.Size {
		faults = append(faults, sdk.Fault{Path: "spec.size_bytes", Have: fmt.Sprint(asked), Want: fmt.Sprintf("at most the %d of the offer", s.Size)})
	}
	if req.GetSpec().GetShareable() != (s.Format == "") {
		faults = append(faults, sdk.Fault{Path: "spec.shareable", Have: fmt.Sprint(req.GetSpec().GetShareable()), Want: "that of the offer"})
	}
	if f := req.GetSpec().GetFormat(); f != "" && f != string(s.Format) {
		faults = append(faults, sdk.Fault{Path: "spec.format", Have: f, Want: string(s.Format)})
	}
	if req.GetSpec().GetShareable() && req.GetOrigin() != nil {
		faults = append(faults, sdk.Fault{Path: "origin", Want: "none", Text: "a shareable volume is a directory, and is made empty"})
	}
	if err := sdk.InvalidFaults(opCreate, faults); err != nil {
		return nil, err
	}
	m := &making{at: at, new: newOf(req.GetOwner(), req.GetName(), req.GetSpec(), s)}
	switch from := req.GetOrigin().(type) {
	case *pb.CreateVolumeRequest_Image:
		m.fill, err = p.fromImage(ctx, proto.CloneOf(from.Image), s)
	case *pb.CreateVolumeRequest_SnapshotId:
		m.fill, err = p.fromSnapshot(ctx, m, from.SnapshotId, s)
	case *pb.CreateVolumeRequest_VolumeId:
		m.fill, err = p.fromVolume(ctx, m, from.VolumeId, s)
	default:
		m.fill = func(ctx context.Context, b *vault.Build, _ *job) error { return p.store.blank(ctx, b, s) }
	}
	return m, err
}

// blank makes an empty image; a directory is there already.
func (s *store) blank(ctx context.Context, b *vault.Build, what shape) error {
	if what.Format == "" {
		return nil
	}
	_, err := s.images.Create(ctx, b.Folder, image.CreateOptions{Format: image.Format(what.Format), SizeBytes: what.Size})
	return err
}
