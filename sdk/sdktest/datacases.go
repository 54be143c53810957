package sdktest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func dataCases() []Case {
	return []Case{
		{"snapshot/life", LevelLife, "A snapshot is made once for its key, listed, and deleted; another request under its key is a Conflict.", pb.Snapshotter_ServiceDesc.ServiceName, snapshotLife},
		{"snapshot/revert", LevelLife, "A volume can be given back what a snapshot holds, unless it is in use.", pb.Snapshotter_ServiceDesc.ServiceName, snapshotReverts},
		{"snapshot/clone", LevelLife, "A volume made of a snapshot or of a volume holds the same bytes, is its own, and may be larger.", pb.Snapshotter_ServiceDesc.ServiceName, clonesHold},
		{"transfer/bytes", LevelLife, "What is imported is what is exported, byte for byte, from any offset on; zeros follow.", pb.Transfer_ServiceDesc.ServiceName, transferKeepsBytes},
		{"transfer/refused", LevelLife, "An import with another sha256, or cut off, leaves nothing; a volume that is written is not exported.", pb.Transfer_ServiceDesc.ServiceName, transferRefuses},
		{"images/life", LevelLife, "An image is imported once for its key, listed, made a volume of, and deleted.", pb.Images_ServiceDesc.ServiceName, imageLife},
	}
}

func snapshotsOf(ctx context.Context, s sdk.Snapshotter, volume string) (all []*pb.Snapshot) {
	_ = s.ListSnapshots(ctx, &pb.ListSnapshotsRequest{Provider: providerName, VolumeId: volume}, func(one *pb.Snapshot) error {
		all = append(all, one)
		return nil
	})
	return all
}

func snapshotRequest(o *pb.Owner, volume string) *pb.CreateSnapshotRequest {
	return &pb.CreateSnapshotRequest{Provider: providerName, Owner: otherKey(o, "-snap"), VolumeId: volume, Name: "before"}
}

// snapshotAvailable repeats a CreateSnapshot until the snapshot is there.
func snapshotAvailable(ctx context.Context, s sdk.Snapshotter, req *pb.CreateSnapshotRequest) (one *pb.Snapshot, err error) {
	err = patiently(ctx, func() error {
		if one, err = s.CreateSnapshot(ctx, req); err == nil && one.GetState() == pb.VolumeState_VOLUME_STATE_CREATING {
			return sdk.Errorf(sdk.Busy, "it is still being made")
		}
		return err
	})
	return one, err
}

// patiently repeats what the broker would repeat.
func patiently(ctx context.Context, do func() error) error {
	for {
		err := do()
		if err == nil || !passes(err) || !pause(ctx, 20*time.Millisecond) {
			return err
		}
	}
}

func snapshotLife(ctx context.Context, e *Env) error {
	s, o, v, err := onVolume[sdk.Snapshotter](ctx, e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, e.Target.Running)
	defer cancel()
	req := snapshotRequest(o, v.GetId())
	first, err := snapshotAvailable(ctx, s, req)
	if err != nil {
		return fmt.Errorf("create snapshot: %w", err)
	}
	var faults []error
	if first.GetId() == "" || first.GetVolumeId() != v.GetId() || first.GetName() != "before" || !proto.Equal(first.GetOwner(), req.GetOwner()) {
		faults = append(faults, fmt.Errorf("create snapshot: %v", first))
	}
	for range 3 {
		if again, err := s.CreateSnapshot(ctx, req); err != nil || again.GetId() != first.GetId() {
			faults = append(faults, fmt.Errorf("create snapshot again: %q, error %w; want %q", again.GetId(), err, first.GetId()))
		}
	}
	other := proto.CloneOf(req)
	other.Owner.Request = "another-request"
	if _, err := s.CreateSnapshot(ctx, other); sdk.KindOf(err) != sdk.Conflict {
		faults = append(faults, fmt.Errorf("create snapshot with another request: error %w, want Conflict", err))
	}
	if all := snapshotsOf(ctx, s, v.GetId()); len(all) != 1 || all[0].GetId() != first.GetId() {
		faults = append(faults, fmt.Errorf("ListSnapshots shows %v", all))
	}
	for range 2 {
		faults = append(faults, s.DeleteSnapshot(ctx, &pb.DeleteSnapshotRequest{Provider: providerName, VolumeId: v.GetId(), Id: first.GetId()}))
	}
	if all := snapshotsOf(ctx, s, v.GetId()); len(all) != 0 {
		faults = append(faults, fmt.Errorf("after DeleteSnapshot ListSnapshots shows %v", all))
	}
	return errors.Join(faults...)
}

// filled imports a volume with bytes of its own where the plugin can; otherwise it
// makes an empty one and has no bytes.
func (e *Env) filled(ctx context.Context) (*pb.Owner, *pb.Volume, []byte, error) {
	t, ok := e.provider.(sdk.Transfer)
	if !ok || !e.Has(pb.Transfer_ServiceDesc.ServiceName) {
		o, v, err := e.volume(ctx)
		return o, v, nil, err
	}
	o := e.owner()
	req, err := e.volumeRequest(ctx, o)
	if err != nil {
		return o, nil, nil, err
	}
	data := make([]byte, min(3<<20+512, e.Target.Volume.GetSizeBytes()))
	noise := rand.NewChaCha8([32]byte([]byte(o.GetKey() + "-----------------------------------")[:32]))
	_, _ = noise.Read(data)
	v, err := importBytes(ctx, t, req, data, sumOf(data))
	if err != nil {
		return o, nil, nil, err
	}
	// What was imported may still be under preparation.
	v, err = e.waitAvailable(ctx, o, v)
	return o, v, data, err
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func importBytes(ctx context.Context, t sdk.Transfer, req *pb.CreateVolumeRequest, data []byte, sum string) (*pb.Volume, error) {
	v, err := t.ImportVolume(ctx, &pb.ImportVolumeHeader{
		Provider: providerName, Owner: req.GetOwner(), Name: req.GetName(), Spec: req.GetSpec(), Offer: req.GetOffer(), Format: "raw", Sha256: sum,
	}, bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("import volume: %w", err)
	}
	return v, nil
}

// holdsBytes says what is wrong if a volume, or a snapshot of it, holds other than
// data and zeros.
func (e *Env) holdsBytes(ctx context.Context, volume, snapshot string, data []byte, offset uint64) error {
	t, ok := e.provider.(sdk.Transfer)
	if !ok || !e.Has(pb.Transfer_ServiceDesc.ServiceName) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.Target.Running)
	defer cancel()
	sum, total := &Comparison{Want: data[offset:]}, uint64(0)
	err := t.ExportVolume(ctx, &pb.ExportVolumeRequest{Provider: providerName, Id: volume, SnapshotId: snapshot, Format: "raw", Offset: offset}, func(n uint64) error {
		total = n
		return nil
	}, sum)
	if err != nil {
		return fmt.Errorf("export volume's data: %w", err)
	}
	if sum.Differs || sum.Bytes < uint64(len(data))-offset || total > 0 && sum.Bytes+offset != total {
		return fmt.Errorf("%d bytes came from offset %d on, of %d said; they differ: %v", sum.Bytes, offset, total, sum.Differs)
	}
	return nil
}

func snapshotReverts(ctx context.Context, e *Env) error {
	s, err := ability[sdk.Snapshotter](e)
	if err != nil {
		return err
	}
	o, v, data, err := e.filled(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, e.Target.Running)
	defer cancel()
	one, err := snapshotAvailable(ctx, s, snapshotRequest(o, v.GetId()))
	if err != nil {
		return fmt.Errorf("create snapshot: %w", err)
	}
	revert := &pb.RevertVolumeRequest{Provider: providerName, Owner: &pb.Owner{Broker: o.GetBroker()}, VolumeId: v.GetId(), SnapshotId: one.GetId()}
	var faults []error
	for range 2 {
		err := patiently(ctx, func() error {
			v, err := s.RevertVolume(ctx, revert)
			if err == nil && v.GetState() != pb.VolumeState_VOLUME_STATE_AVAILABLE {
				return sdk.Errorf(sdk.Busy, "it is still being reverted")
			}
			return err
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("revert: %w", err))
		}
	}
	faults = append(faults, e.holdsBytes(ctx, v.GetId(), "", data, 0), e.holdsBytes(ctx, v.GetId(), one.GetId(), data, 0))
	if from, _, none := e.consumers(); none == nil && e.Has(pb.Exporter_ServiceDesc.ServiceName) {
		req := e.exportRequest(o, v.GetId(), attachmentID(), from)
		if _, err := e.export(ctx, req); err != nil {
			faults = append(faults, fmt.Errorf("export: %w", err))
		}
		if _, err := s.RevertVolume(ctx, revert); sdk.KindOf(err) != sdk.Busy {
			faults = append(faults, fmt.Errorf("revert in use: error %w, want Busy", err))
		}
		faults = append(faults, e.unexport(ctx, v.GetId(), req.GetAttachmentId(), false))
	}
	return errors.Join(append(faults, s.DeleteSnapshot(ctx, &pb.DeleteSnapshotRequest{Provider: providerName, VolumeId: v.GetId(), Id: one.GetId()}),
		e.holdsBytes(ctx, v.GetId(), "", data, 0))...)
}

func clonesHold(ctx context.Context, e *Env) error {
	s, err := ability[sdk.Snapshotter](e)
	if err != nil {
		return err
	}
	o, v, data, err := e.filled(ctx)
	if err != nil {
		return err
	}
	one, err := snapshotAvailable(ctx, s, snapshotRequest(o, v.GetId()))
	if err != nil {
		return fmt.Errorf("create snapshot: %w", err)
	}
	clone := func(suffix string, origin *pb.CreateVolumeRequest, size uint64) (*pb.Volume, error) {
		req, err := e.volumeRequest(ctx, otherKey(o, suffix))
		if err != nil {
			return nil, err
		}
		req.Origin, req.Spec = origin.GetOrigin(), proto.CloneOf(req.GetSpec())
		if req.Spec.SizeBytes = size; size > e.Target.Volume.GetSizeBytes() {
			offers, reasons, err := e.volumeOffers(ctx, req.GetSpec(), e.Target.ForHours, 1, "")
			if err != nil || len(offers) == 0 {
				return nil, fmt.Errorf("nothing is offered of twice the size: %v, error %w", reasons, err)
			}
			req.Offer = offers[0]
		}
		return e.untilAvailable(ctx, req)
	}
	size := v.GetSpec().GetSizeBytes()
	var faults []error
	for suffix, origin := range map[string]*pb.CreateVolumeRequest{
		"-of-snap":   {Origin: &pb.CreateVolumeRequest_SnapshotId{SnapshotId: one.GetId()}},
		"-of-volume": {Origin: &pb.CreateVolumeRequest_VolumeId{VolumeId: v.GetId()}},
	} {
		made, err := clone(suffix, origin, size)
		if err != nil {
			faults = append(faults, fmt.Errorf("clone%s: %w", suffix, err))
			continue
		}
		if made.GetId() == v.GetId() {
			faults = append(faults, fmt.Errorf("clone%s is the volume itself", suffix))
		}
		larger, err := clone(suffix+"-2", origin, 2*size)
		if err != nil || larger.GetSpec().GetSizeBytes() < 2*size {
			faults = append(faults, fmt.Errorf("clone%s of twice the size: %d bytes, error %w", suffix, larger.GetSpec().GetSizeBytes(), err))
		}
		faults = append(faults, e.holdsBytes(ctx, made.GetId(), "", data, 0), e.removeVolume(ctx, made.GetOwner()))
		if err == nil {
			faults = append(faults, e.holdsBytes(ctx, larger.GetId(), "", data, 0), e.removeVolume(ctx, larger.GetOwner()))
		}
	}
	return errors.Join(append(faults, e.holdsBytes(ctx, v.GetId(), "", data, 0))...)
}

func transferKeepsBytes(ctx context.Context, e *Env) error {
	o, v, data, err := e.filled(ctx)
	if err != nil {
		return err
	}
	if v.GetSpec().GetSizeBytes() < e.Target.Volume.GetSizeBytes() {
		return fmt.Errorf("the volume has %d bytes, asked for were %d", v.GetSpec().GetSizeBytes(), e.Target.Volume.GetSizeBytes())
	}
	faults := []error{e.holdsBytes(ctx, v.GetId(), "", data, 0), e.holdsBytes(ctx, v.GetId(), "", data, 1<<20)}
	return errors.Join(append(faults, e.holdsVolumes(ctx, o.GetBroker(), 1, "after the import"))...)
}

// cutOff is a reader whose caller is gone after the first bytes.
type cutOff struct{ left int }

func (c *cutOff) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errors.New("the caller is gone")
	}
	n := min(len(p), c.left)
	c.left -= n
	return n, nil
}

func transferRefuses(ctx context.Context, e *Env) error {
	t, err := ability[sdk.Transfer](e)
	if err != nil {
		return err
	}
	o := e.owner()
	req, err := e.volumeRequest(ctx, o)
	if err != nil {
		return err
	}
	var faults []error
	if _, err := importBytes(ctx, t, req, []byte("one"), sumOf([]byte("other"))); sdk.KindOf(err) != sdk.Invalid {
		faults = append(faults, fmt.Errorf("another sha256: error %w, want Invalid", err))
	}
	header := &pb.ImportVolumeHeader{Provider: providerName, Owner: o, Name: "conformance", Spec: req.GetSpec(), Offer: req.GetOffer(), Format: "raw"}
	if _, err := t.ImportVolume(ctx, header, &cutOff{left: 1 << 20}); err == nil {
		faults = append(faults, errors.New("an import that was cut off succeeded"))
	}
	faults = append(faults, e.untilNone(ctx, o))
	if len(e.Target.From) == 0 || !e.Has(pb.Exporter_ServiceDesc.ServiceName) {
		return errors.Join(faults...)
	}
	_, x, _, err := e.exported(ctx)
	if err != nil {
		return errors.Join(append(faults, err)...)
	}
	err = t.ExportVolume(ctx, &pb.ExportVolumeRequest{Provider: providerName, Id: x.GetVolumeId(), Format: "raw"}, func(uint64) error { return nil }, io.Discard)
	if sdk.KindOf(err) != sdk.Busy {
		faults = append(faults, fmt.Errorf("export of a volume that is written: error %w, want Busy", err))
	}
	return errors.Join(faults...)
}

func imageLife(ctx context.Context, e *Env) error {
	if e.Target.Image == nil {
		return ErrSkip
	}
	images, err := ability[sdk.Images](e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, e.Target.Running)
	defer cancel()
	o := e.owner()
	req := &pb.ImportImageRequest{Provider: providerName, Owner: otherKey(o, "-image"), Name: "conformance", Origin: e.Target.Image, OsFamily: "linux"}
	first, err := e.imageAvailable(ctx, images, req)
	if err != nil {
		return err
	}
	var faults []error
	if again, err := images.ImportImage(ctx, req); err != nil || again.GetId() != first.GetId() {
		faults = append(faults, fmt.Errorf("import again: %q, error %w; want %q", again.GetId(), err, first.GetId()))
	}
	other := proto.CloneOf(req)
	other.Owner.Request = "another-request"
	if _, err := images.ImportImage(ctx, other); sdk.KindOf(err) != sdk.Conflict {
		faults = append(faults, fmt.Errorf("import with another request: error %w, want Conflict", err))
	}
	create, err := e.volumeRequest(ctx, o)
	if err != nil {
		return err
	}
	create.Origin = &pb.CreateVolumeRequest_Image{Image: &pb.ImageOrigin{Url: first.GetId(), Sha256: first.GetSha256()}}
	if _, err := e.untilAvailable(ctx, create); err != nil {
		faults = append(faults, fmt.Errorf("a volume of it: %w", err))
	}
	faults = append(faults, e.removeVolume(ctx, o))
	for range 2 {
		faults = append(faults, images.DeleteImage(ctx, &pb.DeleteImageRequest{Provider: providerName, Id: first.GetId()}))
	}
	n := 0
	faults = append(faults, images.ListImages(ctx, &pb.ListImagesRequest{Provider: providerName}, func(i *pb.Image) error {
		if i.GetId() == first.GetId() {
			n++
		}
		return nil
	}))
	if n > 0 {
		faults = append(faults, errors.New("it is listed after DeleteImage"))
	}
	return errors.Join(faults...)
}
