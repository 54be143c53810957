package api_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/core/place"
	"github.com/mesoncloud/meson/pricing"
)

const (
	gib = 1 << 30
	// vault is a provider of volumes alone, hosts one of machines that reach them.
	vault = `"capacity":0,"storage":{"capacity_gib":100,"exports":["iscsi","nfs"]}`
	hosts = `"machines":{"kinds":["iscsi","nfs"]},"storage":{"capacity_gib":0}`
)

func spec(gibs int64) core.VolumeSpec { return core.VolumeSpec{SizeBytes: gibs * gib} }

func (w *world) volume(name string) api.VolumeInfo {
	w.t.Helper()
	v, err := w.CreateVolume(w.t.Context(), api.CreateVolumeRequest{Name: name, Spec: spec(1)})
	if err != nil || v.State != core.VolumeAvailable {
		w.t.Fatalf("%+v, %v", v, err)
	}
	return v
}

func of(name string) api.VolumeRequest { return api.VolumeRequest{Volume: name} }

// held is how many volumes a provider has.
func (w *world) held(provider string) int {
	w.t.Helper()
	list, _, err := w.ListVolumes(w.t.Context(), provider)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(list)
}

// The cheapest that has room makes the volume; where it is full the next does.
func TestCreateVolumeAtTheCheapest(t *testing.T) {
	w := newWorld(t)
	w.add("cheap", "mem", `"capacity":0,"storage":{"capacity_gib":2,"price":"0.01"}`)
	w.add("dear", "mem", `"capacity":0,"storage":{"capacity_gib":100,"price":"0.10"}`)
	w.add("machines", "mem", `"storage":{"capacity_gib":0}`)
	var places []string
	for _, name := range []string{"a", "b", "c"} {
		v := w.volume(name)
		places = append(places, v.Provider)
		if !v.Ours || v.Quote == nil || v.Quote.Offer.Provider != v.Provider {
			t.Errorf("%+v", v)
		}
	}
	if got := strings.Join(places, " "); got != "cheap cheap dear" {
		t.Errorf("made at %s", got)
	}
	_, err := w.CreateVolume(t.Context(), api.CreateVolumeRequest{Name: "d", Spec: spec(1), Policy: place.Policy{Provider: "cheap"}})
	refused(t, err, core.NoOffer, "nobody can provide it")
	_, err = w.CreateVolume(t.Context(), api.CreateVolumeRequest{Name: "D", Spec: spec(1)})
	refused(t, err, core.Invalid, "is no name")
	v, err := w.CreateVolume(t.Context(), api.CreateVolumeRequest{Name: "d", Spec: spec(1), DryRun: true})
	if err != nil || v.ID != "" || v.Provider != "dear" || w.held("") != 3 {
		t.Errorf("%+v, %v, %d volumes", v, err, w.held(""))
	}
}

// A quote that the ledger shows is what the volume was bought at, and what was
// asked before it was made is asked for again.
func TestVolumeIsRecorded(t *testing.T) {
	w := newWorld(t)
	w.add("vault", "mem", vault)
	v := w.volume("data")
	records, err := w.ledger.Volumes(t.Context(), ledger.VolumeFilter{})
	if err != nil || len(records) != 1 || records[0].State != core.VolumeMade || records[0].VolumeID != v.ID || !records[0].Keep {
		t.Fatalf("%+v, %v", records, err)
	}
	if _, err := w.ledger.PriceList(t.Context(), "vault", records[0].Quote.Offer.ListRevision); err != nil {
		t.Errorf("its price list: %v", err)
	}
	if _, err := w.RemoveVolume(t.Context(), of(v.ID)); err != nil {
		t.Fatal(err)
	}
	records, err = w.ledger.Volumes(t.Context(), ledger.VolumeFilter{Final: true})
	if err != nil || len(records) != 1 || records[0].State != core.VolumeRemoved || w.held("vault") != 0 {
		t.Errorf("%+v, %v", records, err)
	}
	_, err = w.RemoveVolume(t.Context(), of(v.ID))
	refused(t, err, core.NotFound, "not found")
}

// What a kill left of a volume is adopted or undone, and the command after it has
// none or one.
func TestVolumeKilled(t *testing.T) {
	for _, step := range []string{"volume.intended.committed", "volume.send", "volume.answered", "volume.made.committed"} {
		t.Run(step, func(t *testing.T) {
			w := newWorld(t)
			w.add("vault", "mem", vault)
			w.step = func(name string) {
				if name == step {
					panic(step)
				}
			}
			func() {
				defer func() {
					if recover() != step {
						t.Errorf("not killed at %s", step)
					}
				}()
				_, _ = w.CreateVolume(t.Context(), api.CreateVolumeRequest{Name: "data", Spec: spec(1)})
			}()
			w.step = func(string) {}
			if _, err := w.ResumeVolumes(t.Context(), nil); err != nil {
				t.Error(err)
			}
			records, err := w.ledger.Volumes(t.Context(), ledger.VolumeFilter{Final: true})
			if err != nil || len(records) != 1 {
				t.Fatalf("%+v, %v", records, err)
			}
			want := map[core.VolumeRecordState]int{core.VolumeMade: 1, core.VolumeRefused: 0}
			if n, ok := want[records[0].State]; !ok || w.held("vault") != n {
				t.Errorf("%s, with %d volumes", records[0].State, w.held("vault"))
			}
		})
	}
}

// One machine writes; a second one is refused and told who, and does when the
// first has let go.
func TestOneWriter(t *testing.T) {
	w := newWorld(t)
	w.add("vault", "mem", vault)
	w.add("hosts", "mem", hosts)
	w.volume("data")
	for _, name := range []string{"a", "b"} {
		w.mustDeploy(api.DeployRequest{Name: name, Policy: place.Policy{Provider: "hosts"}})
	}
	attach := func(machine string, readOnly bool) (api.VolumeInfo, error) {
		return w.AttachVolume(t.Context(), api.AttachVolumeRequest{VolumeRequest: of("data"), Machine: machine, ReadOnly: readOnly})
	}
	v, err := attach("a", false)
	if err != nil || len(v.Uses) != 1 || v.Machines[v.Uses[0].Allocation] != "a" || !v.Uses[0].Writable {
		t.Fatalf("%+v, %v", v, err)
	}
	epoch := v.Epoch
	_, err = attach("b", false)
	refused(t, err, core.Busy, "a writes to it since")
	_, err = attach("b", true)
	refused(t, err, core.Busy, "a writes to it")
	_, err = w.RemoveVolume(t.Context(), of("data"))
	refused(t, err, core.Busy, "a writes to it")
	_, err = w.MapVolume(t.Context(), api.MapVolumeRequest{VolumeRequest: of("data"), From: core.Consumer{Kinds: []core.ConnectionKind{core.ConnectISCSI}, InitiatorIQN: "iqn.2026-01.dev.meson:map-1"}})
	refused(t, err, core.Busy, "attachment")
	if _, err := w.DetachVolume(t.Context(), api.DetachVolumeRequest{VolumeRequest: of("data")}); err != nil {
		t.Fatal(err)
	}
	if v, err = attach("b", false); err != nil || v.Epoch <= epoch {
		t.Errorf("epoch %d after %d, %v", v.Epoch, epoch, err)
	}
	if _, err := w.Remove(t.Context(), api.RemoveRequest{Name: "b"}); err != nil {
		t.Fatal(err)
	}
	if v, _, err = w.ShowVolume(t.Context(), "data"); err != nil || len(v.Uses) != 0 || v.State != core.VolumeAvailable {
		t.Errorf("after its machine is gone: %+v, %v", v, err)
	}
}

// An import that is cut off leaves nothing, at the provider and in the ledger.
func TestImportCutOff(t *testing.T) {
	w := newWorld(t)
	w.add("vault", "mem", vault)
	req := api.ImportVolumeRequest{CreateVolumeRequest: api.CreateVolumeRequest{Name: "data", Spec: spec(1)}, Format: "raw"}
	req.Data = iotest.ErrReader(context.Canceled)
	if _, err := w.ImportVolume(t.Context(), req); err == nil {
		t.Error("it was made")
	}
	ctx, cancel := context.WithCancel(t.Context())
	req.Data = readerFunc(func([]byte) (int, error) { cancel(); select {} })
	_, err := w.ImportVolume(ctx, req)
	refused(t, err, core.Interrupted, "")
	req.Data, req.SHA256 = strings.NewReader("bytes"), strings.Repeat("0", 64)
	_, err = w.ImportVolume(t.Context(), req)
	refused(t, err, core.Invalid, "")
	if _, err := w.ResumeVolumes(t.Context(), nil); err != nil {
		t.Error(err)
	}
	open, err := w.ledger.Volumes(t.Context(), ledger.VolumeFilter{})
	if err != nil || len(open) != 0 || w.held("vault") != 0 {
		t.Errorf("%+v, %v, %d volumes", open, err, w.held("vault"))
	}
	req.Data, req.SHA256 = strings.NewReader("bytes"), ""
	v, err := w.ImportVolume(t.Context(), req)
	if err != nil || v.State != core.VolumeAvailable || v.Quote == nil {
		t.Fatalf("%+v, %v", v, err)
	}
	var out bytes.Buffer
	if _, err := w.ExportVolume(t.Context(), api.ExportVolumeRequest{Volume: "data", Format: "raw", To: &firstBytes{&out}, Begin: func(int64) error { return nil }}); err != nil || !strings.HasPrefix(out.String(), "bytes\x00") {
		t.Errorf("%.10q, %v", out.String(), err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// firstBytes keeps some.
type firstBytes struct{ *bytes.Buffer }

func (b *firstBytes) Write(p []byte) (int, error) {
	if b.Len() < 100 {
		b.Buffer.Write(p[:min(len(p), 100)])
	}
	return len(p), nil
}

// A lock keeps other ledgers out until it is given back; another's is only taken
// by force.
func TestLockVolume(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	w.add("vault", "mem", vault)
	cfg, err := w.ledger.Provider(t.Context(), "vault")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.ledger.PutProvider(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	v := w.volume("data")
	if v, err = w.LockVolume(t.Context(), api.LockVolumeRequest{VolumeRequest: of("data"), Who: "ada@desk"}); err != nil || v.Lock == nil || v.Lock.Holder != w.ledger.ID()+" ada@desk" {
		t.Fatalf("%+v, %v", v.Lock, err)
	}
	_, err = other.LockVolume(t.Context(), api.LockVolumeRequest{VolumeRequest: of("data"), Who: "bob@desk"})
	refused(t, err, core.Busy, "ada@desk")
	_, err = other.RemoveVolume(t.Context(), of("data"))
	refused(t, err, core.Busy, "ada@desk")
	_, err = other.UnlockVolume(t.Context(), api.UnlockVolumeRequest{VolumeRequest: of("data"), Who: "bob@desk"})
	refused(t, err, core.Denied, "ada@desk")
	_, err = other.MapVolume(t.Context(), api.MapVolumeRequest{VolumeRequest: of("data"), From: core.Consumer{Kinds: []core.ConnectionKind{core.ConnectISCSI}, InitiatorIQN: "iqn.2026-01.dev.meson:map-2"}})
	refused(t, err, core.Busy, "ada@desk")
	if v, err := other.UnlockVolume(t.Context(), api.UnlockVolumeRequest{VolumeRequest: of("data"), Who: "bob@desk", Force: true}); err != nil || v.Lock != nil || v.Ours {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := other.RemoveVolume(t.Context(), of("data")); err != nil {
		t.Errorf("a volume of another ledger: %v", err)
	}
}

// A mapping has the way to the volume again when it is asked for again, and keeps
// no secret of it.
func TestMapVolume(t *testing.T) {
	w := newWorld(t)
	w.add("vault", "mem", vault)
	w.volume("data")
	req := api.MapVolumeRequest{VolumeRequest: of("data"), Who: "ada@desk", From: core.Consumer{Kinds: []core.ConnectionKind{core.ConnectISCSI}, InitiatorIQN: "iqn.2026-01.dev.meson:map-1"}}
	made, err := w.MapVolume(t.Context(), req)
	if err != nil || made.Attachment.Connection.ISCSI == nil {
		t.Fatalf("%+v, %v", made, err)
	}
	password := made.Attachment.Connection.ISCSI.CHAPPassword.Reveal()
	req.ID = made.Attachment.ID
	again, err := w.MapVolume(t.Context(), req)
	if err != nil || again.Attachment.Connection.ISCSI.CHAPPassword.Reveal() != password || password == "" {
		t.Errorf("%+v, %v", again, err)
	}
	events, err := w.Events(t.Context(), "", 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if strings.Contains(e.Text, password) {
			t.Errorf("the event %s has the password", e.Step)
		}
	}
	if who := made.Volume.Uses; len(who) != 1 || who[0].Holder != "ada@desk" {
		t.Errorf("used by %+v", who)
	}
	list, err := w.Mappings(t.Context())
	if err != nil || len(list) != 1 || list[0].Holder != "ada@desk" {
		t.Errorf("%+v, %v", list, err)
	}
	// Whoever comes second is told at once who has it, and nothing of theirs is recorded.
	second := req
	second.ID, second.Who = "", "bob@desk"
	for _, second.ReadOnly = range []bool{false, true} {
		_, err := w.MapVolume(t.Context(), second)
		e, ok := errors.AsType[*core.Error](err)
		if !ok || e.Kind != core.Busy || !strings.Contains(e.Text, "ada@desk writes to it since") || !strings.Contains(e.Hint, "meson volume unmap") {
			t.Errorf("a second one, reading %v: %v", second.ReadOnly, err)
		}
	}
	if after, err := w.Events(t.Context(), "", 0, 1000); err != nil || len(after) != len(events) {
		t.Errorf("%d events, and %d before; %v", len(after), len(events), err)
	}
	for range 2 {
		if err := w.UnmapVolume(t.Context(), made.Attachment.ID, false); err != nil {
			t.Error(err)
		}
	}
	if v, _, err := w.ShowVolume(t.Context(), "data"); err != nil || len(v.Uses) != 0 {
		t.Errorf("%+v, %v", v, err)
	}
}

// The price of a machine with volumes is the sum, and binds as a whole.
func TestDeployWithVolumes(t *testing.T) {
	w := newWorld(t)
	w.add("vault", "mem", vault)
	w.add("hosts", "mem", hosts)
	p := pledge()
	p.Volumes = []core.VolumeRequest{{Name: "data", SizeMiB: 10 << 10}, {Name: "scratch", SizeMiB: 1024, Volatile: true}}
	a := w.mustDeploy(api.DeployRequest{Name: "web", Pledge: p})
	alone, err := w.Offers(t.Context(), api.OffersRequest{Pledge: pledge(), Policy: place.Policy{Provider: "hosts"}})
	if err != nil || len(alone.Quotes) == 0 {
		t.Fatal(alone, err)
	}
	sum := alone.Quotes[0].Price.Total
	for _, c := range a.Offer.Volumes {
		if sum, err = sum.Add(c.Quote.Price.Total); err != nil {
			t.Fatal(err)
		}
	}
	if a.Offer.Price.Total.String() != sum.String() || len(a.Volumes) != 2 {
		t.Errorf("it costs %s, its parts %s; volumes %v", a.Offer.Price.Total, sum, a.Volumes)
	}
	explained, err := w.Quote(t.Context(), a.Offer.ID)
	if err != nil || !explained.Recomputed {
		t.Errorf("%s, %v", explained.NotRecomputed, err)
	}
	if _, err := w.Remove(t.Context(), api.RemoveRequest{Name: "web"}); err != nil {
		t.Fatal(err)
	}
	list, _, err := w.ListVolumes(t.Context(), "vault")
	if err != nil || len(list) != 1 || list[0].Name != "data" {
		t.Errorf("left: %+v, %v", list, err)
	}
	// One that a machine cannot reach is not silently left out.
	p.Volumes = []core.VolumeRequest{{VID: "vol-unknown"}}
	_, err = w.deploy(api.DeployRequest{Pledge: p})
	if e, ok := err.(*core.Error); !ok || e.Kind != core.NoOffer || !strings.Contains(strings.Join(faultTexts(e), "\n"), "volume vol-unknown") {
		t.Errorf("%+v", err)
	}
}

func faultTexts(e *core.Error) (texts []string) {
	for _, f := range e.Faults {
		texts = append(texts, f.Text)
	}
	return texts
}

// A machine that boots from a volume that exists is not charged for the disk of an
// image, neither as shown nor as bought; one with a new volume is, since that is
// empty.
func TestPriceOfAMachineThatBootsFromAVolume(t *testing.T) {
	w := newWorld(t)
	w.add("vault", "mem", vault)
	w.add("hosts", "mem", hosts)
	boot, err := w.CreateVolume(t.Context(), api.CreateVolumeRequest{Name: "root", Spec: core.VolumeSpec{SizeBytes: gib, Bootable: true}})
	if err != nil {
		t.Fatal(err)
	}
	plain := w.volume("data")
	for name, c := range map[string]struct {
		volume core.VolumeRequest
		disk   bool
	}{
		"boots from it":  {core.VolumeRequest{VID: boot.ID}, false},
		"only holds it":  {core.VolumeRequest{VID: plain.ID}, true},
		"a new, empty 1": {core.VolumeRequest{Name: "new", SizeMiB: 1024, Bootable: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := pledge()
			p.Volumes = []core.VolumeRequest{c.volume}
			shown, err := w.Offers(t.Context(), api.OffersRequest{Pledge: p})
			if err != nil || len(shown.Quotes) == 0 {
				t.Fatalf("%+v, %v", shown.Reasons, err)
			}
			a := w.mustDeploy(api.DeployRequest{Pledge: p, OfferID: shown.Quotes[0].ID})
			for what, q := range map[string]core.Quote{"shown": shown.Quotes[0], "bought": *a.Offer} {
				has := slices.ContainsFunc(q.MachinePrice().Lines, func(l pricing.Line) bool { return l.SKU == "disk" })
				if has != c.disk || q.Volumes[0].Boot == c.disk {
					t.Errorf("%s: a disk is in its price: %v; it boots from the volume: %v", what, has, q.Volumes[0].Boot)
				}
			}
			if a.Pledge.Volumes[0] != c.volume {
				t.Errorf("the spec is kept as %+v", a.Pledge.Volumes[0])
			}
			if _, err := w.Remove(t.Context(), api.RemoveRequest{Name: a.ID}); err != nil {
				t.Error(err)
			}
		})
	}
}
