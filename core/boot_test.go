package core_test

import (
	"testing"

	"github.com/mesoncloud/meson/core"
)

// Providers of machines are told which volume a machine boots from: the first that
// exists, is a disk, and can be booted from where it was written last.
func TestBooting(t *testing.T) {
	at := func(index int, provider string, epoch uint64, spec core.VolumeSpec) core.VolumeCandidate {
		return core.VolumeCandidate{Index: index, Provider: provider, Found: &core.Volume{ID: "v", Provider: provider, Epoch: epoch, VolumeSpec: spec}}
	}
	boot, plain, shared := core.VolumeSpec{Bootable: true}, core.VolumeSpec{}, core.VolumeSpec{Bootable: true, Shareable: true}
	pledge := core.Pledge{Volumes: []core.VolumeRequest{{VID: "a"}, {VID: "b", ReadOnly: true}, {Name: "new", SizeMiB: 128, Bootable: true}}}
	for name, c := range map[string]struct {
		found []core.VolumeCandidate
		want  int
	}{
		"nothing found":                 {nil, -1},
		"none bootable":                 {[]core.VolumeCandidate{at(0, "p", 1, plain), at(1, "p", 1, plain)}, -1},
		"the first of two":              {[]core.VolumeCandidate{at(1, "p", 1, boot), at(0, "p", 1, boot)}, 0},
		"the only one":                  {[]core.VolumeCandidate{at(0, "p", 1, plain), at(1, "p", 1, boot)}, 1},
		"a directory is none":           {[]core.VolumeCandidate{at(0, "p", 1, shared), at(1, "p", 1, boot)}, 1},
		"where it was written last":     {[]core.VolumeCandidate{at(0, "p", 1, boot), at(0, "q", 2, plain)}, -1},
		"written last in two places":    {[]core.VolumeCandidate{at(0, "p", 2, plain), at(0, "q", 2, boot)}, 0},
		"one that is offered is not it": {[]core.VolumeCandidate{{Index: 2, Quote: &core.VolumeQuote{}}}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			got := pledge.Booting(c.found)
			for i, v := range got.Volumes {
				if want := i == c.want || v.VID == ""; v.Bootable != want {
					t.Errorf("volume %d is bootable: %v", i, v.Bootable)
				}
			}
			choices := []core.VolumeChoice{{Index: 1}, {Index: 0}}
			for i := range choices {
				choices[i].Boot = choices[i].Index == c.want
			}
			if again := pledge.BootingFrom(choices); again.Volumes[0] != got.Volumes[0] || again.Volumes[1] != got.Volumes[1] || !again.Volumes[2].Bootable {
				t.Errorf("of what was chosen: %+v", again.Volumes)
			}
			if pledge.Volumes[0].Bootable || pledge.Volumes[1].Bootable {
				t.Error("the pledge itself was changed")
			}
		})
	}
}
