package sdk

import (
	"context"
	"io"

	"github.com/mesoncloud/meson/sdk/pb"
)

// Storage makes volumes. See storage.proto for what each call of this and of the
// interfaces below promises.
type Storage interface {
	Provider
	OfferVolume(ctx context.Context, req *pb.OfferVolumeRequest, send func(*pb.OfferVolumeResponse) error) error
	CreateVolume(ctx context.Context, req *pb.CreateVolumeRequest) (*pb.Volume, error)
	GetVolume(ctx context.Context, req *pb.GetVolumeRequest) (*pb.Volume, error)
	ListVolumes(ctx context.Context, req *pb.ListVolumesRequest, send func(*pb.Volume) error) error
	DeleteVolume(ctx context.Context, req *pb.DeleteVolumeRequest) error
	WatchVolume(ctx context.Context, req *pb.GetVolumeRequest, send func(*pb.Volume) error) error
}

// Exporter is the ability to make a volume reachable for a machine.
type Exporter interface {
	Export(ctx context.Context, req *pb.ExportRequest) (*pb.ExportResponse, error)
	Unexport(ctx context.Context, req *pb.UnexportRequest) error
}

// Resizer is the ability to let a volume grow.
type Resizer interface {
	ResizeVolume(ctx context.Context, req *pb.ResizeVolumeRequest) (*pb.Volume, error)
}

// Snapshotter is the ability to keep what a volume held at an instant.
type Snapshotter interface {
	CreateSnapshot(ctx context.Context, req *pb.CreateSnapshotRequest) (*pb.Snapshot, error)
	ListSnapshots(ctx context.Context, req *pb.ListSnapshotsRequest, send func(*pb.Snapshot) error) error
	DeleteSnapshot(ctx context.Context, req *pb.DeleteSnapshotRequest) error
	RevertVolume(ctx context.Context, req *pb.RevertVolumeRequest) (*pb.Volume, error)
}

// Locker is the ability to keep a right to a volume for a person or a broker.
type Locker interface {
	LockVolume(ctx context.Context, req *pb.LockVolumeRequest) (*pb.Volume, error)
	UnlockVolume(ctx context.Context, req *pb.UnlockVolumeRequest) (*pb.Volume, error)
}

// Renamer is the ability to give a volume another name.
type Renamer interface {
	RenameVolume(ctx context.Context, req *pb.RenameVolumeRequest) (*pb.Volume, error)
}

// Converter is the ability to give a volume's bytes another format.
type Converter interface {
	ConvertVolume(ctx context.Context, req *pb.ConvertVolumeRequest) (*pb.Volume, error)
}

// Images is the ability to keep what volumes can be made from.
type Images interface {
	ListImages(ctx context.Context, req *pb.ListImagesRequest, send func(*pb.Image) error) error
	ImportImage(ctx context.Context, req *pb.ImportImageRequest) (*pb.Image, error)
	DeleteImage(ctx context.Context, req *pb.DeleteImageRequest) error
}

// Transfer is the ability to move a volume's bytes.
type Transfer interface {
	// ImportVolume reads data to its end. An error of data other than io.EOF means
	// that the caller is gone or gave up: nothing is left then.
	ImportVolume(ctx context.Context, header *pb.ImportVolumeHeader, data io.Reader) (*pb.Volume, error)
	// ExportVolume writes the volume to w. begin is called once, before the first
	// byte, with the length of the whole, 0 where it is not known.
	ExportVolume(ctx context.Context, req *pb.ExportVolumeRequest, begin func(total uint64) error, w io.Writer) error
}
