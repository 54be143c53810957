package upcloud

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk/pb"
)

// killInVolume kills at a step of a volume's life: of one with an image, or of a
// copy. What another process then repeats ends in one volume that is right, and
// goes without a trace.
func killInVolume(t *testing.T, step string) {
	c := newCloud(t, quick())
	p := c.provider(t, Hooks{})
	machine := order1(t, p, nil)
	in := until1(t, p, machine)
	from := volumeOrder1(t, p, 10<<30)
	from.Offer.Zone, from.Offer.Token = in.GetZone(), []byte(`{"zone":"`+in.GetZone()+`","tier":"maxiops","gib":10}`)
	v := untilAvailable(t, p, from)

	req := proto.CloneOf(from)
	req.Owner.Key, req.Offer.Token = "k-second", []byte(`{"zone":"`+in.GetZone()+`","tier":"maxiops","gib":11}`)
	switch step {
	case "volume.labelled", "volume.enlarged":
		req.Origin = &pb.CreateVolumeRequest_VolumeId{VolumeId: v.GetId()}
	default:
		url, sum := image(t)
		req.Origin = &pb.CreateVolumeRequest_Image{Image: &pb.ImageOrigin{Url: url + "/image", Sha256: sum}}
	}
	work := task{DieAt: step, CreateVolume: wired(t, req)}
	switch step {
	case "volume.removed":
		work.DeleteVolume = wired(t, &pb.DeleteVolumeRequest{Owner: req.GetOwner()})
	case "export.noted", "unexport.detached", "unexport.noted":
		if _, err := p.Attach(t.Context(), attachment(in, "data", v.GetId())); err != nil {
			t.Fatal(err)
		}
		work.CreateVolume = nil
		work.Export = wired(t, &pb.ExportRequest{VolumeId: v.GetId(), Owner: from.GetOwner(), AttachmentId: "data"})
		work.Unexport = wired(t, &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "data", Force: true})
	}
	dies(t, c, work)
	if work.Export != nil {
		e, err := p.Export(t.Context(), unwire(work.Export, &pb.ExportRequest{}))
		if err != nil || e.GetEpoch() == 0 {
			t.Errorf("export: %v, %v", e, err)
		}
		if err := p.Unexport(t.Context(), unwire(work.Unexport, &pb.UnexportRequest{})); err != nil {
			t.Error(err)
		}
	} else {
		untilAvailable(t, p, req)
		if n := len(listVolumes(t, p, req.GetOwner().GetBroker())); n != 2 {
			t.Errorf("%d volumes, want the first and the second", n)
		}
		removeVolume(t, p, req)
	}
	removeVolume(t, p, from)
	remove1(t, p, machine)
	c.empty(t)
}
