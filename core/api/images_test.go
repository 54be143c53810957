package api_test

import (
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

// An import whose answer was lost is found again by the same request, and makes no
// second image.
func TestImportImageAgain(t *testing.T) {
	w := newWorld(t)
	w.add("vault", "mem", vault+`,"faults":{"import-image":"denied after effect x1"}`)
	req := api.ImportImageRequest{Name: "debian", URL: "mem://debian"}
	_, err := w.ImportImage(t.Context(), req)
	refused(t, err, core.Denied, "")
	made, err := w.ImportImage(t.Context(), req)
	if err != nil || !made.Ours || made.State != core.VolumeAvailable {
		t.Fatalf("%+v, %v", made, err)
	}
	list, failures, err := w.ListImages(t.Context(), "")
	if err != nil || len(failures) != 0 || len(list) != 1 || list[0].ID != made.ID {
		t.Errorf("%+v, %+v, %v", list, failures, err)
	}
	req.URL = "mem://other"
	_, err = w.ImportImage(t.Context(), req)
	refused(t, err, core.Conflict, "")
	if got, err := w.RemoveImage(t.Context(), "vault/debian", false); err != nil || got.State != core.VolumeGone {
		t.Errorf("%+v, %v", got, err)
	}
	if again, err := w.ImportImage(t.Context(), req); err != nil || again.ID == made.ID {
		t.Errorf("its name is free again: %+v, %v", again, err)
	}

	// Who does not answer is named, and what may be there is not said to be absent.
	w.change("vault", "mem", vault+`,"faults":{"list-images":"denied"}`)
	if _, failures, err = w.ListImages(t.Context(), ""); err != nil || len(failures) != 1 {
		t.Errorf("%+v, %v", failures, err)
	}
	_, err = w.RemoveImage(t.Context(), "debian", false)
	refused(t, err, core.Unavailable, "no provider that answers has it")
	w.add("hosts", "hosts", hosts)
	req.Provider = "hosts"
	_, err = w.ImportImage(t.Context(), req)
	refused(t, err, core.Unsupported, "takes no images")
}
