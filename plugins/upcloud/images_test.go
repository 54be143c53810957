package upcloud

import (
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func imageOrder(url, sum string) *pb.ImportImageRequest {
	name := "i" + unique()
	return &pb.ImportImageRequest{
		Name: name, Zone: "fi-hel1", OsFamily: "linux", OsFlavour: "plan9", SizeBytes: 10 << 30,
		Origin: &pb.ImageOrigin{Url: url + "/image", Sha256: sum},
		Owner:  &pb.Owner{Broker: "b-" + name, Allocation: "a-" + name, Key: "k-" + name, Request: "r-" + name},
	}
}

func listImages(t testing.TB, p *Provider, broker string) []*pb.Image {
	t.Helper()
	var all []*pb.Image
	err := p.ListImages(t.Context(), &pb.ListImagesRequest{Broker: broker}, func(i *pb.Image) error {
		all = append(all, i)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// untilImage repeats an ImportImage as a broker does.
func untilImage(t testing.TB, p *Provider, req *pb.ImportImageRequest) *pb.Image {
	t.Helper()
	var i *pb.Image
	insist(t, "image", func() (bool, error) {
		var err error
		i, err = p.ImportImage(t.Context(), req)
		return i.GetState() == pb.VolumeState_VOLUME_STATE_AVAILABLE, err
	})
	return i
}

// An image is imported once into a template of its own, and what it came through
// is not left behind.
func TestImageLife(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, quick())
	p := cl.provider(t, Hooks{})
	url, sum := image(t)
	req := imageOrder(url, sum)
	made := untilImage(t, p, req)
	if again := untilImage(t, p, req); again.GetId() != made.GetId() || made.GetName() != req.GetName() || made.GetOsFlavour() != "plan9" {
		t.Errorf("made %v, again %v", made, again)
	}
	if st := cl.Stats(); st.Templates != 1 || st.Storages != 0 || st.Requests["create_import"] != 1 {
		t.Errorf("%d templates, %d storages, %d imports", st.Templates, st.Storages, st.Requests["create_import"])
	}
	if own, all := listImages(t, p, req.GetOwner().GetBroker()), listImages(t, p, ""); len(own) != 1 || len(all) < 5 {
		t.Errorf("%d images of the broker, %d in all", len(own), len(all))
	}
	req.Owner.Request = "another"
	if _, err := p.ImportImage(t.Context(), req); sdk.KindOf(err) != sdk.Conflict {
		t.Errorf("another request: %v, want Conflict", err)
	}
	for range 2 {
		if err := p.DeleteImage(t.Context(), &pb.DeleteImageRequest{Id: made.GetId()}); err != nil {
			t.Fatal(err)
		}
	}
	cl.empty(t)
	req = imageOrder(url, strings.Repeat("0", 64))
	insist(t, "a wrong sum", func() (bool, error) {
		_, err := p.ImportImage(t.Context(), req)
		if sdk.KindOf(err) == sdk.Invalid {
			return true, nil
		}
		return false, err
	})
	req.Zone = ""
	if _, err := p.ImportImage(t.Context(), req); sdk.KindOf(err) != sdk.Invalid {
		t.Errorf("without a zone: %v, want Invalid", err)
	}
	cl.empty(t)
}

// killInImage kills at a step of an import or a removal; what another process
// repeats ends in one template, and in nothing.
func killInImage(t *testing.T, step string) {
	cl := newCloud(t, quick())
	p := cl.provider(t, Hooks{})
	url, sum := image(t)
	req := imageOrder(url, sum)
	gone := &pb.DeleteImageRequest{Owner: req.GetOwner()}
	dies(t, cl, task{DieAt: step, Image: wired(t, req), DeleteImage: wired(t, gone)})
	if step != "image.removed" {
		untilImage(t, p, req)
		if st := cl.Stats(); st.Templates != 1 || st.Storages != 0 {
			t.Errorf("%d templates, %d storages: want one template", st.Templates, st.Storages)
		}
	}
	for range 2 {
		insist(t, "delete image", func() (bool, error) { return true, p.DeleteImage(t.Context(), gone) })
	}
	cl.empty(t)
}
