package sdktest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Images = (*MemProvider)(nil)

func wireImage(i memImage) *pb.Image {
	return &pb.Image{
		Id: i.ID, Owner: i.owner(), Name: i.Name, State: pb.VolumeState_VOLUME_STATE_AVAILABLE, OsFamily: i.Family, OsFlavour: i.Flavour,
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
		if have, there := find(s.Images, req.GetOwner(), ""); there {
			made = have
			return have.otherRequest(req.GetOwner())
		}
		if err := imageFault(req.GetOrigin().GetUrl(), req.GetOrigin().GetSha256()); err != nil {
			return err
		}
		s.Serial++
		made = memImage{
			memKept: newKept(fmt.Sprintf("image-%06d", s.Serial), req.GetName(), req.GetOwner()), URL: req.GetOrigin().GetUrl(),
			SHA256: req.GetOrigin().GetSha256(), Family: req.GetOsFamily(), Flavour: req.GetOsFlavour(), Zone: req.GetZone(),
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
	return list(ctx, m, "list-images", keptImages, ofBroker[memImage](req.GetBroker()), wireImage, send)
}

// DeleteImage forgets one; volumes made of it have their own bytes.
func (m *MemProvider) DeleteImage(ctx context.Context, req *pb.DeleteImageRequest) error {
	return forget(ctx, m, "delete-image", keptImages, req.GetOwner(), req.GetId())
}

func keptImages(s *memState) map[string]memImage { return s.Images }
