package vault

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/mesoncloud/meson/sdk"
)

// read begins a Reading of a file of a volume.
func read(t *testing.T, v *Vault, vol *Volume, file string) *Reading {
	t.Helper()
	var r *Reading
	err := v.Hold(t.Context(), vol.Ref(), func(_ context.Context, h *Held) (err error) {
		r, err = h.Read("an export", file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Who reads the image keeps writers from it and the volume from being deleted, and
// nothing else: readers come and go, the lock is free, and locks are given.
func TestReadingExcludesWriters(t *testing.T) {
	v := openVault(t)
	other := openVault(t, at(v.Root()))
	vol, apart := create(t, v, small("k")), create(t, v, small("l"))
	r := read(t, v, vol, vol.DataFile)
	_, _, err := other.BeginUse(t.Context(), vol.Ref(), writer("one"))
	wantKind(t, err, sdk.Busy, "an export has been reading it since ")
	if e, ok := err.(*sdk.Error); !ok || e.Code != BeingRead {
		t.Errorf("%#v, want the code %s", err, BeingRead)
	}
	_, err = other.Delete(t.Context(), vol.Ref(), "b1")
	wantKind(t, err, sdk.Busy, "an export has been reading it since ")
	begin(t, other, vol, reader("two"))
	if _, err := other.EndUse(t.Context(), vol.Ref(), "two", fenced); err != nil {
		t.Error(err)
	}
	if _, err := other.TakeLock(t.Context(), vol.Ref(), Lock{Holder: "b1"}); err != nil {
		t.Error(err)
	}
	begin(t, other, apart, writer("one"))
	if err := other.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	r.End()
	begin(t, other, vol, writer("three"))
}

// Who reads a file that is not the image any more keeps no writer from that.
func TestReadingOfWhatWasReplaced(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	r := read(t, v, vol, vol.DataFile)
	if err := os.Rename(vol.Data(), filepath.Join(vol.Folder, "snap-1.img")); err != nil {
		t.Fatal(err)
	}
	put(t, vol.Folder, map[string]string{"data.img": "sparse 134217728"})
	begin(t, v, vol, writer("one"))
	if _, err := v.EndUse(t.Context(), vol.Ref(), "one", fenced); err != nil {
		t.Error(err)
	}
	_, err := v.Delete(t.Context(), vol.Ref(), "b1")
	wantKind(t, err, sdk.Busy, "an export has been reading it since ")
	r.End()
	if _, err := v.Delete(t.Context(), vol.Ref(), "b1"); err != nil {
		t.Error(err)
	}
}

// A reader of another machine that has the vault mounted is known as one, though
// that machine has another number for the device.
func TestReadingFromElsewhere(t *testing.T) {
	v := openVault(t)
	vol, apart := create(t, v, small("k")), create(t, v, small("l"))
	r := read(t, v, vol, vol.DataFile)
	text, err := os.ReadFile(r.Lock().Name())
	if err != nil {
		t.Fatal(err)
	}
	said := Reader{}
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	said.Device++
	if text, err = json.Marshal(said); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.Lock().Name(), text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = v.BeginUse(t.Context(), vol.Ref(), writer("one"))
	wantKind(t, err, sdk.Busy, "an export has been reading it since ")
	_, err = v.Delete(t.Context(), vol.Ref(), "b1")
	wantKind(t, err, sdk.Busy, "an export has been reading it since ")
	begin(t, v, apart, writer("one"))
	r.End()
	begin(t, v, vol, writer("two"))
}

// What a reader needs meanwhile goes with it.
func TestScratchGoesWithReading(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	r := read(t, v, vol, vol.DataFile)
	scratch, err := r.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	put(t, scratch, map[string]string{"deep/large": "x"})
	if err := v.SweepReadings(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(scratch, "deep", "large")); err != nil {
		t.Errorf("it went while it was needed: %v", err)
	}
	r.End()
	if left, _ := filepath.Glob(filepath.Join(v.Root(), ".meson", readingName, "*")); len(left) > 0 {
		t.Errorf("%q is left", left)
	}
}
