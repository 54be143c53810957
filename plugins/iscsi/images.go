package iscsi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Images = (*Provider)(nil)

// The names of an image's folder: made aside, and then renamed.
const (
	imagesDir = ".meson/images"
	imageFile = "image.json"
	imageNew  = "new-"
	imageGone = "gone-"
)

// storedImage is an image as its folder has it: a qcow2 that nobody writes, so that
// volumes stand on links to it.
type storedImage struct {
	ID        string      `json:"id"`
	Owner     vault.Owner `json:"owner"`
	Name      string      `json:"name"`
	URL       string      `json:"url"`
	SHA256    string      `json:"sha256"`
	OSFamily  string      `json:"os_family,omitempty"`
	OSFlavour string      `json:"os_flavour,omitempty"`
	SizeBytes uint64      `json:"size_bytes"`
	CreatedAt time.Time   `json:"created_at"`

	dir string
}

// layer is the image's file, by a second name, among the layers of volumes.
func (im *storedImage) layer() string { return "image-" + im.ID }

func (im *storedImage) files() image.Volume {
	l := image.Layer{ID: im.layer(), Format: image.QCOW2, SizeBytes: im.SizeBytes, Snapshot: true}
	return image.Volume{Dir: im.dir, Layout: image.Layout{Format: image.QCOW2, SizeBytes: im.SizeBytes, Layers: []image.Layer{l}}}
}

func (im *storedImage) wire(region, zone string) *pb.Image {
	return &pb.Image{
		Id: im.ID, Owner: ownerOf(&im.Owner), Name: im.Name, State: pb.VolumeState_VOLUME_STATE_AVAILABLE, OsFamily: im.OSFamily, OsFlavour: im.OSFlavour,
		SizeBytes: im.SizeBytes, MinSizeBytes: im.SizeBytes, Sha256: im.SHA256, Region: region, Zone: zone, CreatedAt: timestamppb.New(im.CreatedAt),
	}
}

// storedImages are those of all vaults.
func (s *store) storedImages(ctx context.Context) ([]*storedImage, error) {
	var out []*storedImage
	for _, at := range s.vaults {
		dir := filepath.Join(at.vault.Root(), imagesDir)
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, imageError("list images", dir, err)
		}
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), imageNew) || strings.HasPrefix(entry.Name(), imageGone) || !entry.IsDir() {
				continue
			}
			im := &storedImage{dir: filepath.Join(dir, entry.Name())}
			text, err := os.ReadFile(filepath.Join(im.dir, imageFile))
			if err == nil {
				err = json.Unmarshal(text, im)
			}
			if err != nil || im.ID != entry.Name() {
				s.log.Warn("an image cannot be read", "dir", im.dir, "error", err)
				continue
			}
			out = append(out, im)
		}
	}
	return out, ctx.Err()
}

func imageError(op, subject string, err error) error {
	return &sdk.Error{Kind: sdk.Unavailable, Op: op, Subject: subject, Source: sdk.SourcePlugin, Err: err}
}

// imageOf is the image of an id, nil where there is none.
func (s *store) imageOf(ctx context.Context, id string) (*storedImage, error) {
	all, err := s.storedImages(ctx)
	if err != nil {
		return nil, err
	}
	for _, im := range all {
		if im.ID == id {
			return im, nil
		}
	}
	return nil, nil
}

// cloneImage makes the image of a volume of one that was imported: in constant time
// where both lie on one filesystem.
func (s *store) cloneImage(ctx context.Context, im *storedImage, b *vault.Build, what shape) error {
	if err := large(what, im.SizeBytes); err != nil {
		return err
	}
	if what.Format == vault.QCOW2 {
		l, err := s.images.Clone(ctx, im.files(), im.layer(), b.Folder, what.Size)
		if err == nil {
			laid(b, l)
			return nil
		}
		if sdk.KindOf(err) != sdk.Unsupported {
			return err
		}
	}
	l, err := s.images.Copy(ctx, im.files(), b.Folder, image.CopyOptions{Layer: im.layer(), Format: image.Format(what.Format), SizeBytes: what.Size})
	if err == nil {
		laid(b, l)
	}
	return err
}

// ListImages sends the broker's images, or all.
func (p *Provider) ListImages(ctx context.Context, req *pb.ListImagesRequest, send func(*pb.Image) error) error {
	all, err := p.store.storedImages(ctx)
	if err != nil {
		return err
	}
	for _, im := range all {
		if req.GetBroker() != "" && im.Owner.Broker != req.GetBroker() {
			continue
		}
		if err := send(im.wire(p.config.Region, p.config.zone())); err != nil {
			return err
		}
	}
	return nil
}

// ImportImage fetches an image into the first vault, aside, and gives it its name
// when it is whole.
func (p *Provider) ImportImage(ctx context.Context, req *pb.ImportImageRequest) (*pb.Image, error) {
	owner := vaultOwner(req.GetOwner())
	all, err := p.store.storedImages(ctx)
	if err != nil {
		return nil, err
	}
	for _, im := range all {
		if im.Owner.Broker != owner.Broker || im.Owner.Key != owner.Key {
			continue
		}
		if im.Owner.Request != owner.Request {
			return nil, sdk.Errorf(sdk.Conflict, "the key %s was used for another request", owner.Key)
		}
		return im.wire(p.config.Region, p.config.zone()), nil
	}
	source, format, err := p.config.source(req.GetOrigin().GetUrl())
	if err != nil {
		return nil, err
	}
	im := &storedImage{
		ID: vault.IDFor(owner), Owner: owner, Name: req.GetName(), URL: req.GetOrigin().GetUrl(), SHA256: strings.ToLower(req.GetOrigin().GetSha256()),
		OSFamily: req.GetOsFamily(), OSFlavour: req.GetOsFlavour(), CreatedAt: time.Now().UTC(),
	}
	j := &job{owner: req.GetOwner(), name: req.GetName()}
	going, err := p.jobs.run(ctx, p.working, j, createPatience, func(ctx context.Context, j *job) error {
		return p.store.fetchImage(ctx, im, image.ImportOptions{
			Source: source, From: format, SHA256: im.SHA256, To: image.QCOW2, RoundBytes: vault.Step,
			MaxReadBytes: uint64(p.config.MaxImageGiB) * vault.GiB, Progress: j.progress,
		})
	})
	if err != nil {
		return nil, err
	}
	if going != nil {
		v := going.wire()
		return &pb.Image{
			Id: im.ID, Owner: req.GetOwner(), Name: req.GetName(), State: v.GetState(), Progress: v.GetProgress(),
			Region: p.config.Region, Zone: p.config.zone(), CreatedAt: v.GetCreatedAt(),
		}, nil
	}
	p.step("image.made")
	return im.wire(p.config.Region, p.config.zone()), nil
}

// DeleteImage removes one; volumes that stand on it keep their links to its bytes.
func (p *Provider) DeleteImage(ctx context.Context, req *pb.DeleteImageRequest) error {
	if req.GetOwner().GetKey() != "" {
		if err := p.jobs.end(ctx, req.GetOwner()); err != nil {
			return err
		}
	}
	all, err := p.store.storedImages(ctx)
	if err != nil {
		return err
	}
	for _, im := range all {
		owner := req.GetOwner()
		byKey := owner.GetKey() != "" && im.Owner.Key == owner.GetKey() && im.Owner.Broker == owner.GetBroker()
		if !byKey && (owner.GetKey() != "" || im.ID != req.GetId()) {
			continue
		}
		gone := filepath.Join(filepath.Dir(im.dir), fmt.Sprintf("%s%s.%d", imageGone, im.ID, time.Now().UnixNano()))
		if err := os.Rename(im.dir, gone); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return imageError("delete image", im.dir, err)
		}
		p.step("image.renamed")
		if err := errors.Join(os.RemoveAll(gone), syncDir(filepath.Dir(im.dir))); err != nil {
			return imageError("delete image", im.dir, err)
		}
	}
	return nil
}
