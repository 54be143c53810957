package host

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mesoncloud/meson/core"
)

func volumeOwner(key string) core.Owner {
	return core.Owner{Broker: "b1", Allocation: "a1", Key: key, Request: "r1"}
}

func volumeRequest() core.CreateVolumeRequest {
	return core.CreateVolumeRequest{
		Owner: volumeOwner("k1"), Name: "data", Spec: core.VolumeSpec{SizeBytes: 1 << 30},
		Offer:  core.VolumeOffer{ID: "o1", Exposures: []core.Exposure{{Kind: core.ConnectISCSI, Network: "storage"}}},
		Origin: core.VolumeOrigin{Snapshot: "s1"},
	}
}

// What passes is bounded and safe to print; ways that hold from who knows where
// do not pass.
func TestCreateVolume(t *testing.T) {
	h := newHost(t)
	got, err := provider(h, "rogue", "good").CreateVolume(t.Context(), volumeRequest())
	if err != nil {
		t.Fatal(err)
	}
	want := core.Volume{
		ID: "vol-1", Provider: "good", Owner: volumeOwner("k1"), Name: "data", State: core.VolumeInUse,
		VolumeSpec: core.VolumeSpec{SizeBytes: 1 << 30, Format: "raw"}, Zone: "shelf1", Epoch: 7, Message: "data o1 s1 1",
		Uses: []core.VolumeUse{{
			Attachment: "a-1", Holder: "vm[2J web1", Kind: core.ConnectISCSI, Writable: true, Epoch: 7, Peers: []string{"10.0.0.7:3"},
		}},
		Exposures: []core.Exposure{{Kind: core.ConnectISCSI, Network: "storage", Text: "over  tgt"}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(core.Volume{}, "CreatedAt")); diff != "" {
		t.Error(diff)
	}
	for name, kind := range map[string]core.Kind{
		"full": core.Exhausted, "small": core.Uncertain, "swap": core.Uncertain, "dies": core.Uncertain,
	} {
		if _, err := provider(h, "rogue", name).CreateVolume(t.Context(), volumeRequest()); core.KindOf(err) != kind {
			t.Errorf("%s: %v: want %s", name, err, kind)
		}
	}
}

func TestGetVolume(t *testing.T) {
	h := newHost(t)
	byKey := core.VolumeRef{Owner: volumeOwner("k1")}
	for _, test := range []struct {
		provider string
		ref      core.VolumeRef
		kind     core.Kind
	}{
		{"good", byKey, ""},
		{"good", core.VolumeRef{ID: "vol-1"}, ""},
		{"good", core.VolumeRef{ID: "vol-7"}, core.Internal},
		{"good", core.VolumeRef{ID: "vol-1", Owner: core.Owner{Broker: "b2"}}, core.Internal},
		{"foreign", core.VolumeRef{ID: "vol-1"}, ""},
		{"foreign", byKey, core.Internal},
		{"swap", byKey, core.Internal},
		{"absent", byKey, core.NotFound},
		{"gone", byKey, core.NotFound},
		{"dies", byKey, core.Unavailable},
		{"unconfigurable", byKey, core.Unavailable},
	} {
		v, err := provider(h, "rogue", test.provider).GetVolume(t.Context(), test.ref)
		if core.KindOf(err) != test.kind || (err == nil) != (v.ID == "vol-1") {
			t.Errorf("%s %+v: %+v, %v: want %q", test.provider, test.ref, v, err, test.kind)
		}
	}
}

// What is wrong in a list is left out and counted; the rest stands.
func TestListVolumes(t *testing.T) {
	h := newHost(t)
	for name, faults := range map[string]int{"good": 0, "liar": len(badVolumes()) + 1} {
		list, err := provider(h, "rogue", name).ListVolumes(t.Context(), "b1")
		if len(list) != 2 || list[0].ID != "vol-1" || list[1].ID != "vol-2" {
			t.Errorf("%s: %d volumes", name, len(list))
		}
		e, _ := err.(*core.Error)
		switch {
		case faults == 0 && err != nil:
			t.Error(err)
		case faults > 0 && (e == nil || e.Kind != core.Internal || e.Source != core.SourcePlugin || len(e.Faults) != min(faults, maxFaults)):
			t.Errorf("%s: %v: want %d faults", name, err, faults)
		}
		if strings.ContainsAny(fmt.Sprint(err), "\x1b\x07") {
			t.Errorf("%q holds control characters", err)
		}
	}
	// Of everybody's, none is left out for whose it is.
	list, err := provider(h, "rogue", "liar").ListVolumes(t.Context(), "")
	if len(list) != 3 || core.KindOf(err) != core.Internal {
		t.Errorf("%d volumes, %v", len(list), err)
	}
}

func TestWatchVolume(t *testing.T) {
	h := newHost(t)
	ref := core.VolumeRef{ID: "vol-1"}
	var states []core.VolumeState
	err := provider(h, "rogue", "good").WatchVolume(t.Context(), ref, func(v core.Volume) error {
		states = append(states, v.State)
		return nil
	})
	if diff := cmp.Diff([]core.VolumeState{core.VolumeCreating, core.VolumeAvailable, core.VolumeGone}, states); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if err := provider(h, "rogue", "good").WatchVolume(t.Context(), ref, func(core.Volume) error { return io.ErrClosedPipe }); err != io.ErrClosedPipe {
		t.Errorf("%v: want the caller's own error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = provider(h, "rogue", "patient").WatchVolume(ctx, ref, func(core.Volume) error { cancel(); return nil })
	if core.KindOf(err) != core.Interrupted {
		t.Errorf("%v: want Interrupted", err)
	}
}

// An offer that is not what was asked for is dropped, and named.
func TestVolumeOffers(t *testing.T) {
	h := newHost(t)
	ask := func(name string, spec core.VolumeSpec, query core.VolumeQuery) (offers []core.VolumeOffer, reasons []core.Reason, err error) {
		query.Horizon = 730
		err = provider(h, "rogue", name).OfferVolume(t.Context(), spec, query, func(o []core.VolumeOffer, r []core.Reason) error {
			offers, reasons = append(offers, o...), append(reasons, r...)
			return nil
		})
		return offers, reasons, err
	}
	spec, nbd := core.VolumeSpec{SizeBytes: 1 << 30}, []core.ConnectionKind{core.ConnectNBD}
	offers, reasons, err := ask("good", spec, core.VolumeQuery{Kinds: nbd})
	if err != nil || len(offers) != 1 || len(reasons) != 1 || reasons[0].Text != "the shelf  is full" || reasons[0].Provider != "good" {
		t.Fatalf("%+v, %+v, %v", offers, reasons, err)
	}
	exposures := []core.Exposure{{Kind: core.ConnectISCSI}, {Kind: core.ConnectNBD, Rank: 1}}
	if o := offers[0]; o.ID != "a" || o.Provider != "good" || o.Plugin != "rogue" || !cmp.Equal(o.Exposures, exposures) {
		t.Errorf("%+v", o)
	}
	for what, query := range map[string]core.VolumeQuery{
		"rbd alone": {Kinds: []core.ConnectionKind{core.ConnectRBD}}, "another offer": {OfferID: "b"},
	} {
		if offers, _, err := ask("good", spec, query); len(offers) != 0 || core.KindOf(err) != core.Internal {
			t.Errorf("%s: %+v, %v", what, offers, err)
		}
	}
	raw := spec
	raw.Format = "raw"
	offers, _, err = ask("liar", raw, core.VolumeQuery{Kinds: nbd})
	if len(offers) != 1 || !cmp.Equal(offers[0].Unknown, []string{"format"}) {
		t.Errorf("%+v: want that the format is not known", offers)
	}
	if e, _ := err.(*core.Error); e == nil || len(e.Faults) != len(badVolumeOffers())+1 || len(offers) != 1 {
		t.Errorf("%d offers, %v: want one, and %d faults", len(offers), err, len(badVolumeOffers())+1)
	}
	offers, _, err = ask("flood", spec, core.VolumeQuery{Limit: 5})
	if len(offers) != 5 || core.KindOf(err) != core.Internal {
		t.Errorf("%d offers, %v", len(offers), err)
	}
	_, reasons, err = ask("flood", spec, core.VolumeQuery{})
	if len(reasons) != maxReasons || core.KindOf(err) != core.Internal {
		t.Errorf("%d reasons, %v", len(reasons), err)
	}
	if err := provider(h, "rogue", "good").OfferVolume(t.Context(), spec, core.VolumeQuery{}, func([]core.VolumeOffer, []core.Reason) error { return io.ErrClosedPipe }); err != io.ErrClosedPipe {
		t.Errorf("%v: want the caller's own error", err)
	}
}

func TestAttach(t *testing.T) {
	h := newHost(t)
	ref := core.InstanceRef{ID: "vm-1"}
	a := core.Attachment{ID: "x-1", VolumeID: "vol-1", Connection: core.Connection{Kind: core.ConnectNative, Native: &core.NativeConnection{VolumeID: "vol-1"}}}
	in, err := provider(h, "rogue", "good").Attach(t.Context(), ref, "b1", a)
	if err != nil || len(in.Attachments) != 1 || in.Attachments[0].ID != "x-1" || in.Attachments[0].Connection.Kind != core.ConnectNative {
		t.Errorf("%+v, %v", in, err)
	}
	if _, err := provider(h, "rogue", "good").Detach(t.Context(), ref, "b1", "x-1"); err != nil {
		t.Error(err)
	}
	for name, kind := range map[string]core.Kind{"stuck": core.Uncertain, "held": core.Busy} {
		if _, err := provider(h, "rogue", name).Detach(t.Context(), ref, "b1", "x-1"); core.KindOf(err) != kind {
			t.Errorf("%s: %v: want %s", name, err, kind)
		}
	}
	for name, kind := range map[string]core.Kind{"swap": core.Uncertain, "dies": core.Uncertain} {
		if _, err := provider(h, "rogue", name).Attach(t.Context(), ref, "b1", a); core.KindOf(err) != kind {
			t.Errorf("%s: %v: want %s", name, err, kind)
		}
	}
	_, err = provider(h, "rogue", "good").Attach(t.Context(), core.InstanceRef{}, "b1", a)
	_, err2 := provider(h, "rogue", "good").Detach(t.Context(), core.InstanceRef{}, "b1", "x-1")
	if core.KindOf(err) != core.Invalid || core.KindOf(err2) != core.Invalid {
		t.Errorf("%v, %v: want Invalid", err, err2)
	}
}

// Calls end by their deadline also where a plugin hangs, and what they may have
// changed is not known then.
func TestStorageHangs(t *testing.T) {
	h := newHost(t, func(o *Options) { o.CallTimeout, o.EffectTimeout = 300*time.Millisecond, 600*time.Millisecond })
	p := provider(h, "rogue", "hangs")
	if _, err := p.GetVolume(context.Background(), core.VolumeRef{ID: "vol-1"}); core.KindOf(err) != core.Unavailable {
		t.Errorf("get: %v: want Unavailable", err)
	}
	if err := p.DeleteVolume(context.Background(), core.VolumeRef{ID: "vol-1"}); core.KindOf(err) != core.Uncertain {
		t.Errorf("delete: %v: want Uncertain", err)
	}
	if _, err := p.Export(context.Background(), exportRequest()); core.KindOf(err) != core.Uncertain {
		t.Errorf("export: %v: want Uncertain", err)
	}
}

// What a plugin does not serve is not sent: nothing of a rogue's says so.
func TestNoStorage(t *testing.T) {
	p, ctx, ref := provider(newHost(t), "second", "good"), t.Context(), core.VolumeRef{ID: "vol-1"}
	one := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"offer":      p.OfferVolume(ctx, core.VolumeSpec{}, core.VolumeQuery{}, nil),
		"create":     one(p.CreateVolume(ctx, volumeRequest())),
		"get":        one(p.GetVolume(ctx, ref)),
		"list":       one(p.ListVolumes(ctx, "")),
		"delete":     p.DeleteVolume(ctx, ref),
		"watch":      p.WatchVolume(ctx, ref, nil),
		"export":     one(p.Export(ctx, exportRequest())),
		"unexport":   p.Unexport(ctx, "vol-1", "x-1", false),
		"attach":     one(p.Attach(ctx, core.InstanceRef{ID: "vm-1"}, "", core.Attachment{})),
		"detach":     one(p.Detach(ctx, core.InstanceRef{ID: "vm-1"}, "", "x-1")),
		"resize":     one(p.ResizeVolume(ctx, core.VolumeResize{VolumeID: ref.ID, SizeBytes: 1})),
		"rename":     one(p.RenameVolume(ctx, ref, "x")),
		"convert":    one(p.ConvertVolume(ctx, ref, "raw")),
		"lock":       one(p.LockVolume(ctx, "vol-1", core.VolumeLock{Holder: "ada"})),
		"unlock":     one(p.UnlockVolume(ctx, "vol-1", "ada", true)),
		"snapshot":   one(p.CreateSnapshot(ctx, core.SnapshotRequest{VolumeID: "vol-1"})),
		"snapshots":  one(p.ListSnapshots(ctx, "")),
		"unsnapshot": p.DeleteSnapshot(ctx, core.SnapshotRef{ID: "s1"}),
		"revert":     one(p.RevertVolume(ctx, ref, "s1")),
		"images":     one(p.ListImages(ctx, "")),
		"fetch":      one(p.ImportImage(ctx, core.ImageImport{})),
		"unimage":    p.DeleteImage(ctx, core.ImageRef{ID: "i1"}),
		"import":     one(p.ImportVolume(ctx, core.VolumeImport{}, strings.NewReader(""))),
		"export out": p.ExportVolume(ctx, core.VolumeExport{VolumeID: "vol-1"}, nil, nil),
	} {
		if core.KindOf(err) != core.Unsupported {
			t.Errorf("%s: %v: want Unsupported", name, err)
		}
	}
}
