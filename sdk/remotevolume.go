package sdk

import (
	"context"

	"github.com/mesoncloud/meson/sdk/pb"
)

// OfferVolume is Storage.OfferVolume.
func (r *Remote) OfferVolume(ctx context.Context, req *pb.OfferVolumeRequest, send func(*pb.OfferVolumeResponse) error) error {
	limit := offerLimit(func(m *pb.OfferVolumeResponse) (int, int) { return len(m.GetOffers()), len(m.GetReasons()) })
	return receive(ctx, named(req, r.name), pb.NewStorageClient(r.client.conn).OfferVolume, limit, cleanAll[*pb.OfferVolumeResponse], send)
}

// CreateVolume is Storage.CreateVolume.
func (r *Remote) CreateVolume(ctx context.Context, req *pb.CreateVolumeRequest) (*pb.Volume, error) {
	return unary(ctx, true, named(req, r.name), pb.NewStorageClient(r.client.conn).CreateVolume)
}

// GetVolume is Storage.GetVolume.
func (r *Remote) GetVolume(ctx context.Context, req *pb.GetVolumeRequest) (*pb.Volume, error) {
	return unary(ctx, false, named(req, r.name), pb.NewStorageClient(r.client.conn).GetVolume)
}

// ListVolumes is Storage.ListVolumes.
func (r *Remote) ListVolumes(ctx context.Context, req *pb.ListVolumesRequest, send func(*pb.Volume) error) error {
	return receive(ctx, named(req, r.name), pb.NewStorageClient(r.client.conn).ListVolumes, atMost[*pb.Volume](MaxListed, "volumes"), cleanAll[*pb.Volume], send)
}

// DeleteVolume is Storage.DeleteVolume.
func (r *Remote) DeleteVolume(ctx context.Context, req *pb.DeleteVolumeRequest) error {
	_, err := unary(ctx, true, named(req, r.name), pb.NewStorageClient(r.client.conn).DeleteVolume)
	return err
}

// WatchVolume is Storage.WatchVolume.
func (r *Remote) WatchVolume(ctx context.Context, req *pb.GetVolumeRequest, send func(*pb.Volume) error) error {
	return receive(ctx, named(req, r.name), pb.NewStorageClient(r.client.conn).WatchVolume, noLimit[*pb.Volume], cleanAll[*pb.Volume], send)
}

// Export is Exporter.Export.
func (r *Remote) Export(ctx context.Context, req *pb.ExportRequest) (*pb.ExportResponse, error) {
	return unary(ctx, true, named(req, r.name), pb.NewExporterClient(r.client.conn).Export)
}

// Unexport is Exporter.Unexport.
func (r *Remote) Unexport(ctx context.Context, req *pb.UnexportRequest) error {
	_, err := unary(ctx, true, named(req, r.name), pb.NewExporterClient(r.client.conn).Unexport)
	return err
}

// ResizeVolume is Resizer.ResizeVolume.
func (r *Remote) ResizeVolume(ctx context.Context, req *pb.ResizeVolumeRequest) (*pb.Volume, error) {
	return unary(ctx, true, named(req, r.name), pb.NewResizerClient(r.client.conn).ResizeVolume)
}

// CreateSnapshot is Snapshotter.CreateSnapshot.
func (r *Remote) CreateSnapshot(ctx context.Context, req *pb.CreateSnapshotRequest) (*pb.Snapshot, error) {
	return unary(ctx, true, named(req, r.name), pb.NewSnapshotterClient(r.client.conn).CreateSnapshot)
}

// ListSnapshots is Snapshotter.ListSnapshots.
func (r *Remote) ListSnapshots(ctx context.Context, req *pb.ListSnapshotsRequest, send func(*pb.Snapshot) error) error {
	return receive(ctx, named(req, r.name), pb.NewSnapshotterClient(r.client.conn).ListSnapshots, atMost[*pb.Snapshot](MaxListed, "snapshots"), cleanAll[*pb.Snapshot], send)
}

// DeleteSnapshot is Snapshotter.DeleteSnapshot.
func (r *Remote) DeleteSnapshot(ctx context.Context, req *pb.DeleteSnapshotRequest) error {
	_, err := unary(ctx, true, named(req, r.name), pb.NewSnapshotterClient(r.client.conn).DeleteSnapshot)
	return err
}

// RevertVolume is Snapshotter.RevertVolume.
func (r *Remote) RevertVolume(ctx context.Context, req *pb.RevertVolumeRequest) (*pb.Volume, error) {
	return unary(ctx, true, named(req, r.name), pb.NewSnapshotterClient(r.client.conn).RevertVolume)
}

// LockVolume is Locker.LockVolume.
func (r *Remote) LockVolume(ctx context.Context, req *pb.LockVolumeRequest) (*pb.Volume, error) {
	return unary(ctx, true, named(req, r.name), pb.NewLockerClient(r.client.conn).LockVolume)
}

// UnlockVolume is Locker.UnlockVolume.
func (r *Remote) UnlockVolume(ctx context.Context, req *pb.UnlockVolumeRequest) (*pb.Volume, error) {
	return unary(ctx, true, named(req, r.name), pb.NewLockerClient(r.client.conn).UnlockVolume)
}

// RenameVolume is Renamer.RenameVolume.
func (r *Remote) RenameVolume(ctx context.Context, req *pb.RenameVolumeRequest) (*pb.Volume, error) {
	return unary(ctx, true, named(req, r.name), pb.NewRenamerClient(r.client.conn).RenameVolume)
}

// ConvertVolume is Converter.ConvertVolume.
func (r *Remote) ConvertVolume(ctx context.Context, req *pb.ConvertVolumeRequest) (*pb.Volume, error) {
	return unary(ctx, true, named(req, r.name), pb.NewConverterClient(r.client.conn).ConvertVolume)
}

// ListImages is Images.ListImages.
func (r *Remote) ListImages(ctx context.Context, req *pb.ListImagesRequest, send func(*pb.Image) error) error {
	return receive(ctx, named(req, r.name), pb.NewImagesClient(r.client.conn).ListImages, atMost[*pb.Image](MaxListed, "images"), cleanAll[*pb.Image], send)
}

// ImportImage is Images.ImportImage.
func (r *Remote) ImportImage(ctx context.Context, req *pb.ImportImageRequest) (*pb.Image, error) {
	return unary(ctx, true, named(req, r.name), pb.NewImagesClient(r.client.conn).ImportImage)
}

// DeleteImage is Images.DeleteImage.
func (r *Remote) DeleteImage(ctx context.Context, req *pb.DeleteImageRequest) error {
	_, err := unary(ctx, true, named(req, r.name), pb.NewImagesClient(r.client.conn).DeleteImage)
	return err
}
