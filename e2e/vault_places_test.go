package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A volume whose folder is copied into the vault of another provider is one volume
// in two places: it is written in one of them alone, and read in both.
func TestOneVolumeOfTwoProviders(t *testing.T) {
	t.Parallel()
	w := &world{t: t, home: t.TempDir(), lab: labEnv(t, ""), bin: build(t)}
	for name, value := range iscsiEnv(t, w.lab["MESON_LAB_STATE"]) {
		w.lab[name] = value
	}
	w.netns = w.lab["MESON_LAB_ISCSI_NETNS"]
	st, st2 := w.vault("st", nil), w.vault("st2", nil)
	w.addVault(st)
	w.must("volume", "create", "data", "--size", "128MiB")
	w.addVault(st2)
	w.put("data", "first")
	vid := w.volumeNamed("data").VID
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", filepath.Join(st.dir, vid+".elimg"), st2.dir).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
	here, there := "st/"+vid, "st2/"+vid
	eventually(t, "the copy is seen", func() bool {
		_, _, code := w.meson("volume", "show", there)
		return code == 0
	})
	path := filepath.Join(w.home, "data.img")
	refused := func(volume, text, hint string) {
		t.Helper()
		_, errs, code := w.meson("volume", "map", volume, filepath.Join(w.home, "refused.img"))
		if code == 0 || !strings.Contains(errs, text) || !strings.Contains(errs, hint) {
			t.Errorf("map %s: exit %d, want %q with %q:\n%s", volume, code, text, hint, errs)
		}
	}

	w.must("volume", "map", there, path)
	refused(here, "it is written in another place: "+there, "detach or unmap it there first")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_SYNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("second"), at); err != nil {
		t.Error(err)
	}
	_ = f.Close()
	w.must("volume", "unmap", path)
	refused(here, there+" is newer, of epoch 2, and this one of 1", "use "+there)
	w.holds(here, "first")
	w.holds("data", "second")

	// Who cannot say whether it is newer there keeps it from being written here, until
	// it is known to be gone for good.
	st2.kill()
	refused(here, "whether st2 has it too, and newer, is not known", "meson provider rm st2")
	w.must("provider", "rm", "st2")
	w.put("data", "third")
	w.holds(here, "third")
	w.must("volume", "rm", "data", "--yes")
	st.empty(t)
}
