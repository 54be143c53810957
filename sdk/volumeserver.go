package sdk

import (
	"context"

	"google.golang.org/grpc"

	"github.com/mesoncloud/meson/sdk/pb"
)

type resizerServer struct {
	pb.UnimplementedResizerServer
	s *Server
}

var _ pb.ResizerServer = resizerServer{}

func (c resizerServer) ResizeVolume(ctx context.Context, req *pb.ResizeVolumeRequest) (out *pb.Volume, err error) {
	cl := ofVolume("resize volume", req.GetProvider(), req.GetId())
	if req.GetSizeBytes() == 0 {
		cl.faults = append(cl.faults, missing("size_bytes", "the size of the volume"))
	}
	err = with(ctx, c.s, cl, func(ctx context.Context, p Resizer) (err error) {
		out, err = p.ResizeVolume(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

type snapshotterServer struct {
	pb.UnimplementedSnapshotterServer
	s *Server
}

var _ pb.SnapshotterServer = snapshotterServer{}

func (c snapshotterServer) CreateSnapshot(ctx context.Context, req *pb.CreateSnapshotRequest) (out *pb.Snapshot, err error) {
	cl := ofVolume("create snapshot", req.GetProvider(), req.GetVolumeId())
	cl.faults = append(cl.faults, OwnerFaults("owner", req.GetOwner())...)
	cl.faults = append(cl.faults, checkMachineName(req.GetName())...)
	err = with(ctx, c.s, cl, func(ctx context.Context, p Snapshotter) (err error) {
		out, err = p.CreateSnapshot(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

func (c snapshotterServer) ListSnapshots(req *pb.ListSnapshotsRequest, stream grpc.ServerStreamingServer[pb.Snapshot]) error {
	cl := call{op: "list snapshots", provider: req.GetProvider(), faults: checkIDLength(req.GetVolumeId())}
	return with(stream.Context(), c.s, cl, func(ctx context.Context, p Snapshotter) error {
		return p.ListSnapshots(ctx, req, stream.Send)
	})
}

func (c snapshotterServer) DeleteSnapshot(ctx context.Context, req *pb.DeleteSnapshotRequest) (*pb.DeleteSnapshotResponse, error) {
	cl := call{
		op: "delete snapshot", provider: req.GetProvider(), effect: true, key: "volume " + req.GetVolumeId(),
		faults: append(checkRef(req.GetOwner(), req.GetId()), checkIDLength(req.GetVolumeId())...),
	}
	err := with(ctx, c.s, cl, func(ctx context.Context, p Snapshotter) error {
		return gone(p.DeleteSnapshot(ctx, req))
	})
	return &pb.DeleteSnapshotResponse{}, err
}

func (c snapshotterServer) RevertVolume(ctx context.Context, req *pb.RevertVolumeRequest) (out *pb.Volume, err error) {
	cl := ofVolume("revert volume", req.GetProvider(), req.GetVolumeId())
	if req.GetSnapshotId() == "" {
		cl.faults = append(cl.faults, missing("snapshot_id", "the snapshot's id"))
	}
	err = with(ctx, c.s, cl, func(ctx context.Context, p Snapshotter) (err error) {
		out, err = p.RevertVolume(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

type lockerServer struct {
	pb.UnimplementedLockerServer
	s *Server
}

var _ pb.LockerServer = lockerServer{}

func (c lockerServer) LockVolume(ctx context.Context, req *pb.LockVolumeRequest) (out *pb.Volume, err error) {
	cl := ofVolume("lock volume", req.GetProvider(), req.GetId())
	cl.faults = append(cl.faults, checkHolder("lock.holder", req.GetLock().GetHolder())...)
	err = with(ctx, c.s, cl, func(ctx context.Context, p Locker) (err error) {
		out, err = p.LockVolume(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

func (c lockerServer) UnlockVolume(ctx context.Context, req *pb.UnlockVolumeRequest) (out *pb.Volume, err error) {
	cl := ofVolume("unlock volume", req.GetProvider(), req.GetId())
	cl.faults = append(cl.faults, checkHolder("holder", req.GetHolder())...)
	err = with(ctx, c.s, cl, func(ctx context.Context, p Locker) (err error) {
		out, err = p.UnlockVolume(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

type renamerServer struct {
	pb.UnimplementedRenamerServer
	s *Server
}

var _ pb.RenamerServer = renamerServer{}

func (c renamerServer) RenameVolume(ctx context.Context, req *pb.RenameVolumeRequest) (out *pb.Volume, err error) {
	cl := ofVolume("rename volume", req.GetProvider(), req.GetId())
	cl.faults = append(cl.faults, checkMachineName(req.GetName())...)
	err = with(ctx, c.s, cl, func(ctx context.Context, p Renamer) (err error) {
		out, err = p.RenameVolume(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

type converterServer struct {
	pb.UnimplementedConverterServer
	s *Server
}

var _ pb.ConverterServer = converterServer{}

func (c converterServer) ConvertVolume(ctx context.Context, req *pb.ConvertVolumeRequest) (out *pb.Volume, err error) {
	cl := ofVolume("convert volume", req.GetProvider(), req.GetId())
	cl.faults = append(cl.faults, checkFormat("format", req.GetFormat())...)
	err = with(ctx, c.s, cl, func(ctx context.Context, p Converter) (err error) {
		out, err = p.ConvertVolume(ctx, req)
		return answered(out, err, cl)
	})
	return out, err
}

// ofVolume is a call that changes the volume of an id, one at a time.
func ofVolume(op, provider, id string) call {
	c := call{op: op, provider: provider, faults: checkIDLength(id), effect: true, key: "volume " + id}
	if id == "" {
		c.faults = append(c.faults, missing("id", "the volume's id"))
	}
	return c
}

// checkHolder holds the name of a lock's holder against 1 to 128 printable
// characters.
func checkHolder(path, holder string) []Fault {
	if holder != "" && len(holder) <= maxHolderBytes && CleanText(holder, maxHolderBytes) == holder {
		return nil
	}
	return []Fault{{
		Path: path, Have: quote(holder), Want: "1 to 128 printable characters", Text: quote(holder) + " is not the name of a holder",
	}}
}

const maxHolderBytes = 128
