package sdk

import (
	"slices"

	"github.com/mesoncloud/meson/sdk/pb"
)

// BootsFromVolume reports whether a machine of the pledge boots from a volume that
// exists. It then needs no image, gets no disk that is made from one, and must not
// be charged for one.
func BootsFromVolume(p *pb.Pledge) bool {
	return slices.ContainsFunc(p.GetVolumes(), func(v *pb.VolumeRequest) bool { return v.GetVid() != "" && v.GetBootable() })
}
