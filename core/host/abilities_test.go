package host

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/core"
)

// A volume that is not as it was asked to be is no success.
func TestVolumeAbilities(t *testing.T) {
	h := newHost(t)
	ref := core.VolumeRef{ID: "vol-1"}
	calls := map[string]func(*Provider) error{
		"resize": func(p *Provider) error {
			v, err := p.ResizeVolume(t.Context(), core.VolumeResize{VolumeID: ref.ID, SizeBytes: 2 << 30})
			if err == nil && v.SizeBytes != 2<<30 {
				t.Errorf("%d bytes", v.SizeBytes)
			}
			return err
		},
		"rename": func(p *Provider) error {
			v, err := p.RenameVolume(t.Context(), ref, "other")
			if err == nil && v.Name != "other" {
				t.Errorf("it is called %s", v.Name)
			}
			return err
		},
		"convert": func(p *Provider) error {
			v, err := p.ConvertVolume(t.Context(), ref, "qcow2")
			if err == nil && v.Format != "qcow2" {
				t.Errorf("it is %s", v.Format)
			}
			return err
		},
		"lock": func(p *Provider) error {
			v, err := p.LockVolume(t.Context(), "vol-1", core.VolumeLock{Holder: "b1 ada@desk"})
			if err == nil && v.Lock.Holder != "b1 ada@desk" {
				t.Errorf("%+v", v.Lock)
			}
			return err
		},
		"unlock": func(p *Provider) error {
			_, err := p.UnlockVolume(t.Context(), "vol-1", "b1 ada@desk", false)
			return err
		},
		"snapshot": func(p *Provider) error {
			s, err := p.CreateSnapshot(t.Context(), core.SnapshotRequest{Owner: volumeOwner("k1"), VolumeID: "vol-1", Name: "before"})
			if err == nil && (s.ID != "s1" || s.Volume != "vol-1") {
				t.Errorf("%+v", s)
			}
			return err
		},
	}
	for name, call := range calls {
		if err := call(provider(h, "rogue", "good")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := call(provider(h, "rogue", "liar")); core.KindOf(err) != core.Uncertain {
			t.Errorf("%s: %v: want Uncertain", name, err)
		}
	}
	v, err := provider(h, "rogue", "good").RevertVolume(t.Context(), ref, "s1")
	if err != nil || v.Message != "as in s1" {
		t.Errorf("revert: %+v, %v", v, err)
	}
	v, err = provider(h, "rogue", "slow").ConvertVolume(t.Context(), ref, "qcow2")
	if err != nil || v.Format != "raw" || v.Progress.Percent != 40 {
		t.Errorf("convert: %s, %+v, %v: want it to be at work", v.Format, v.Progress, err)
	}
	if _, err := provider(h, "rogue", "good").RenameVolume(t.Context(), core.VolumeRef{Owner: volumeOwner("k1")}, "x"); core.KindOf(err) != core.Invalid {
		t.Errorf("%v: want Invalid without an id", err)
	}
}

func TestSnapshotsAndImages(t *testing.T) {
	h := newHost(t)
	for name, faults := range map[string]int{"good": 0, "liar": 4} {
		list, err := provider(h, "rogue", name).ListSnapshots(t.Context(), "vol-1")
		e, _ := err.(*core.Error)
		if len(list) != 2 || (err == nil) != (faults == 0) || faults > 0 && (e == nil || len(e.Faults) != faults) {
			t.Errorf("%s: %+v, %v: want two, and %d faults", name, list, err, faults)
		}
	}
	p := provider(h, "rogue", "liar")
	if err := p.DeleteSnapshot(t.Context(), core.SnapshotRef{VolumeID: "vol-1", ID: "s1"}); err != nil {
		t.Error(err)
	}
	images, err := p.ListImages(t.Context(), "")
	if len(images) != 1 || images[0].Name != "Debian 12" || core.KindOf(err) != core.Internal {
		t.Errorf("%+v, %v", images, err)
	}
	image, err := p.ImportImage(t.Context(), core.ImageImport{Owner: volumeOwner("k1"), Name: "debian"})
	if err != nil || image.State != core.VolumeCreating {
		t.Errorf("%+v, %v", image, err)
	}
	if err := p.DeleteImage(t.Context(), core.ImageRef{ID: "i1"}); err != nil {
		t.Error(err)
	}
}

func TestImportVolume(t *testing.T) {
	h := newHost(t)
	req := core.VolumeImport{Owner: volumeOwner("k1"), Name: "data", Format: "qcow2", Spec: core.VolumeSpec{SizeBytes: 1 << 30}}
	v, err := provider(h, "rogue", "good").ImportVolume(t.Context(), req, strings.NewReader(strings.Repeat("x", 3<<20+1)))
	if err != nil || v.Message != "3145729 bytes of qcow2" {
		t.Errorf("%+v, %v", v, err)
	}
	endless := iotest.OneByteReader(zeros{})
	if _, err := provider(h, "rogue", "full").ImportVolume(t.Context(), req, endless); core.KindOf(err) != core.Exhausted {
		t.Errorf("%v: want the plugin's refusal", err)
	}
	if _, err := provider(h, "rogue", "dies").ImportVolume(t.Context(), req, endless); core.KindOf(err) != core.Uncertain {
		t.Errorf("%v: want Uncertain", err)
	}
	broken := errors.New("the pipe broke")
	if _, err := provider(h, "rogue", "good").ImportVolume(t.Context(), req, io.MultiReader(strings.NewReader("x"), iotest.ErrReader(broken))); err != broken {
		t.Errorf("%v: want the reader's error", err)
	}
	// A reader that never ends its Read holds nobody.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r, w := io.Pipe()
	defer w.Close()
	if _, err := provider(h, "rogue", "good").ImportVolume(ctx, req, r); core.KindOf(err) != core.Interrupted {
		t.Errorf("%v: want Interrupted", err)
	}
}

// A plugin that takes no bytes, or sends none, is given up.
func TestTransferStalls(t *testing.T) {
	h := newHost(t, func(o *Options) { o.EffectTimeout = 300 * time.Millisecond })
	req := core.VolumeImport{Owner: volumeOwner("k1"), Name: "data", Format: "raw", Spec: core.VolumeSpec{SizeBytes: 1 << 30}}
	if _, err := provider(h, "rogue", "deaf").ImportVolume(t.Context(), req, zeros{}); core.KindOf(err) != core.Unavailable {
		t.Errorf("deaf: %v: want Unavailable", err)
	}
	if _, err := provider(h, "rogue", "mute").ImportVolume(t.Context(), req, strings.NewReader("x")); core.KindOf(err) != core.Uncertain {
		t.Errorf("mute: %v: want Uncertain", err)
	}
	err := provider(h, "rogue", "stalls").ExportVolume(t.Context(), core.VolumeExport{VolumeID: "vol-1", Format: "raw"}, func(int64) error { return nil }, io.Discard)
	if core.KindOf(err) != core.Unavailable {
		t.Errorf("stalls: %v: want Unavailable", err)
	}
}

// zeros never end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// As many bytes as were said arrive, or there is an error; more are never
// written.
func TestExportVolume(t *testing.T) {
	h := newHost(t)
	for _, test := range []struct {
		provider string
		max      int64
		kind     core.Kind
		total    int64
		most     int
	}{
		{"good", 0, "", 3 << 20, 3 << 20},
		{"unsized", 0, "", 0, 3 << 20},
		{"good", 2 << 20, core.Internal, -1, 0},
		{"unsized", 2 << 20, core.Internal, 0, 2 << 20},
		{"short", 0, core.Internal, 3 << 20, 2 << 20},
		{"long", 0, core.Internal, 3 << 20, 3 << 20},
		{"endless", 9 << 20, core.Internal, 0, 9 << 20},
		{"boast", 0, core.Internal, -1, 0},
		{"silent", 0, core.Internal, -1, 0},
		{"dies", 0, core.Unavailable, 3 << 20, 1 << 20},
	} {
		var out bytes.Buffer
		total := int64(-1)
		err := provider(h, "rogue", test.provider).ExportVolume(t.Context(), core.VolumeExport{VolumeID: "vol-1", Format: "raw", MaxBytes: test.max},
			func(n int64) error { total = n; return nil }, &out)
		if core.KindOf(err) != test.kind || test.kind != core.Unavailable && out.Len() != test.most || out.Len() > test.most {
			t.Errorf("%s: %d bytes, %v: want %d, %q", test.provider, out.Len(), err, test.most, test.kind)
		}
		if diff := cmp.Diff(test.total, total); diff != "" && test.kind != core.Unavailable {
			t.Errorf("%s: %s", test.provider, diff)
		}
	}
	for _, fails := range []struct {
		begin error
		w     io.Writer
	}{{io.ErrShortBuffer, io.Discard}, {nil, failing{}}} {
		err := provider(h, "rogue", "good").ExportVolume(t.Context(), core.VolumeExport{VolumeID: "vol-1"}, func(int64) error { return fails.begin }, fails.w)
		if err != io.ErrShortBuffer {
			t.Errorf("%v: want the caller's own error", err)
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortBuffer }
