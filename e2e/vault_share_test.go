package e2e_test

import (
	"strings"
	"testing"
)

// A shareable volume is a directory that guests of two hosts mount, as they were
// told, and write to at once.
func TestShareableVolumeIsOneDirectory(t *testing.T) {
	t.Parallel()
	w, v := withVault(t, "kvm1")
	w.addHost("kvm2")
	w.must("volume", "create", "common", "--size", "128MiB", "--shareable")
	vid := w.volumeNamed("common").VID
	guests := map[string]*guest{}
	for name, provider := range map[string]string{"a": "lab", "b": "kvm2"} {
		w.must("deploy", w.tinySpec(name, `{"vid":"`+vid+`"}`), "--cheapest", "--name", name, "--provider", provider)
		guests[name] = w.console(name)
	}
	for name, g := range guests {
		if line := g.booted(); !strings.Contains(line, "nfs=/mnt/common") {
			t.Fatalf("%s says %s:\n%s", name, line, g.text.whole())
		}
	}
	a, b := guests["a"], guests["b"]
	a.run("seq 1 5000 >/mnt/common/from-a; sync")
	b.run("seq 1 5000 | sha256sum >/mnt/common/from-b; sync; sha256sum </mnt/common/from-a")
	if text := b.text.before(); !strings.Contains(text, sumOfSeq(5000)) {
		t.Errorf("b does not see what a wrote:\n%s", text)
	}
	if text := a.run("cat /mnt/common/from-b"); !strings.Contains(text, sumOfSeq(5000)) {
		t.Errorf("a does not see what b wrote:\n%s", text)
	}
	w.must("rm", "a", "b")
	w.must("volume", "rm", "common", "--yes")
	if left := v.folders(); len(left) > 0 {
		t.Errorf("folders left: %v", left)
	}
}
