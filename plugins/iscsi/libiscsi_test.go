package iscsi

import (
	"os"
	"slices"
	"testing"

	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
)

// conformFamilies are those of libiscsi's suite that read, write, compare, unmap, or
// ask what is mapped; without what takes a minute where a file is shown by FUSE.
var conformFamilies = []string{
	"CompareAndWrite", "GetLBAStatus", "Mandatory", "OrWrite", "Prefetch16", "Read10", "Read16", "ReadCapacity16", "ReadOnly", "Unmap", "Verify16",
	"Write10", "Write16", "WriteAtomic16", "WriteVerify16",
}

// What passes on tgt passes through the target of a qcow2 volume too, whose bytes a
// storage daemon shows; in a soak all families. Of the ten that tgt fails, those about
// unmapping are none here: such a volume offers none.
func TestConformanceOfQCOW2(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon", "iscsi-test-cu")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	req, v := volume(t, p, "qcow2", 1<<27)
	x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1)))
	if err != nil {
		t.Fatal(err)
	}
	families := conformFamilies
	if os.Getenv("MESON_SOAK") != "" {
		families = targettest.Families(t)
	}
	for _, family := range families {
		out, ran, failed := targettest.Conform(t, loginOf(x.GetConnection()), family)
		failed = slices.DeleteFunc(failed, func(name string) bool { return slices.Contains(targettest.KnownFailures(), name) })
		if ran == 0 || len(failed) > 0 {
			t.Errorf("%s: %d tests ran, failed %q: %s", family, ran, failed, out)
		}
	}
	s.empty(p)
}
