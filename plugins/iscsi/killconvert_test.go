package iscsi

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk/pb"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

// A process is killed at every step of a conversion, in the middle of the copy too: who
// comes next finds the volume whole, in one format or the other, and the same again
// converts it. Nothing is left over.
func TestKilledConversions(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon")
	for from, to := range map[string]string{"raw": "qcow2", "qcow2": "raw"} {
		for _, at := range []point{
			{"convert.opened", 1},
			{"convert.copying", 1},
			{"convert.copying", 5},
			{"convert.written", 1},
			{"change.noted", 1},
			{"image.begun", 1},
			{"image.built", 1},
			{"image.ready", 1},
			{"image.replaced", 1},
			{"change.made", 1},
			{"change.recorded", 1},
		} {
			t.Run(from+" "+at.name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, nil)
				p := s.provider(Hooks{})
				req, v := noisy(t, p, from)
				work := task{Settings: s.config(), DieAt: at.name, Die: at.nth, Calls: []wiredCall{callOf(conversionOf(v, to))}}
				if killed := startChild(t, work).wait(t); !killed {
					t.Fatal("the child was to die")
				}
				if _, err := os.Stat(filepath.Join(v.GetPlace(), "data.img")); err != nil {
					t.Error(err)
				}
				// The first who reads it finishes what was begun.
				holdsNoise(t, p, req)
				format := one(t, p, req.GetOwner()).GetFormat()
				isImage(t, filepath.Join(v.GetPlace(), "data.img"), format)
				late := at.name == "image.ready" || at.name == "image.replaced" || strings.HasPrefix(at.name, "change.") && at.name != "change.noted"
				if want := map[bool]string{false: from, true: to}[late]; format != want {
					t.Errorf("it is %s, want %s", format, want)
				}
				converted(t, p, v, to)
				holdsNoise(t, p, req)
				noReadings(t, s, p)
				if at.name != "change.recorded" { // what it has left goes with the next change
					tidied(t, s, p, v)
				}
				s.empty(p)
			})
		}
	}
}

// noise is so much that its conversion is told of in several steps.
func noise() []byte {
	b := make([]byte, 40<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// noisy imports a volume that holds noise.
func noisy(t *testing.T, p *Provider, format string) (*pb.CreateVolumeRequest, *pb.Volume) {
	t.Helper()
	req := order(t, p, format, 1<<27)
	v, err := p.ImportVolume(t.Context(), &pb.ImportVolumeHeader{
		Owner: req.GetOwner(), Name: req.GetName(), Spec: req.GetSpec(), Offer: req.GetOffer(), Format: "raw",
	}, bytes.NewReader(noise()))
	if err != nil {
		t.Fatal(err)
	}
	return req, v
}

func holdsNoise(t *testing.T, p *Provider, req *pb.CreateVolumeRequest) {
	t.Helper()
	got := &sdktest.Comparison{Want: noise()}
	err := p.ExportVolume(t.Context(), &pb.ExportVolumeRequest{Id: one(t, p, req.GetOwner()).GetId(), Format: "raw"}, func(uint64) error { return nil }, got)
	if err != nil || got.Bytes != 1<<27 || got.Differs {
		t.Errorf("%d bytes, other ones: %v, %v", got.Bytes, got.Differs, err)
	}
}
