package api_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/core/place"
)

// mapping asks for a way of an initiator's own.
func mapping(volume, who string) api.MapVolumeRequest {
	from := core.Consumer{Kinds: []core.ConnectionKind{core.ConnectISCSI}, InitiatorIQN: "iqn.2026-01.dev.meson:" + who}
	return api.MapVolumeRequest{VolumeRequest: of(volume), Who: who + "@desk", From: from}
}

func (w *world) mapped(volume string, readOnly bool) (attachment string) {
	w.t.Helper()
	req := mapping(volume, "bob")
	req.ReadOnly = readOnly
	made, err := w.MapVolume(w.t.Context(), req)
	if err != nil {
		w.t.Fatal(err)
	}
	return made.Attachment.ID
}

func (w *world) unmapped(attachment string) {
	w.t.Helper()
	if err := w.UnmapVolume(w.t.Context(), attachment, false); err != nil {
		w.t.Fatal(err)
	}
}

// another is another user, with a ledger of their own and the same plugin processes.
func (w *world) another() *world {
	w.t.Helper()
	l, err := ledger.Open(w.t.Context(), filepath.Join(w.t.TempDir(), "ledger.db"), ledger.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := l.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return &world{t: w.t, ledger: l, Meson: api.New(api.Options{Ledger: l, Host: w.Host})}
}

// Whatever begins to write to a volume, or changes what it is, looks at its other
// places first, whoever wrote there; what only reads does not.
func TestWritingLooksAtOtherPlaces(t *testing.T) {
	w := newWorld(t)
	w.add("near", "mem", vault)
	w.add("hosts", "mem", hosts)
	w.mustDeploy(api.DeployRequest{Name: "web", Policy: place.Policy{Provider: "hosts"}})
	by := w.another() // knows far alone
	cases := []struct {
		name string
		// elsewhere is what becomes of the other place of a volume.
		elsewhere func(name string)
		kind      core.Kind
		says      string
		hint      string
	}{
		{name: "as new as this one", elsewhere: func(string) {}},
		{name: "read there", elsewhere: func(v string) { by.mapped("far/"+v, true) }},
		{name: "older there", elsewhere: func(v string) { w.unmapped(w.mapped("near/"+v, false)) }},
		{
			"newer there",
			func(v string) { by.unmapped(by.mapped("far/"+v, false)) },
			core.Conflict, "far/VID is newer, of epoch 1, and this one of 0", "use far/VID",
		},
		{
			"written there",
			func(v string) {
				w.unmapped(w.mapped("near/"+v, false))
				by.mapped("far/"+v, false)
			},
			core.Conflict, "far/VID is in use for writing by", "meson volume detach far/VID",
		},
		{
			"locked there",
			func(v string) {
				if _, err := by.LockVolume(t.Context(), api.LockVolumeRequest{VolumeRequest: of("far/" + v), Who: "bob@desk"}); err != nil {
					t.Fatal(err)
				}
			},
			core.Conflict, "far/VID is locked by", "meson volume unlock far/VID",
		},
		{
			"nobody knows", // from here on
			func(string) { w.change("far", "mem", vault+`,"faults":{"get-volume":"unavailable"}`) },
			core.Unavailable, "whether far has it too, and newer, is not known", "meson provider rm far",
		},
		{
			"its settings are wrong",
			func(string) { w.change("far", "mem", `"nonsense":1`) },
			core.Unavailable, "whether far has it too, and newer, is not known", "meson provider rm far",
		},
	}
	volumes := make([]api.VolumeInfo, len(cases))
	for i := range cases {
		volumes[i] = w.volume(fmt.Sprintf("data%d", i))
		if _, err := w.CreateSnapshot(t.Context(), of(volumes[i].ID), "before"); err != nil {
			t.Fatal(err)
		}
	}
	w.copied("near", "far")
	cfg, err := w.ledger.Provider(t.Context(), "far")
	if err == nil {
		err = by.ledger.PutProvider(t.Context(), cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := volumes[i]
			c.elsewhere(v.Name)
			here := "near/" + v.Name
			attach := func(readOnly, dry bool) error {
				req := api.AttachVolumeRequest{VolumeRequest: of(here), Machine: "web", ReadOnly: readOnly}
				req.DryRun = dry
				_, err := w.AttachVolume(t.Context(), req)
				if err == nil && !dry {
					_, err = w.DetachVolume(t.Context(), api.DetachVolumeRequest{VolumeRequest: of(here)})
				}
				return err
			}
			acts := map[string]func() error{
				"attach":         func() error { return attach(false, false) },
				"attach dry run": func() error { return attach(false, true) },
				"map": func() error {
					made, err := w.MapVolume(t.Context(), mapping(here, "ada"))
					if err == nil {
						w.unmapped(made.Attachment.ID)
					}
					return err
				},
				"lock": func() error {
					_, err := w.LockVolume(t.Context(), api.LockVolumeRequest{VolumeRequest: of(here), Who: "ada@desk"})
					if err == nil {
						_, err = w.UnlockVolume(t.Context(), api.UnlockVolumeRequest{VolumeRequest: of(here), Who: "ada@desk"})
					}
					return err
				},
				"resize": func() error { _, err := w.ResizeVolume(t.Context(), of(here), 2*gib); return err },
				"revert": func() error { _, err := w.RevertVolume(t.Context(), of(here), "before"); return err },
			}
			for act, do := range acts {
				err := do()
				if c.kind == "" {
					if err != nil {
						t.Errorf("%s: %v", act, err)
					}
					continue
				}
				vid := func(s string) string { return strings.ReplaceAll(s, "VID", v.ID) }
				if e, ok := err.(*core.Error); !ok || e.Kind != c.kind || !strings.Contains(e.Error(), vid(c.says)) || !strings.Contains(e.Hint, vid(c.hint)) {
					t.Errorf("%s: %+v: want %s with %q, and to be told %q", act, err, c.kind, vid(c.says), vid(c.hint))
				}
			}
			if err := attach(true, false); err != nil {
				t.Errorf("reading: %v", err)
			}
			if _, err := w.CreateSnapshot(t.Context(), of(here), "after"); err != nil {
				t.Errorf("snapshot: %v", err)
			}
			if left, err := w.Mappings(t.Context()); len(left) > 0 || err != nil {
				t.Errorf("left: %+v, %v", left, err)
			}
			if c.name == "nobody knows" {
				w.add("others", "mem", hosts)
				p := pledge()
				p.Volumes = []core.VolumeRequest{{VID: v.ID}}
				_, err := w.deploy(api.DeployRequest{Pledge: p})
				e, ok := err.(*core.Error)
				if !ok || e.Kind != c.kind || !strings.Contains(e.Text, c.says) || !strings.Contains(e.Text, "all other offers need it too") || !strings.Contains(e.Hint, c.hint) {
					t.Errorf("deploy: %+v", err)
				}
			}
		})
	}
}

// What a volume's folder records of who writes was copied with it: in the ledger
// that is an attachment at another provider, and nobody's in this place.
func TestCopyOfAVolumeInUse(t *testing.T) {
	w := newWorld(t)
	w.add("near", "mem", vault)
	v := w.volume("data")
	attachment := w.mapped("near/data", false)
	w.copied("near", "far")
	_, err := w.MapVolume(t.Context(), mapping("far/data", "ada"))
	refused(t, err, core.Conflict, "near/"+v.ID+" by bob@desk (attachment "+attachment+", exported)")
	if again, err := w.MapVolume(t.Context(), api.MapVolumeRequest{ID: attachment, VolumeRequest: of("near/data"), From: mapping("", "bob").From}); err != nil || again.Attachment.ID != attachment {
		t.Errorf("the same again: %+v, %v", again, err)
	}
	w.unmapped(attachment)
	w.unmapped(w.mapped("near/data", false))
}

// A lock for one machine of this ledger keeps its others from writing in every
// place.
func TestLockForAMachineInAnotherPlace(t *testing.T) {
	w := newWorld(t)
	w.add("near", "mem", vault)
	w.add("hosts", "mem", hosts)
	v := w.volume("data")
	w.copied("near", "far")
	a := w.mustDeploy(api.DeployRequest{Name: "web", Policy: place.Policy{Provider: "hosts"}})
	cfg, err := w.ledger.Provider(t.Context(), "far")
	if err == nil {
		_, err = w.Host.Provider(cfg).LockVolume(t.Context(), v.ID, core.VolumeLock{Holder: w.ledger.ID() + " ada@desk", Allocation: a.ID})
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.MapVolume(t.Context(), mapping("near/data", "ada"))
	refused(t, err, core.Conflict, "far/"+v.ID+" is locked by")
	if _, err := w.AttachVolume(t.Context(), api.AttachVolumeRequest{VolumeRequest: of("near/data"), Machine: "web"}); err != nil {
		t.Error(err)
	}
}

// A machine is not made with a volume that the ledger lets somebody write to in
// another place, even if nobody does yet; it fails whole.
func TestDeployWhileAnotherPlaceIsClaimed(t *testing.T) {
	w := newWorld(t)
	w.add("near", "mem", vault)
	w.add("hosts", "mem", hosts)
	v := w.volume("data")
	w.copied("near", "far")
	w.unmapped(w.mapped("near/data", false))
	claim := core.AttachmentRecord{ID: ledger.NewID(), Index: -1, Provider: "far", VolumeID: v.ID, Holder: "bob@desk", State: core.AttachmentIntended}
	if err := w.ledger.AddAttachments(t.Context(), []core.AttachmentRecord{claim}, core.Event{Step: "map.intended"}); err != nil {
		t.Fatal(err)
	}
	unlock, err := w.ledger.Lock(t.Context(), claim.ID) // somebody goes on with it
	if err != nil {
		t.Fatal(err)
	}
	p := pledge()
	p.Volumes = []core.VolumeRequest{{VID: v.ID}}
	a, err := w.deploy(api.DeployRequest{Pledge: p})
	e, ok := err.(*core.Error)
	if !ok || e.Kind != core.Conflict || !strings.Contains(strings.Join(faultTexts(e), "\n"), "far/"+v.ID+" by bob@desk (attachment "+claim.ID+", intended)") {
		t.Errorf("%+v", err)
	}
	if a.State != core.Failed || w.machines("hosts") > 0 {
		t.Errorf("it is %s, with %d machines", a.State, w.machines("hosts"))
	}
	unlock()
	w.unmapped(claim.ID)
	w.mustDeploy(api.DeployRequest{Pledge: p})
}

// Of two that begin to write to one volume in two places at the same instant, in two
// processes of one ledger, one does; the other place is older from then on.
func TestRaceForTwoPlaces(t *testing.T) {
	const volumes = 6
	path := filepath.Join(t.TempDir(), "ledger.db")
	w, beside := worldAt(t, path), worldAt(t, path)
	w.add("near", "mem", vault)
	for i := range volumes {
		w.volume(fmt.Sprintf("data%d", i))
	}
	w.copied("near", "far")
	type try struct {
		w      *world
		volume string
		id     string
		err    error
	}
	tries := make([]*try, 0, 2*volumes)
	for i := range volumes {
		tries = append(tries, &try{w: w, volume: fmt.Sprintf("near/data%d", i)}, &try{w: beside, volume: fmt.Sprintf("far/data%d", i)})
	}
	var all sync.WaitGroup
	for i, one := range tries {
		all.Go(func() {
			made, err := one.w.MapVolume(t.Context(), mapping(one.volume, fmt.Sprintf("m%d", i)))
			one.id, one.err = made.Attachment.ID, err
		})
	}
	all.Wait()
	for i := 0; i < len(tries); i += 2 {
		won, lost := tries[i], tries[i+1]
		if won.err != nil {
			won, lost = lost, won
		}
		if won.err != nil {
			t.Errorf("nobody writes: %v, %v", won.err, lost.err)
			continue
		}
		refused(t, lost.err, core.Conflict, "written in another place: "+won.volume[:strings.Index(won.volume, "/")])
		won.w.unmapped(won.id)
		_, err := lost.w.MapVolume(t.Context(), mapping(lost.volume, "late"))
		refused(t, err, core.Conflict, "is newer")
	}
}
