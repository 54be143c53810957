package api_test

import (
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/place"
)

// Who was cut off at the storage server has the volume no longer in the ledger
// either, whether its host answers or not: another machine writes, and the first
// one is removed without touching that.
func TestUnlockByForceEndsAttachments(t *testing.T) {
	for _, made := range []struct{ name, faults string }{
		{"its host answers", ""},
		{"its host is dead", `,"faults":{"detach":"unavailable","get":"unavailable"}`},
		{"its guest holds on", `,"faults":{"detach":"busy"}`},
	} {
		for _, first := range []string{"made with it", "given it"} {
			t.Run(made.name+", "+first, func(t *testing.T) { unlockByForce(t, made.faults, first == "made with it") })
		}
	}
}

func unlockByForce(t *testing.T, faults string, madeWith bool) {
	w := newWorld(t)
	w.add("vault", "mem", vault)
	w.add("hosts", "mem", hosts)
	w.add("others", "mem", hosts)
	data := w.volume("data")
	p := pledge()
	if madeWith {
		p.Volumes = []core.VolumeRequest{{VID: data.ID}}
	}
	a := w.mustDeploy(api.DeployRequest{Name: "a", Pledge: p, Policy: place.Policy{Provider: "hosts"}})
	b := w.mustDeploy(api.DeployRequest{Name: "b", Policy: place.Policy{Provider: "others"}})
	attach := func(machine string, readOnly bool) error {
		_, err := w.AttachVolume(t.Context(), api.AttachVolumeRequest{VolumeRequest: of("data"), Machine: machine, ReadOnly: readOnly})
		return err
	}
	if !madeWith {
		if err := attach("a", false); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, attach("b", false), core.Busy, "a writes to it")

	w.change("hosts", "mem", hosts+faults)
	unlock := api.UnlockVolumeRequest{VolumeRequest: of("data"), Who: "ada@desk", Force: true}
	v, err := w.UnlockVolume(t.Context(), unlock)
	if err != nil || len(v.Uses) != 0 {
		t.Fatalf("%+v, %v", v.Uses, err)
	}
	if got := w.steps(a.ID); !strings.Contains(got, "attachment.cut-off") {
		t.Errorf("events: %s", got)
	}
	for _, left := range w.attached(a.ID) {
		if !strings.HasSuffix(left, string(core.AttachmentEnding)) {
			t.Errorf("after it was cut off: %s", left)
		}
	}
	if err := attach("b", false); err != nil {
		t.Fatal(err)
	}
	w.change("hosts", "mem", hosts)
	if _, err := w.Resume(t.Context(), "", nil); err != nil {
		t.Error(err)
	}
	if left := w.attached(a.ID); len(left) != 0 {
		t.Errorf("after all was finished: %s", left)
	}
	now, _, err := w.Show(t.Context(), "a")
	if err != nil || len(now.Volumes) != 0 {
		t.Errorf("it is shown with %v, %v", now.Volumes, err)
	}
	if _, err := w.Remove(t.Context(), api.RemoveRequest{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	v, _, err = w.ShowVolume(t.Context(), "data")
	if err != nil || len(v.Uses) != 1 || v.Uses[0].Allocation != b.ID || len(w.attached(b.ID)) != 1 {
		t.Errorf("after the first is removed: %+v, %v", v.Uses, err)
	}
}

// A mapping and readers: who may write is cut off, who reads is not.
func TestUnlockByForceEndsMappings(t *testing.T) {
	w := newWorld(t)
	w.add("vault", "mem", vault)
	w.add("hosts", "mem", hosts)
	w.volume("data")
	w.mustDeploy(api.DeployRequest{Name: "a", Policy: place.Policy{Provider: "hosts"}})
	from := core.Consumer{Kinds: []core.ConnectionKind{core.ConnectISCSI}, InitiatorIQN: "iqn.2026-01.dev.meson:map-1"}
	if _, err := w.MapVolume(t.Context(), api.MapVolumeRequest{VolumeRequest: of("data"), From: from, Who: "ada@desk"}); err != nil {
		t.Fatal(err)
	}
	unlock := api.UnlockVolumeRequest{VolumeRequest: of("data"), Who: "ada@desk", Force: true}
	for range 2 {
		if _, err := w.UnlockVolume(t.Context(), unlock); err != nil {
			t.Fatal(err)
		}
		if list, err := w.Mappings(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
	}
	if _, err := w.AttachVolume(t.Context(), api.AttachVolumeRequest{VolumeRequest: of("data"), Machine: "a", ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	v, err := w.UnlockVolume(t.Context(), unlock)
	if list, lerr := w.Attachments(t.Context(), "a"); err != nil || lerr != nil || len(v.Uses) != 1 || len(list) != 1 || list[0].State != core.AttachmentAttached {
		t.Errorf("a reader: %+v, %v, %+v, %v", v.Uses, err, list, lerr)
	}
}
