package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	"github.com/mesoncloud/meson/sdk/pb"
)

// ResizeVolume answers with the size that was asked for; "liar" with less.
func (r *rogueStorage) ResizeVolume(_ context.Context, req *pb.ResizeVolumeRequest) (*pb.Volume, error) {
	disaster(req.GetProvider())
	v := goodVolume(req.GetId(), owner("k1"))
	if req.GetProvider() != "liar" {
		v.Spec.SizeBytes = req.GetSizeBytes()
	}
	return v, nil
}

// RenameVolume answers with the name; "liar" with the old one.
func (r *rogueStorage) RenameVolume(_ context.Context, req *pb.RenameVolumeRequest) (*pb.Volume, error) {
	v := goodVolume(req.GetId(), owner("k1"))
	if req.GetProvider() != "liar" {
		v.Name = req.GetName()
	}
	return v, nil
}

// ConvertVolume answers with the format; "liar" with another, and "slow" says that it
// is at work.
func (r *rogueStorage) ConvertVolume(_ context.Context, req *pb.ConvertVolumeRequest) (*pb.Volume, error) {
	v := goodVolume(req.GetId(), owner("k1"))
	switch req.GetProvider() {
	case "liar":
	case "slow":
		v.Progress = &pb.Progress{Step: "convert", Percent: 40}
	default:
		v.Format = req.GetFormat()
	}
	return v, nil
}

// LockVolume answers with the lock; "liar" with somebody else's.
func (r *rogueStorage) LockVolume(_ context.Context, req *pb.LockVolumeRequest) (*pb.Volume, error) {
	v := goodVolume(req.GetId(), owner("k1"))
	v.Lock = req.GetLock()
	if req.GetProvider() == "liar" {
		v.Lock = &pb.VolumeLock{Holder: "mallory"}
	}
	return v, nil
}

// UnlockVolume answers with the volume, which at "liar" stays locked.
func (r *rogueStorage) UnlockVolume(_ context.Context, req *pb.UnlockVolumeRequest) (*pb.Volume, error) {
	v := goodVolume(req.GetId(), owner("k1"))
	if req.GetProvider() == "liar" {
		v.Lock = &pb.VolumeLock{Holder: "mallory"}
	}
	return v, nil
}

// goodSnapshot is one that every check passes.
func goodSnapshot(id, volume string, o *pb.Owner) *pb.Snapshot {
	return &pb.Snapshot{Id: id, Owner: o, VolumeId: volume, Name: "before", State: pb.VolumeState_VOLUME_STATE_AVAILABLE, SizeBytes: 1 << 30}
}

// CreateSnapshot answers with the snapshot; "liar" with that of another volume.
func (r *rogueStorage) CreateSnapshot(_ context.Context, req *pb.CreateSnapshotRequest) (*pb.Snapshot, error) {
	disaster(req.GetProvider())
	if req.GetProvider() == "liar" {
		return goodSnapshot("s1", "vol-9", req.GetOwner()), nil
	}
	return goodSnapshot("s1", req.GetVolumeId(), req.GetOwner()), nil
}

// ListSnapshots sends two, and for "liar" some that are none.
func (r *rogueStorage) ListSnapshots(req *pb.ListSnapshotsRequest, out grpc.ServerStreamingServer[pb.Snapshot]) error {
	all := []*pb.Snapshot{goodSnapshot("s1", "vol-1", nil), goodSnapshot("s2", "vol-1", owner("k2"))}
	if req.GetProvider() == "liar" {
		all = append(all, goodSnapshot("s1", "vol-1", nil), goodSnapshot("s3", "vol-9", nil), goodSnapshot("", "vol-1", nil), goodSnapshot("s4", "", nil))
	}
	for _, s := range all {
		if err := out.Send(s); err != nil {
			return err
		}
	}
	return nil
}

// DeleteSnapshot succeeds, unless something happens.
func (r *rogueStorage) DeleteSnapshot(_ context.Context, req *pb.DeleteSnapshotRequest) (*pb.DeleteSnapshotResponse, error) {
	disaster(req.GetProvider())
	return &pb.DeleteSnapshotResponse{}, nil
}

// RevertVolume answers with the volume.
func (r *rogueStorage) RevertVolume(_ context.Context, req *pb.RevertVolumeRequest) (*pb.Volume, error) {
	v := goodVolume(req.GetVolumeId(), owner("k1"))
	v.Message = "as in " + req.GetSnapshotId()
	return v, nil
}

// ListImages sends one, and for "liar" one that is none.
func (r *rogueStorage) ListImages(req *pb.ListImagesRequest, out grpc.ServerStreamingServer[pb.Image]) error {
	good := &pb.Image{Id: "debian-12", Name: "Debian\x07 12", State: pb.VolumeState_VOLUME_STATE_AVAILABLE, OsFamily: "linux", SizeBytes: 1 << 30}
	if err := out.Send(good); err != nil || req.GetProvider() != "liar" {
		return err
	}
	return out.Send(&pb.Image{Id: "evil", State: pb.VolumeState_VOLUME_STATE_AVAILABLE, Sha256: "none"})
}

// ImportImage answers with the image.
func (r *rogueStorage) ImportImage(_ context.Context, req *pb.ImportImageRequest) (*pb.Image, error) {
	disaster(req.GetProvider())
	return &pb.Image{
		Id: "i1", Owner: req.GetOwner(), Name: req.GetName(), State: pb.VolumeState_VOLUME_STATE_CREATING, Sha256: req.GetOrigin().GetSha256(),
	}, nil
}

// DeleteImage succeeds.
func (r *rogueStorage) DeleteImage(context.Context, *pb.DeleteImageRequest) (*pb.DeleteImageResponse, error) {
	return &pb.DeleteImageResponse{}, nil
}

// ImportVolume counts what it is sent; "full" says no after the first part,
// "deaf" takes no part, and "mute" does not answer.
func (r *rogueStorage) ImportVolume(stream grpc.ClientStreamingServer[pb.ImportVolumeRequest, pb.Volume]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	h, n, calls := first.GetHeader(), 0, 0
	for ; h.GetProvider() != "deaf"; calls++ {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		disaster(h.GetProvider())
		if h.GetProvider() == "full" {
			return goodRefusal()
		}
		n += len(part.GetData())
	}
	if h.GetProvider() == "deaf" || h.GetProvider() == "mute" {
		<-stream.Context().Done()
		return stream.Context().Err()
	}
	v := goodVolume("vol-1", h.GetOwner())
	v.Message = fmt.Sprintf("%d bytes of %s", n, h.GetFormat())
	return stream.SendAndClose(v)
}

// ExportVolume sends 3 MiB and says so, unless the provider's name says otherwise.
func (r *rogueStorage) ExportVolume(req *pb.ExportVolumeRequest, out grpc.ServerStreamingServer[pb.ExportVolumeResponse]) error {
	total := uint64(3 << 20)
	switch req.GetProvider() {
	case "silent":
		return nil
	case "unsized", "endless":
		total = 0
	case "boast":
		total = 1 << 62
	}
	if err := out.Send(&pb.ExportVolumeResponse{TotalBytes: total}); err != nil {
		return err
	}
	parts := 3
	switch req.GetProvider() {
	case "short":
		parts = 2
	case "long":
		parts = 4
	case "endless":
		parts = 1 << 30
	}
	for i := range parts {
		if i == 1 {
			disaster(req.GetProvider())
			if req.GetProvider() == "stalls" {
				<-out.Context().Done()
				return out.Context().Err()
			}
		}
		if err := out.Send(&pb.ExportVolumeResponse{Data: bytes.Repeat([]byte{'x'}, 1<<20)}); err != nil {
			return err
		}
	}
	return nil
}
