package vault

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/mesoncloud/meson/sdk"
)

// By which process a use is served, and that it was lost, is on disk; a use that was
// lost is renewed once, after it was fenced, with an epoch that nobody had before.
func TestRenewUse(t *testing.T) {
	t.Parallel()
	v := openVault(t)
	vol := create(t, v, small("k"))
	b := writer("one")
	b.Prepare = func(u *Use) error { u.IQN = fmt.Sprintf("iqn.2026-01.test:%s.%d", u.ID, u.Epoch); return nil }
	begin(t, v, vol, b)
	fenced := 0
	renewal := Renewal{After: 6, Prepare: b.Prepare, Fence: func(_ context.Context, u Use) error {
		if fenced++; u.Epoch != 1 || u.Lost.IsZero() {
			t.Errorf("fenced: %+v", u)
		}
		return nil
	}}
	held := func(do func(h *Held) error) {
		t.Helper()
		if err := v.Hold(t.Context(), vol.Ref(), func(_ context.Context, h *Held) error { return do(h) }); err != nil {
			t.Fatal(err)
		}
	}
	by := Server{Boot: "b", PID: 7, Start: 8}
	held(func(h *Held) error { return h.Serve("one", &by) })
	if _, u, err := v.RenewUse(t.Context(), vol.Ref(), "one", renewal); err != nil || u.Epoch != 1 || fenced != 0 {
		t.Errorf("one that is served: %+v, %v, fenced %d times", u, err, fenced)
	}
	if u := get(t, v, vol.Ref()).Use("one"); u.Served == nil || *u.Served != by || !u.Lost.IsZero() {
		t.Errorf("served: %+v", u)
	}
	held(func(h *Held) error { return errors.Join(h.Lose("one"), h.Lose("one")) })
	if u := get(t, v, vol.Ref()).Use("one"); u.Lost.IsZero() || u.Epoch != 1 {
		t.Errorf("lost: %+v", u)
	}

	refused := renewal
	refused.Fence = func(context.Context, Use) error { return refusal(sdk.Uncertain, "fence", "", "", "") }
	if _, _, err := v.RenewUse(t.Context(), vol.Ref(), "one", refused); sdk.KindOf(err) != sdk.Uncertain {
		t.Errorf("not fenced: %v", err)
	}
	if got := get(t, v, vol.Ref()); got.State.Epoch != 1 || got.Use("one").Lost.IsZero() {
		t.Errorf("not fenced: %+v", got.State)
	}
	for range 2 {
		got, u, err := v.RenewUse(t.Context(), vol.Ref(), "one", renewal)
		if err != nil || u.Epoch != 7 || u.IQN != "iqn.2026-01.test:one.7" || u.Served != nil || !u.Lost.IsZero() || got.State.Epoch != 7 || fenced != 1 {
			t.Errorf("%+v, epoch %d, %v, fenced %d times", u, got.State.Epoch, err, fenced)
		}
	}
	if again := begin(t, v, vol, b); again.Epoch != 7 {
		t.Errorf("the same attachment again: %+v", again)
	}
	if _, _, err := v.RenewUse(t.Context(), vol.Ref(), "two", renewal); sdk.KindOf(err) != sdk.NotFound {
		t.Errorf("none: %v", err)
	}
}
