package iscsi

import (
	"bytes"
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk/pb"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

// stamped is what filled volumes hold.
func stamped() []byte { return bytes.Repeat([]byte("meson was here\n\x00"), 1<<16) }

// filled imports a volume that holds the stamp.
func filled(t *testing.T, p *Provider, format string) (*pb.CreateVolumeRequest, *pb.Volume) {
	t.Helper()
	req := order(t, p, format, 1<<27)
	v, err := p.ImportVolume(t.Context(), &pb.ImportVolumeHeader{
		Owner: req.GetOwner(), Name: req.GetName(), Spec: req.GetSpec(), Offer: req.GetOffer(), Format: "raw",
	}, bytes.NewReader(stamped()))
	if err != nil {
		t.Fatal(err)
	}
	return req, v
}

func one(t *testing.T, p *Provider, o *pb.Owner) *pb.Volume {
	t.Helper()
	v, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Owner: &pb.Owner{Broker: o.GetBroker(), Key: o.GetKey()}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func holdsOne(req *pb.CreateVolumeRequest) func(*testing.T, *Provider) {
	return func(t *testing.T, p *Provider) {
		t.Helper()
		n := 0
		if err := p.ListVolumes(t.Context(), &pb.ListVolumesRequest{Broker: req.GetOwner().GetBroker()}, func(*pb.Volume) error { n++; return nil }); err != nil || n != 1 {
			t.Errorf("%d volumes, want 1, %v", n, err)
		}
	}
}

// holdsStamp reads the volume from its first byte to its last.
func holdsStamp(req *pb.CreateVolumeRequest) func(*testing.T, *Provider) {
	return func(t *testing.T, p *Provider) {
		t.Helper()
		holdsOne(req)(t, p)
		v := one(t, p, req.GetOwner())
		got := &sdktest.Comparison{Want: stamped()}
		err := p.ExportVolume(t.Context(), &pb.ExportVolumeRequest{Id: v.GetId(), Format: "raw"}, func(uint64) error { return nil }, got)
		if err != nil || got.Bytes != v.GetSpec().GetSizeBytes() {
			t.Fatalf("%d bytes, want %d, %v", got.Bytes, v.GetSpec().GetSizeBytes(), err)
		}
		if got.Differs {
			t.Error("it holds something else")
		}
	}
}

func exportedThere(format string) func(*testing.T, *site, *Provider) work {
	return func(t *testing.T, _ *site, p *Provider) work {
		req, v := filled(t, p, format)
		x := export(req.GetOwner(), v.GetId(), "a1", there(1))
		return work{[]proto.Message{x}, served(x)}
	}
}

// served reads and writes a block by the connection that an Export gives.
func served(x *pb.ExportRequest) func(*testing.T, *Provider) {
	return func(t *testing.T, p *Provider) {
		t.Helper()
		v, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: x.GetVolumeId()})
		if err != nil || len(v.GetUses()) != 1 || v.GetUses()[0].GetAttachmentId() != x.GetAttachmentId() {
			t.Fatalf("%v, %v", v, err)
		}
		c, err := p.Export(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := qemuIO(t.Context(), c.GetConnection(), "read -P 0x6d 0 1", "read -P 0 16M 64k"); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}

func free(req *pb.CreateVolumeRequest) func(*testing.T, *Provider) {
	return func(t *testing.T, p *Provider) {
		t.Helper()
		if v := one(t, p, req.GetOwner()); len(v.GetUses()) > 0 || v.GetLock() != nil {
			t.Errorf("%v", v)
		}
		holdsStamp(req)(t, p)
	}
}

func snapshots(t *testing.T, p *Provider, volume string, want int) {
	t.Helper()
	n := 0
	if err := p.ListSnapshots(context.Background(), &pb.ListSnapshotsRequest{VolumeId: volume}, func(*pb.Snapshot) error { n++; return nil }); err != nil || n != want {
		t.Errorf("%d snapshots, want %d, %v", n, want, err)
	}
}
