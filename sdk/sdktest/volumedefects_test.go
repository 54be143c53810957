package sdktest

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk/pb"
)

// Each defect below is one that the author of a storage plugin could make. The
// suite must name it.

// eachVolume changes what the provider holds behind its back.
func (m *MemProvider) eachVolume(ctx context.Context, change func(*memVolume)) {
	_ = m.store.do(ctx, true, func(s *memState) error {
		for _, v := range s.Volumes {
			change(&v)
			s.put(v)
		}
		return nil
	})
}

type twoVolumes struct{ *MemProvider }

func (d twoVolumes) CreateVolume(ctx context.Context, req *pb.CreateVolumeRequest) (*pb.Volume, error) {
	again := proto.CloneOf(req)
	again.Owner.Key += strings.ToLower(rand.Text()[:6])
	return d.MemProvider.CreateVolume(ctx, again)
}

type ignoresVolumeRequest struct{ *MemProvider }

func (d ignoresVolumeRequest) CreateVolume(ctx context.Context, req *pb.CreateVolumeRequest) (*pb.Volume, error) {
	if v, err := d.GetVolume(ctx, &pb.GetVolumeRequest{Owner: req.GetOwner()}); err == nil {
		return v, nil
	}
	return d.MemProvider.CreateVolume(ctx, req)
}

type unpricedVolume struct{ *MemProvider }

func (d unpricedVolume) OfferVolume(ctx context.Context, req *pb.OfferVolumeRequest, send func(*pb.OfferVolumeResponse) error) error {
	return d.MemProvider.OfferVolume(ctx, req, func(r *pb.OfferVolumeResponse) error {
		for _, o := range r.GetOffers() {
			o.Quantities[0].Sku = "free-lunch"
		}
		return send(r)
	})
}

type smallVolume struct{ *MemProvider }

func (d smallVolume) CreateVolume(ctx context.Context, req *pb.CreateVolumeRequest) (*pb.Volume, error) {
	less := proto.CloneOf(req)
	less.Spec.SizeBytes /= 2
	return d.MemProvider.CreateVolume(ctx, less)
}

type twoWriters struct{ *MemProvider }

func (d twoWriters) Export(ctx context.Context, req *pb.ExportRequest) (*pb.ExportResponse, error) {
	d.eachVolume(ctx, func(v *memVolume) { v.Shareable = true })
	defer d.eachVolume(ctx, func(v *memVolume) { v.Shareable = false })
	return d.MemProvider.Export(ctx, req)
}

type sameEpoch struct{ *MemProvider }

func (d sameEpoch) Export(ctx context.Context, req *pb.ExportRequest) (*pb.ExportResponse, error) {
	x, err := d.MemProvider.Export(ctx, req)
	d.eachVolume(ctx, func(v *memVolume) { v.Epoch = min(v.Epoch, 1) })
	if err == nil {
		x.Epoch = 1
	}
	return x, err
}

type newPassword struct{ *MemProvider }

func (d newPassword) Export(ctx context.Context, req *pb.ExportRequest) (*pb.ExportResponse, error) {
	x, err := d.MemProvider.Export(ctx, req)
	if c := x.GetConnection().GetIscsi(); c != nil {
		c.ChapPassword = []byte(rand.Text())
	} else if c := x.GetConnection().GetFile(); c != nil {
		c.File += rand.Text()
	}
	return x, err
}

type endsAll struct{ *MemProvider }

func (d endsAll) Unexport(ctx context.Context, _ *pb.UnexportRequest) error {
	d.eachVolume(ctx, func(v *memVolume) { v.Exports = nil })
	return nil
}

type endsNothing struct{ *MemProvider }

func (d endsNothing) Unexport(context.Context, *pb.UnexportRequest) error { return nil }

type deletesInUse struct{ *MemProvider }

func (d deletesInUse) DeleteVolume(ctx context.Context, req *pb.DeleteVolumeRequest) error {
	_ = d.store.do(ctx, true, func(s *memState) error {
		if v, there := find(s.Volumes, req.GetOwner(), req.GetId()); there {
			v.Exports = nil
			s.put(v)
		}
		return nil
	})
	return d.MemProvider.DeleteVolume(ctx, req)
}

type shrinks struct{ *MemProvider }

func (d shrinks) ResizeVolume(ctx context.Context, req *pb.ResizeVolumeRequest) (*pb.Volume, error) {
	return d.changeVolume(ctx, "resize", req.GetOwner(), req.GetId(), func(_ *memState, v *memVolume) error {
		v.Size = req.GetSizeBytes()
		return nil
	})
}

type emptySnapshots struct{ *MemProvider }

func (d emptySnapshots) CreateSnapshot(ctx context.Context, req *pb.CreateSnapshotRequest) (*pb.Snapshot, error) {
	one, err := d.MemProvider.CreateSnapshot(ctx, req)
	_ = d.store.do(ctx, true, func(s *memState) error {
		for id, one := range s.Snapshots {
			one.Data = nil
			s.Snapshots[id] = one
		}
		return nil
	})
	return one, err
}

type lockIsAWord struct{ *MemProvider }

func (d lockIsAWord) Export(ctx context.Context, req *pb.ExportRequest) (*pb.ExportResponse, error) {
	var lock *memLock
	d.eachVolume(ctx, func(v *memVolume) { lock, v.Lock = v.Lock, nil })
	defer d.eachVolume(ctx, func(v *memVolume) { v.Lock = lock })
	return d.MemProvider.Export(ctx, req)
}

type forceLeavesWriters struct{ *MemProvider }

func (d forceLeavesWriters) UnlockVolume(ctx context.Context, req *pb.UnlockVolumeRequest) (*pb.Volume, error) {
	if !req.GetForce() {
		return d.MemProvider.UnlockVolume(ctx, req)
	}
	return d.changeVolume(ctx, "unlock", nil, req.GetId(), func(_ *memState, v *memVolume) error {
		v.Lock = nil
		return nil
	})
}

type trustsSums struct{ *MemProvider }

func (d trustsSums) ImportVolume(ctx context.Context, h *pb.ImportVolumeHeader, data io.Reader) (*pb.Volume, error) {
	trusting := proto.CloneOf(h)
	trusting.Sha256 = ""
	return d.MemProvider.ImportVolume(ctx, trusting, data)
}

type keepsHalves struct{ *MemProvider }

func (d keepsHalves) ImportVolume(ctx context.Context, h *pb.ImportVolumeHeader, data io.Reader) (*pb.Volume, error) {
	v, err := d.MemProvider.ImportVolume(ctx, h, data)
	if err != nil {
		_, _ = d.MemProvider.ImportVolume(ctx, &pb.ImportVolumeHeader{Owner: h.GetOwner(), Name: h.GetName(), Spec: h.GetSpec(), Offer: h.GetOffer()}, strings.NewReader(""))
	}
	return v, err
}

type renamesNothing struct{ *MemProvider }

func (d renamesNothing) RenameVolume(ctx context.Context, req *pb.RenameVolumeRequest) (*pb.Volume, error) {
	v, err := d.GetVolume(ctx, &pb.GetVolumeRequest{Id: req.GetId()})
	if err == nil {
		v.Name = req.GetName()
	}
	return v, err
}

type convertsToNothing struct{ *MemProvider }

func (d convertsToNothing) ConvertVolume(ctx context.Context, req *pb.ConvertVolumeRequest) (*pb.Volume, error) {
	v, err := d.MemProvider.ConvertVolume(ctx, req)
	d.eachVolume(ctx, func(v *memVolume) { v.Data = nil })
	return v, err
}

type convertsAWord struct{ *MemProvider }

func (d convertsAWord) ConvertVolume(ctx context.Context, req *pb.ConvertVolumeRequest) (*pb.Volume, error) {
	v, err := d.GetVolume(ctx, &pb.GetVolumeRequest{Id: req.GetId()})
	if err == nil {
		v.Format = req.GetFormat()
	}
	return v, err
}

type convertsInUse struct{ *MemProvider }

func (d convertsInUse) ConvertVolume(ctx context.Context, req *pb.ConvertVolumeRequest) (*pb.Volume, error) {
	return d.changeVolume(ctx, "convert", req.GetOwner(), req.GetId(), func(_ *memState, v *memVolume) error {
		v.Format = req.GetFormat()
		return nil
	})
}

type imagesTwice struct{ *MemProvider }

func (d imagesTwice) ImportImage(ctx context.Context, req *pb.ImportImageRequest) (*pb.Image, error) {
	again := proto.CloneOf(req)
	again.Owner.Key += strings.ToLower(rand.Text()[:6])
	return d.MemProvider.ImportImage(ctx, again)
}

func TestSuiteFindsDefectsOfStorage(t *testing.T) {
	for _, d := range []struct {
		defect string
		plugin Plugin
		names  []string // of cases that must fail
	}{
		{"another volume at every repeat", defective(func(m *MemProvider) twoVolumes { return twoVolumes{m} }), []string{"volume/again", "volume/again-parallel", "volume/cycle"}},
		{"ignores the changed request", defective(func(m *MemProvider) ignoresVolumeRequest { return ignoresVolumeRequest{m} }), []string{"volume/conflict"}},
		{"unpriced SKU", defective(func(m *MemProvider) unpricedVolume { return unpricedVolume{m} }), []string{"volume/offers"}},
		{"smaller than asked for", defective(func(m *MemProvider) smallVolume { return smallVolume{m} }), []string{"volume/cycle"}},
		{"two writers", defective(func(m *MemProvider) twoWriters { return twoWriters{m} }), []string{"export/second-writer", "export/race"}},
		{"an epoch that does not rise", defective(func(m *MemProvider) sameEpoch { return sameEpoch{m} }), []string{"export/epoch", "export/force"}},
		{"a new secret at every repeat", defective(func(m *MemProvider) newPassword { return newPassword{m} }), []string{"export/again"}},
		{"ends every attachment", defective(func(m *MemProvider) endsAll { return endsAll{m} }), []string{"export/others-stay"}},
		{"ends no attachment", defective(func(m *MemProvider) endsNothing { return endsNothing{m} }), []string{"export/epoch", "export/force"}},
		{"deletes what is in use", defective(func(m *MemProvider) deletesInUse { return deletesInUse{m} }), []string{"export/second-writer"}},
		{"shrinks", defective(func(m *MemProvider) shrinks { return shrinks{m} }), []string{"resize/grow"}},
		{"snapshots of nothing", defective(func(m *MemProvider) emptySnapshots { return emptySnapshots{m} }), []string{"snapshot/revert", "snapshot/clone"}},
		{"a lock that nobody asks", defective(func(m *MemProvider) lockIsAWord { return lockIsAWord{m} }), []string{"lock/writers"}},
		{"force without a fence", defective(func(m *MemProvider) forceLeavesWriters { return forceLeavesWriters{m} }), []string{"lock/force"}},
		{"does not check what came", defective(func(m *MemProvider) trustsSums { return trustsSums{m} }), []string{"transfer/refused"}},
		{"keeps half a volume", defective(func(m *MemProvider) keepsHalves { return keepsHalves{m} }), []string{"transfer/refused"}},
		{"a name that does not stay", defective(func(m *MemProvider) renamesNothing { return renamesNothing{m} }), []string{"rename/name"}},
		{"converts to nothing", defective(func(m *MemProvider) convertsToNothing { return convertsToNothing{m} }), []string{"convert/format"}},
		{"a format that does not stay", defective(func(m *MemProvider) convertsAWord { return convertsAWord{m} }), []string{"convert/format"}},
		{"converts what is in use", defective(func(m *MemProvider) convertsInUse { return convertsInUse{m} }), []string{"convert/in-use"}},
		{"another image at every repeat", defective(func(m *MemProvider) imagesTwice { return imagesTwice{m} }), []string{"images/life"}},
	} {
		t.Run(d.defect, func(t *testing.T) {
			t.Parallel()
			tg := target(func(context.Context) (Plugin, error) { return d.plugin, nil })
			tg.Config = strings.Replace(memConfig, "20ms", "0s", 1)
			tg.Running, tg.Call = 2*time.Second, time.Second
			e, err := NewEnv(t.Context(), tg)
			if err != nil {
				t.Fatal(err)
			}
			failed := map[string]error{}
			for _, c := range Cases() {
				if !strings.HasPrefix(c.Name, "life/") && !strings.HasPrefix(c.Name, "again/") {
					if err := RunCase(t.Context(), e, c); err != nil && !errors.Is(err, ErrSkip) {
						failed[c.Name] = err
					}
				}
			}
			for _, name := range d.names {
				if failed[name] == nil {
					t.Errorf("%s passed; failed did %v", name, failed)
				}
			}
		})
	}
}
