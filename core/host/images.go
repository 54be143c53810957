package host

import (
	"context"
	"regexp"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

const imagesService = "meson.plugin.v1.Images"

// ListImages are those that volumes can be made from: a broker's own, or with an
// empty one all that may be used. With an error they are those that were
// received and are right.
func (p *Provider) ListImages(ctx context.Context, broker string) ([]core.Image, error) {
	var list []core.Image
	err := p.read(ctx, "list images", imagesService, 2*p.host.opts.CallTimeout, func(ctx context.Context, s *session) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := pb.NewImagesClient(s.conn).ListImages(ctx, &pb.ListImagesRequest{Provider: p.config.Name, Broker: broker})
		if err != nil {
			return err
		}
		list, err = listed(stream, "image", func(w *pb.Image) (core.Image, string, error) {
			image, err := p.image(w, asked{owner: core.Owner{Broker: broker}})
			return image, w.GetId(), err
		}, func(image core.Image) bool { return image.State != core.VolumeGone })
		return err
	})
	return list, err
}

// ImportImage fetches an image, or finds it by its key. It is repeated until the
// image is available.
func (p *Provider) ImportImage(ctx context.Context, req core.ImageImport) (core.Image, error) {
	var made core.Image
	err := p.change(ctx, "import image", imagesService, func(ctx context.Context, s *session) error {
		answer, err := pb.NewImagesClient(s.conn).ImportImage(ctx, &pb.ImportImageRequest{
			Provider: p.config.Name, Owner: ownerToPB(req.Owner), Name: req.Name, Zone: req.Zone,
			Origin: &pb.ImageOrigin{Url: req.URL, Sha256: req.SHA256}, OsFamily: req.OS.Family, OsFlavour: req.OS.Flavour,
		})
		if err != nil {
			return err
		}
		made, err = p.image(answer, asked{owner: req.Owner})
		return err
	})
	if err != nil {
		return core.Image{}, err
	}
	return made, nil
}

// DeleteImage removes an image; one that is not there is no error.
func (p *Provider) DeleteImage(ctx context.Context, ref core.ImageRef) error {
	return p.change(ctx, "delete image", imagesService, func(ctx context.Context, s *session) error {
		_, err := pb.NewImagesClient(s.conn).DeleteImage(ctx, &pb.DeleteImageRequest{
			Provider: p.config.Name, Owner: refOwner(ref.Owner, ref.ID), Id: ref.ID,
		})
		return err
	})
}

// image checks an image that a plugin answered with.
func (p *Provider) image(w *pb.Image, want asked) (core.Image, error) {
	var f faults
	checkObjectID(w.GetId(), want.id, &f)
	owner := ownerOf(w.GetOwner(), want.owner, &f)
	state, ok := volumeStateOf(w.GetState())
	if !ok {
		f.add("state", "unknown state %d", w.GetState())
	}
	if w.GetSizeBytes() > maxVolumeBytes || w.GetMinSizeBytes() > maxVolumeBytes {
		f.add("size_bytes", "%d, at least %d: no image has that", w.GetSizeBytes(), w.GetMinSizeBytes())
	}
	if sum := w.GetSha256(); sum != "" && !regexp.MustCompile(`^[0-9a-fA-F]{64}$`).MatchString(sum) {
		f.add("sha256", "%q is none", cut(sum, 80))
	}
	if err := f.err("an image"); err != nil {
		return core.Image{}, err
	}
	return core.Image{
		ID: w.GetId(), Provider: p.config.Name, Owner: owner, Name: cut(w.GetName(), 64), State: state, Progress: progressOf(w.GetProgress()),
		OS: core.OS{Family: cut(w.GetOsFamily(), 64), Flavour: cut(w.GetOsFlavour(), 64)}, Arch: cut(w.GetArch(), 64),
		SizeBytes: int64(w.GetSizeBytes()), MinSizeBytes: int64(w.GetMinSizeBytes()), SHA256: w.GetSha256(),
		Region: cut(w.GetRegion(), maxText), Zone: cut(w.GetZone(), maxText), Message: cut(w.GetMessage(), maxText), CreatedAt: timeOf(w.GetCreatedAt()),
	}, nil
}
