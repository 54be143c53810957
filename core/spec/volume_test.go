package spec_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/spec"
)

func TestVolumesFile(t *testing.T) {
	want := []core.VolumeRequest{{VID: "0123456789abcdef0123456789abcdef"}, {VID: "3f1c9a52-6a1e-4d6e-9a39-3b1a5f0d7c11"}}
	list := string(load(t, examples+"volumes.json"))
	for _, text := range []string{
		list, `{"volumes": ` + list + `}`, "/* mine */ " + list,
		"- vid: 0123456789abcdef0123456789abcdef\n- vid: 3f1c9a52-6a1e-4d6e-9a39-3b1a5f0d7c11\n",
	} {
		got, err := spec.ParseVolumes([]byte(text), spec.Options{Name: "volumes.json"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{"[]", "{}", `{"volumes": null}`} {
		if got, err := spec.ParseVolumes([]byte(text), spec.Options{}); err != nil || got == nil || len(got) != 0 {
			t.Errorf("%s: %v, %v, want an empty list", text, got, err)
		}
	}
}

func TestWrongVolumesFile(t *testing.T) {
	tests := map[string][]string{
		`[{"vid": ""}, {"vdi": "a"}, 3, {"vid": "a/b"}, {"vid": "c"}, {"vid": "c"}]`: {
			"[0].vid: ", "[1].vdi: unknown key `vdi`: did you mean `vid`?", "[2]: a number", "[3].vid: ", "[5]: the entry is the same as [4]",
		},
		`{"slots": 1}`:           {"unknown key `slots`: want one of volumes"},
		`"a"`:                    {"a text stands here"},
		``:                       {"empty"},
		`[{"vid": "a"}`:          {"ends within"},
		strings.Repeat("[", 100): {"deeper than"},
	}
	for text, wants := range tests {
		volumes, err := spec.ParseVolumes([]byte(text), spec.Options{})
		if volumes != nil {
			t.Errorf("%.60s: volumes came with the error", text)
		}
		for _, want := range wants {
			if got := told(t, err); !strings.Contains(got, want) {
				t.Errorf("%.60s: faults\n%s\nwant %q", text, got, want)
			}
		}
	}
}

func TestVolumesBesideTheSpec(t *testing.T) {
	file := []byte(`{"volumes": [{"vid": "a"}, {"name": "new", "size_gib": 1}]}`)
	p := parse(t, file, spec.Options{Volumes: []core.VolumeRequest{{VID: "b"}, {VID: "new"}}})
	want := []core.VolumeRequest{{VID: "a"}, {Name: "new", SizeMiB: 1024}, {VID: "b"}, {VID: "new"}}
	if diff := cmp.Diff(want, p.Volumes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err := spec.Parse(file, spec.Options{Volumes: []core.VolumeRequest{{VID: "a"}, {VID: "c"}, {VID: "c"}, {Name: "new", SizeMiB: 128}}})
	got := told(t, err)
	for _, want := range []string{"volume a is in the spec and", "volume c is", "the new volume new is"} {
		if !strings.Contains(got, want) {
			t.Errorf("faults\n%s\nwant %q", got, want)
		}
	}
	many := make([]core.VolumeRequest, 64)
	for i := range many {
		many[i].VID = strings.Repeat("v", i+1)
	}
	_, err = spec.Parse(file, spec.Options{Volumes: many})
	if got := told(t, err); !strings.Contains(got, "66 volumes") {
		t.Errorf("faults\n%s\nwant that of 66 volumes", got)
	}
}
