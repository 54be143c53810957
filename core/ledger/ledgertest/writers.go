package ledgertest

import (
	"strings"
	"sync"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// testOneWriter: of one volume in several places, one place has attachments that may
// write, whoever records them and how many do at once.
func testOneWriter(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	a := begun(t, l, "web")
	other := rack("elsewhere")
	other.Plugin = "iscsi"
	for _, p := range []core.ProviderConfig{rack("vault1"), rack("vault2"), other} {
		must(t, l.PutProvider(ctx, p))
	}
	writer := func(id, provider, volume, allocation string) core.AttachmentRecord {
		x := Attachment(id, allocation)
		x.Provider, x.VolumeID, x.ReadOnly = provider, volume, false
		return x
	}
	add := func(x core.AttachmentRecord) error {
		return store().AddAttachments(ctx, []core.AttachmentRecord{x}, step("x"))
	}
	end := func(id string) {
		value(l.ChangeAttachment(ctx, id, step("x"), func(t *core.AttachmentRecord, _ *core.Allocation) error { t.State = core.AttachmentEnded; return nil }))(t)
	}
	must(t, add(writer("first", "vault1", "v-1", a.ID)))
	err := add(writer("second", "vault2", "v-1", ""))
	refused(t, "a writer in another place", err, core.Conflict)
	if err == nil || !strings.Contains(err.Error(), "vault1/v-1 by machine web (attachment first, intended)") {
		t.Errorf("error %v, want it to say where, and who", err)
	}
	reader := writer("reader", "vault2", "v-1", "")
	reader.ReadOnly = true
	must(t, add(reader))
	must(t, add(writer("same-place", "vault1", "v-1", "")))
	must(t, add(writer("other-volume", "vault2", "v-2", "")))
	must(t, add(writer("other-plugin", "elsewhere", "v-1", "")))
	end("first")
	refused(t, "while one is left", add(writer("third", "vault2", "v-1", "")), core.Conflict)
	end("same-place")
	must(t, add(writer("fourth", "vault2", "v-1", "")))

	// What the ledger has made at both is not the same volume.
	one, two := Volume(t, ""), Volume(t, "")
	one.Provider, two.Provider = "vault1", "vault2"
	must(t, l.AddVolumes(ctx, []core.VolumeRecord{one, two}, step("x")))
	for _, id := range []string{one.ID, two.ID} {
		value(l.ChangeVolume(ctx, id, step("x"), func(v *core.VolumeRecord) error { v.VolumeID, v.State = "v-3", core.VolumeMade; return nil }))(t)
	}
	must(t, add(writer("alike-1", "vault1", "v-3", "")))
	must(t, add(writer("alike-2", "vault2", "v-3", "")))

	const each = 8
	errs := make([]error, 2*each)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = add(writer(ledger.NewID(), []string{"vault1", "vault2"}[i%2], "v-4", "")) })
	}
	all.Wait()
	var won [2]int
	for i, err := range errs {
		if err == nil {
			won[i%2]++
		} else {
			refused(t, "at once", err, core.Conflict)
		}
	}
	if won != [2]int{each, 0} && won != [2]int{0, each} {
		t.Errorf("recorded in the two places: %v", won)
	}
}
