package vault

import (
	"cmp"
	"strings"
	"testing"
	"time"
)

// place is a volume "x" in a vault.
func place(vault string, epoch uint64, raisedAt string, change ...func(*Volume)) *Volume {
	v := &Volume{ID: "x", VaultID: vault, Folder: "/" + vault + "/x.elimg", State: State{Version: 1, Epoch: epoch, EpochAt: raisedAt}}
	for _, c := range change {
		c(v)
	}
	return v
}

func inUse(v *Volume) {
	v.State.Uses = []Use{{ID: "a", Writable: true, Since: time.Unix(1, 0)}}
}

func unclear(v *Volume) {
	v.fault(true, "not JSON")
	v.broken = true
}

// Which of several places of one volume may be written, and which is read.
func TestPlaces(t *testing.T) {
	truncated := func(v *Volume) { v.fault(false, "cut off") }
	gone := func(v *Volume) { v.fault(true, "no image") }
	copiedInUse := func(v *Volume) {
		inUse(v)
		v.State.Uses[0].Vault = "z"
	}
	for name, tt := range map[string]struct {
		vols []*Volume
		// want is the vault of the authority, why what is said where there is none.
		want, why string
		first     string
		epoch     uint64
		// read is the vault whose place is read, if it is not that of the authority;
		// "none": nobody says which.
		read string
	}{
		"alone":                                        {vols: []*Volume{place("a", 0, "")}, want: "a", first: "a"},
		"alone, used elsewhere before":                 {vols: []*Volume{place("a", 3, "z")}, want: "a", first: "a", epoch: 3},
		"the highest":                                  {vols: []*Volume{place("a", 3, "a"), place("b", 4, "b"), place("c", 1, "c")}, want: "b", first: "b", epoch: 4},
		"never written: the first":                     {vols: []*Volume{place("a", 0, ""), place("b", 0, "")}, want: "a", first: "a"},
		"one was written":                              {vols: []*Volume{place("a", 0, ""), place("b", 1, "b")}, want: "b", first: "b", epoch: 1},
		"a copy":                                       {vols: []*Volume{place("a", 5, "b"), place("b", 5, "b")}, want: "b", first: "b", epoch: 5},
		"a copy that has gone on":                      {vols: []*Volume{place("a", 6, "a"), place("b", 5, "b")}, want: "a", first: "a", epoch: 6},
		"two copies of a third":                        {vols: []*Volume{place("a", 5, "c"), place("b", 5, "c")}, why: "both have epoch 5", first: "a", epoch: 5, read: "a"},
		"two vaults of one id":                         {vols: []*Volume{place("a", 5, "a"), place("a", 5, "a")}, why: "both have epoch 5", first: "a", epoch: 5, read: "none"},
		"both raised to the same":                      {vols: []*Volume{place("a", 5, "a"), place("b", 5, "b")}, why: "both have epoch 5", first: "a", epoch: 5, read: "none"},
		"the highest has faults":                       {vols: []*Volume{place("a", 4, "a"), place("b", 5, "b", truncated)}, why: "cut off", first: "b", epoch: 5, read: "b"},
		"the highest is unreadable":                    {vols: []*Volume{place("b", 5, "b", gone), place("a", 4, "a")}, why: "no image", first: "a", epoch: 5, read: "none"},
		"one does not say its epoch":                   {vols: []*Volume{place("a", 4, "a"), place("b", 0, "", unclear)}, why: "may be newer", first: "a", epoch: 4, read: "none"},
		"the old one is being written":                 {vols: []*Volume{place("a", 4, "a", inUse), place("b", 5, "b")}, why: "being written too", first: "b", epoch: 5, read: "none"},
		"a copy made while in use":                     {vols: []*Volume{place("a", 4, "b", inUse), place("b", 5, "b", inUse)}, want: "b", first: "b", epoch: 5},
		"alone, with faults":                           {vols: []*Volume{place("a", 4, "a", truncated)}, why: "cut off", first: "a", epoch: 4, read: "a"},
		"alone, unclear":                               {vols: []*Volume{place("a", 0, "", unclear)}, why: "not JSON", first: "a", read: "a"},
		"the highest has faults, and a whole copy":     {vols: []*Volume{place("a", 5, "b"), place("b", 5, "b", truncated)}, why: "cut off", first: "b", epoch: 5, read: "a"},
		"the highest is unreadable, and has a copy":    {vols: []*Volume{place("a", 4, "a"), place("b", 5, "b", gone), place("c", 5, "b")}, why: "no image", first: "c", epoch: 5, read: "c"},
		"the same, copied while it was written":        {vols: []*Volume{place("b", 5, "b", gone), place("c", 5, "b", copiedInUse)}, why: "no image", first: "c", epoch: 5, read: "none"},
		"the same, and it is written":                  {vols: []*Volume{place("b", 5, "b", gone, inUse), place("c", 5, "b")}, why: "no image", first: "c", epoch: 5, read: "b"},
		"never written, the first cannot be read":      {vols: []*Volume{place("a", 0, "", gone), place("b", 0, "")}, want: "b", first: "b"},
		"a copy of one that is gone, and an older one": {vols: []*Volume{place("a", 3, "a"), place("b", 5, "c")}, want: "b", first: "b", epoch: 5},
	} {
		t.Run(name, func(t *testing.T) {
			var vaults [][]*Volume
			for _, v := range tt.vols {
				vaults = append(vaults, []*Volume{v, {Folder: "/no/id.elimg"}})
			}
			all := Places(vaults...)
			p := all["x"]
			if len(all) != 1 || len(p.All) != len(tt.vols) {
				t.Fatalf("%d places, %d folders", len(all), len(p.All))
			}
			got := ""
			if p.Authority != nil {
				got = p.Authority.VaultID
			}
			if got != tt.want || !strings.Contains(p.Why, tt.why) || (p.Why == "") != (tt.why == "") {
				t.Errorf("authority %q, why %q: want %q, %q", got, p.Why, tt.want, tt.why)
			}
			read, why := p.Reader()
			switch {
			case tt.read == "none":
				if read != nil || why == "" {
					t.Errorf("%v is read (%q): want none", read, why)
				}
			case read == nil || read.VaultID != cmp.Or(tt.read, tt.want) || why != "":
				t.Errorf("%v is read (%q): want that in %s", read, why, cmp.Or(tt.read, tt.want))
			}
			if p.All[0].VaultID != tt.first || p.Epoch != tt.epoch {
				t.Errorf("first %q, epoch %d: want %q, %d", p.All[0].VaultID, p.Epoch, tt.first, tt.epoch)
			}
		})
	}
}

// A volume that is copied to another vault, written here, copied again, written
// there: who is written is always the newer one.
func TestPlacesOfRealCopies(t *testing.T) {
	a, b := openVault(t), openVault(t)
	vol := create(t, a, small("k"))
	places := func() *Place {
		return Places(list(t, a), list(t, b))[vol.ID]
	}
	write := func(v *Vault, id string) {
		p := places()
		if p.Authority == nil || p.Authority.VaultID != v.ID() {
			t.Fatalf("%s: the authority is %v (%s)", id, p.Authority, p.Why)
		}
		w := writer(id)
		w.After = p.Epoch
		begin(t, v, p.Authority, w)
		if _, err := v.EndUse(t.Context(), p.Authority.Ref(), id, fenced); err != nil {
			t.Fatal(err)
		}
	}
	write(a, "one")
	copyTree(t, vol.Folder, b.Root()+"/"+vol.ID+suffix)
	write(a, "two")
	if p := places(); p.Epoch != 2 || len(p.All) != 2 {
		t.Errorf("%+v", p)
	}
	if _, err := a.Delete(t.Context(), vol.Ref(), "b1"); err != nil {
		t.Fatal(err)
	}
	write(b, "three")
}
