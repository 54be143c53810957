package alloc_test

import (
	"context"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/ledger"
)

// withVaults gives a world two vaults; the first has a volume of somebody's, old.
func withVaults(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, "0.01", "0.02")
	w.vaults = map[string]*vault{}
	for name, amount := range map[string]string{"v1": "1", "v2": "2"} {
		w.vaults[name] = newVault(name, amount, w.holds)
		if err := w.ledger.PutProvider(t.Context(), core.ProviderConfig{Name: name, Plugin: "vault"}); err != nil {
			t.Fatal(err)
		}
	}
	old := w.vaults["v1"].put("old", core.Owner{}, core.VolumeSpec{SizeBytes: 1 << 30})
	delete(w.vaults["v1"].volumes, old.ID)
	old.ID = "old"
	w.vaults["v1"].volumes["old"] = old
	for _, c := range w.clouds {
		c.serves = w.serves
		c.consumer = core.Consumer{Kinds: []core.ConnectionKind{core.ConnectISCSI}, Host: c.name}
	}
	return w
}

// holds reports whether a machine has an attachment.
func (w *world) holds(attachment string) bool {
	for _, c := range w.clouds {
		if c.has(attachment) {
			return true
		}
	}
	return false
}

func (w *world) serves(attachment string) bool {
	for _, v := range w.vaults {
		if v.serves(attachment) {
			return true
		}
	}
	return false
}

// volumePledge asks for one that exists, one that stays and one that goes.
func volumePledge() core.Pledge {
	return core.Pledge{Slots: 1, UserData: core.NewSecret("#!/bin/true"), Volumes: []core.VolumeRequest{
		{VID: "old"}, {Name: "data", SizeMiB: 256}, {Name: "scratch", SizeMiB: 128, Volatile: true},
	}}
}

// volumeRequest places c1 and then c2, with volumes of the vaults of these names.
func (w *world) volumeRequest(vaults ...string) alloc.Request {
	req := alloc.Request{Name: "web1", Pledge: volumePledge(), PledgeHash: "h"}
	for i, name := range []string{"c1", "c2"} {
		q := w.clouds[name].quote("q-" + name)
		choices := []core.VolumeChoice{{Index: 0, Name: "old", Provider: "v1", VolumeID: "old"}}
		for n, want := range req.Pledge.Volumes {
			if want.VID == "" {
				v := w.vaults[vaults[i%len(vaults)]]
				quote := v.quote(want.Spec())
				choices = append(choices, core.VolumeChoice{Index: n, Name: want.Name, Provider: v.name, Quote: &quote})
			}
		}
		whole, err := q.WithVolumes(choices, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		req.Placement.Quotes = append(req.Placement.Quotes, whole)
	}
	return req
}

// volumeTruth fails the test unless all that is at the vaults is known, and
// nothing is left that must not be.
func (w *world) volumeTruth(id string) core.Allocation {
	w.t.Helper()
	ctx := context.Background()
	a := w.truth(id)
	records, err := w.ledger.Volumes(ctx, ledger.VolumeFilter{})
	if err != nil {
		w.t.Fatal(err)
	}
	open, err := w.ledger.Attachments(ctx, ledger.AttachmentFilter{})
	if err != nil {
		w.t.Fatal(err)
	}
	byKey := map[string]core.VolumeRecord{}
	for _, r := range records {
		byKey[r.Owner.Key] = r
		if r.Allocation == id && a.State.Final() && !r.Keep {
			w.t.Errorf("machine is %s, and volume %s of it is %s", a.State, r.Name, r.State)
		}
	}
	byID := map[string]core.AttachmentRecord{}
	for _, x := range open {
		byID[x.ID] = x
	}
	exported := 0
	for _, v := range w.vaults {
		for _, k := range v.volumes {
			if r, known := byKey[k.Owner.Key]; k.Owner.Broker != "" && !known {
				w.t.Errorf("volume %s at %s is paid for and nobody knows of it", k.Name, v.name)
			} else if known && a.State == core.Failed && r.Allocation == id {
				w.t.Errorf("the machine failed, and volume %s of it is at %s", k.Name, v.name)
			}
			writers := 0
			for attachment, req := range k.exports {
				exported++
				if _, known := byID[attachment]; !known {
					w.t.Errorf("volume %s at %s is exported to %s, and nobody knows", k.Name, v.name, attachment)
				}
				if !req.ReadOnly {
					writers++
				}
			}
			if writers > 1 {
				w.t.Errorf("volume %s at %s has %d writers", k.Name, v.name, writers)
			}
		}
	}
	if w.vaults["v1"].volumes["old"] == nil {
		w.t.Error("the volume that was there before is gone")
	}
	if a.State.Final() && exported > 0 {
		w.t.Errorf("machine is %s, and %d exports are left", a.State, exported)
	}
	if a.State == core.Running {
		for _, x := range open {
			if x.State != core.AttachmentAttached || !w.holds(x.ID) || !w.serves(x.ID) {
				w.t.Errorf("attachment %s is %s; held %v, served %v", x.ID, x.State, w.holds(x.ID), w.serves(x.ID))
			}
		}
	}
	return a
}

// paid are the names of the volumes that this ledger made and that are there.
func (w *world) paid() map[string]string {
	all := map[string]string{}
	for _, v := range w.vaults {
		for _, k := range v.volumes {
			if k.Owner.Broker != "" {
				all[k.Name] = v.name
			}
		}
	}
	return all
}
