package api_test

import (
	"path/filepath"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/ledger"
)

// While a volume is changed in one place, another process of the ledger neither writes
// to it nor changes it in another, whoever asks first.
func TestChangesInTwoPlaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	w, beside := worldAt(t, path), worldAt(t, path)
	w.add("near", "mem", vault)
	acts := map[string]func(w *world, at string) error{
		"resize": func(w *world, at string) error { _, err := w.ResizeVolume(t.Context(), of(at), 2*gib); return err },
		"revert": func(w *world, at string) error { _, err := w.RevertVolume(t.Context(), of(at), "before"); return err },
		"lock": func(w *world, at string) error {
			_, err := w.LockVolume(t.Context(), api.LockVolumeRequest{VolumeRequest: of(at), Who: "ada@desk"})
			return err
		},
	}
	volumes := map[string]api.VolumeInfo{}
	for act := range acts {
		volumes[act] = w.volume(act)
		if _, err := w.CreateSnapshot(t.Context(), of(act), "before"); err != nil {
			t.Fatal(err)
		}
	}
	w.copied("near", "far")
	for act, do := range acts {
		t.Run(act, func(t *testing.T) {
			// They come before the other place is asked, which would say no more than that
			// nobody writes there yet.
			var meanwhile []error
			w.step = func(name string) {
				if name == "change.intended.committed" {
					_, err := beside.MapVolume(t.Context(), mapping("far/"+act, "bob"))
					meanwhile = append(meanwhile, err, acts["resize"](beside, "far/"+act))
				}
			}
			err := do(w, "near/"+act)
			w.step = func(string) {}
			if err != nil || len(meanwhile) != 2 {
				t.Fatalf("%v, %v", err, meanwhile)
			}
			for _, err := range meanwhile {
				refused(t, err, core.Conflict, "written in another place: near/"+volumes[act].ID+" by "+act+" volume")
			}
			if left, err := w.Mappings(t.Context()); len(left) > 0 || err != nil {
				t.Errorf("it counts as mapped: %v, %v", left, err)
			}
			if held, err := w.ledger.Attachments(t.Context(), ledger.AttachmentFilter{VolumeID: volumes[act].ID}); err != nil || len(held) != 0 {
				t.Errorf("left: %v, %v", held, err)
			}
		})
	}
	// Who was killed in the middle, or does not know how it ended, keeps others from
	// writing until somebody goes on.
	killed := core.AttachmentRecord{ID: ledger.NewID(), Index: -1, Provider: "near", VolumeID: volumes["resize"].ID, Change: "resize volume", Holder: "resize volume", State: core.AttachmentIntended}
	if err := w.ledger.AddAttachments(t.Context(), []core.AttachmentRecord{killed}, core.Event{Step: "change.intended"}); err != nil {
		t.Fatal(err)
	}
	refused(t, acts["revert"](w, "far/resize"), core.Conflict, "by resize volume")
	if left, err := w.Mappings(t.Context()); len(left) > 0 || err != nil {
		t.Errorf("it counts as mapped: %v, %v", left, err)
	}
	if _, err := w.ResumeVolumes(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := acts["revert"](w, "far/resize"); err != nil {
		t.Error(err)
	}
}
