package vault

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// Work that can wait ends as soon as somebody wants the volume, in another process too.
func TestWorkYields(t *testing.T) {
	v := openVault(t)
	withVictim(t, v)
	for range 3 {
		_ = os.Remove(filepath.Join(v.Root(), ".working"))
		cmd, out := spawn(t, job{Root: v.Root(), Do: "yield"})
		soon(t, "the other process works", func() bool {
			_, err := os.Stat(filepath.Join(v.Root(), ".working"))
			return err == nil
		})
		time.Sleep(3 * wantedEvery)
		vol := get(t, v, Ref{ID: victim})
		if !v.Worked(vol) {
			t.Error("nobody works on the volume, and somebody does")
		}
		began := time.Now()
		if _, err := v.Rename(t.Context(), vol.Ref(), began.String()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the volume was had after %v", took)
		}
		if lines, killed := wait(t, cmd, out); killed != "" || lines[len(lines)-1] != "ok" {
			t.Errorf("%q, %q", lines, killed)
		}
	}
}

// Nobody is disturbed by work that can wait: it does not begin while somebody has the
// volume, and two of it do not disturb each other.
func TestWorkThatYieldsDoesNotWait(t *testing.T) {
	v := openVault(t)
	other := openVault(t, at(v.Root()))
	vol := create(t, v, small("k"))
	never := func(context.Context, *Held) error { t.Error("it was done"); return nil }
	began := time.Now()
	err := v.Hold(t.Context(), vol.Ref(), func(context.Context, *Held) error { return other.Yielding(t.Context(), vol.Ref(), never) })
	wantKind(t, err, sdk.Busy, "")
	err = v.Yielding(t.Context(), vol.Ref(), func(ctx context.Context, _ *Held) error {
		wantKind(t, other.Yielding(t.Context(), vol.Ref(), never), sdk.Busy, "")
		time.Sleep(5 * wantedEvery)
		return ctx.Err()
	})
	if err != nil {
		t.Errorf("it ended for other work that can wait: %v", err)
	}
	if time.Since(began) > 8*time.Second {
		t.Error("it waited")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = v.Yielding(ctx, vol.Ref(), func(ctx context.Context, _ *Held) error { return context.Cause(ctx) })
	if errors.Is(err, ErrWanted) || err == nil {
		t.Errorf("%v, want that of its caller's context", err)
	}
}
