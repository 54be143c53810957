package sdktest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Images = (*MemProvider)(nil)

func (s *memState) image(owner *pb.Owner, id string) (memImage, bool) {
	for _, key := range slices.Sorted(maps.Keys(s.Images)) {
		if i := s.Images[key]; isOf(i.Labels, i.ID, owner, id) {
			return i, true
		}
	}
	return memImage{}, false
}

func wireImage(i memImage) *pb.Image {
	return &pb.Image{
		Id: i.ID, Owner: ownerOf(i.Labels), Name: i.Name, State: pb.VolumeState_VOLUME_STATE_AVAILABLE, OsFamily: i.Family, OsFlavour: i.Flavour,
		Arch: "x86_64", SizeBytes: 1 << 20, MinSizeBytes: 1 << 20, Sha256: i.SHA256, Region: "memory", Zone: i.Zone, CreatedAt: timestamppb.New(i.Created),
	}
}

// MemImageSHA256 is the sha256 of the image at a URL: its bytes are those of the
// URL itself.
func MemImageSHA256(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:])
}

func imageFault(url, sum string) error {
	if have := MemImageSHA256(url); sum != "" && sum != have {
		return &sdk.Error{Kind: sdk.Invalid, Op: "read image", Faults: []sdk.Fault{{Path: "image.sha256", Have: have, Want: sum, Text: "the image has another checksum"}}}
	}
	return nil
}

// ImportImage notes an image; nothing is fetched. A volume is made of it by its
// id in the place of a URL.
func (m *MemProvider) ImportImage(ctx context.Context, req *pb.ImportImageRequest) (*pb.Image, error) {
	if err := m.before(ctx, "import-image"); err != nil {
		return nil, err
	}
	var made memImage
	err := m.store.do(ctx, true, func(s *memState) error {
		if have, there := s.image(req.GetOwner(), ""); there {
			made = have
			return otherRequest(have.Labels, req.GetOwner())
		}
		if err := imageFault(req.GetOrigin().GetUrl(), req.GetOrigin().GetSha256()); err != nil {
			return err
		}
		s.Serial++
		made = memImage{
			ID: fmt.Sprintf("image-%06d", s.Serial), Name: req.GetName(), Labels: sdk.OwnerLabels(req.GetOwner()), URL: req.GetOrigin().GetUrl(),
			SHA256: req.GetOrigin().GetSha256(), Family: req.GetOsFamily(), Flavour: req.GetOsFlavour(), Zone: req.GetZone(), Created: time.Now(),
		}
		s.Images[made.ID] = made
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wireImage(made), m.after(ctx, "import-image")
}

// ListImages sends the broker's images, or all, oldest first.
func (m *MemProvider) ListImages(ctx context.Context, req *pb.ListImagesRequest, send func(*pb.Image) error) error {
	if err := m.before(ctx, "list-images"); err != nil {
		return err
	}
	var all []*pb.Image
	err := m.store.do(ctx, false, func(s *memState) error {
		for _, id := range slices.Sorted(maps.Keys(s.Images)) {
			if i := s.Images[id]; req.GetBroker() == "" || ownerOf(i.Labels).GetBroker() == req.GetBroker() {
				all = append(all, wireImage(i))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, i := range all {
		if err := send(i); err != nil {
			return err
		}
	}
	return m.after(ctx, "list-images")
}

// DeleteImage forgets one; volumes made of it have their own bytes.
func (m *MemProvider) DeleteImage(ctx context.Context, req *pb.DeleteImageRequest) error {
	if err := m.before(ctx, "delete-image"); err != nil {
		return err
	}
	err := m.store.do(ctx, true, func(s *memState) error {
		if have, there := s.image(req.GetOwner(), req.GetId()); there {
			delete(s.Images, have.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return m.after(ctx, "delete-image")
}
