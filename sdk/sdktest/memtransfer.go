package sdktest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Transfer = (*MemProvider)(nil)

// memMaxImport is the most that a volume is made of.
const memMaxImport = 16 << 20

// ImportVolume reads all there is before it makes anything. What is sent as
// qcow2 is kept as it is.
func (m *MemProvider) ImportVolume(ctx context.Context, header *pb.ImportVolumeHeader, data io.Reader) (*pb.Volume, error) {
	if err := m.before(ctx, "import-volume"); err != nil {
		return nil, err
	}
	all, err := io.ReadAll(io.LimitReader(data, memMaxImport+1))
	if err != nil {
		return nil, err
	}
	size := max(header.GetSpec().GetSizeBytes(), uint64(len(all)))
	var faults []sdk.Fault
	if len(all) > memMaxImport {
		faults = append(faults, sdk.Fault{Path: "data", Want: fmt.Sprintf("at most %d bytes", memMaxImport), Text: "it is too long for a volume in memory"})
	}
	if want := header.GetSpec().GetSizeBytes(); want > 0 && uint64(len(all)) > want {
		faults = append(faults, sdk.Fault{Path: "spec.size_bytes", Have: fmt.Sprint(want), Want: fmt.Sprintf("at least %d", len(all))})
	}
	sum := sha256.Sum256(all)
	if want := header.GetSha256(); want != "" && !strings.EqualFold(want, hex.EncodeToString(sum[:])) {
		faults = append(faults, sdk.Fault{Path: "sha256", Have: hex.EncodeToString(sum[:]), Want: want, Text: "what was sent has another checksum"})
	}
	if err := sdk.InvalidFaults("import volume", faults); err != nil {
		return nil, err
	}
	spec := &pb.VolumeSpec{
		SizeBytes: size, Bootable: header.GetSpec().GetBootable(), Shareable: header.GetSpec().GetShareable(),
		ReadOnly: header.GetSpec().GetReadOnly(), Private: header.GetSpec().GetPrivate(), Format: header.GetSpec().GetFormat(),
	}
	offer := header.GetOffer()
	if offer.GetZone() == "" {
		offer = &pb.VolumeOffer{Zone: m.config.Zones[0].Name}
	}
	v, err := m.ensureVolume(ctx, &pb.CreateVolumeRequest{Owner: header.GetOwner(), Name: header.GetName(), Spec: spec, Offer: offer}, all)
	if err != nil {
		return nil, err
	}
	return m.wireVolume(v), m.after(ctx, "import-volume")
}

// ExportVolume writes what is not zero at the end, and zeros.
func (m *MemProvider) ExportVolume(ctx context.Context, req *pb.ExportVolumeRequest, begin func(total uint64) error, w io.Writer) error {
	if err := m.before(ctx, "export-volume"); err != nil {
		return err
	}
	var (
		data []byte
		size uint64
	)
	err := m.store.do(ctx, false, func(s *memState) error {
		v, there := find(s.Volumes, nil, req.GetId())
		if !there {
			return noSuchVolume()
		}
		if data, size = v.Data, v.Size; req.GetSnapshotId() == "" {
			for _, x := range v.Exports {
				if !x.ReadOnly {
					return heldBy("export volume's data", v, x)
				}
			}
			return nil
		}
		one, there := s.Snapshots[req.GetSnapshotId()]
		if !there || one.Volume != v.ID {
			return sdk.Errorf(sdk.NotFound, "the volume has no such snapshot")
		}
		data, size = one.Data, one.Size
		return nil
	})
	if err != nil {
		return err
	}
	if req.GetFormat() != "raw" {
		return sdk.Errorf(sdk.Unsupported, "volumes in memory are sent as raw alone")
	}
	if err := begin(size); err != nil {
		return err
	}
	zeros := io.LimitReader(zeroReader{}, int64(size)-int64(len(data)))
	whole := io.MultiReader(bytes.NewReader(data), zeros)
	if _, err := io.CopyN(io.Discard, whole, int64(min(req.GetOffset(), size))); err != nil {
		return err
	}
	if _, err := io.CopyBuffer(w, whole, make([]byte, 256<<10)); err != nil {
		return err
	}
	return m.after(ctx, "export-volume")
}

// zeroReader has zeros without end.
type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
