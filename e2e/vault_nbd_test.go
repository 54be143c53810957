package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// overNBD has the guest of machine b write to the volume over NBD, and a machine made
// with it: of a host that is reached by a network no file is taken, and a socket is.
func (w *world) overNBD(v *vault, b *guest) {
	w.t.Helper()
	w.must("provider", "set", "kvm2", "--set", "groups.0.hosts.0.uri="+w.lab["MESON_LAB_KVM2_TCP_URI"], "--set", "volume_dirs="+asJSON(w.t, []string{v.run}))
	disks := func(machine string) int {
		doc := w.virsh("kvm2", "dumpxml", uuidIn(w.allocationNamed(machine).Instance.ID))
		return strings.Count(doc, "<source protocol='nbd' ")
	}
	w.must("volume", "attach", "data", "b")
	uses := w.volumeNamed("data").Uses
	if len(uses) != 1 || uses[0].Kind != "nbd" || !uses[0].Writable || disks("b") != 1 {
		w.t.Fatalf("uses %+v, %d disks over NBD", uses, disks("b"))
	}
	served := uses[0].Attachment
	b.reads(served, 0, 5000)
	b.reads(served, 200, 3000)
	b.writes(served, 100, 4000)
	if _, errs, code := w.meson("volume", "resize", "data", "384MiB"); code != 4 || !strings.Contains(errs, "reaches it over nbd") {
		w.t.Errorf("resized under a machine that does not see it: exit %d\n%s", code, errs)
	}
	b.reads(served, 100, 4000)
	w.must("volume", "detach", "data", "b")
	b.run("! grep -lx " + served + " /sys/block/vd*/serial")
	w.write("c.json", strings.Replace(bootSpec, `"slots"`, fmt.Sprintf(`"volumes":[{"vid":%q}],"slots"`, w.volumeNamed("data").VID), 1))
	w.must("deploy", filepath.Join(w.home, "c.json"), "--cheapest", "--name", "c", "--provider", "kvm2")
	if n := disks("c"); n != 1 {
		w.t.Errorf("a machine made with it has %d disks over NBD", n)
	}
	w.must("rm", "c")
	if pids := v.daemons("qemu-storage-daemon"); len(pids) > 0 {
		w.t.Errorf("nobody has it, and it is served by %v", pids)
	}
	f, err := os.Open(w.export("data"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	for mib, n := range map[int64]int{0: 5000, 100: 4000, 200: 3000} {
		found := make([]byte, len(numbers(n)))
		if _, err := f.ReadAt(found, mib<<20); err != nil || string(found) != numbers(n) {
			w.t.Errorf("at %d MiB is not what a guest wrote (%v): %.20q", mib, err, found)
		}
	}
}
