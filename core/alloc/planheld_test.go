package alloc

import (
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/pricing"
)

func TestPlanHeld(t *testing.T) {
	const (
		refused = core.AttemptRefused
		made    = core.AttemptMade
	)
	attached := func(attempt int, state core.AttachmentState) core.AttachmentRecord {
		return core.AttachmentRecord{ID: string(state), Attempt: attempt, State: state}
	}
	volume := func(state core.VolumeRecordState, keep bool) core.VolumeRecord {
		return core.VolumeRecord{State: state, Keep: keep}
	}
	for _, c := range []struct {
		name        string
		state       core.State
		abandon     bool
		attempts    []core.AttemptState
		attachments []core.AttachmentRecord
		volumes     []core.VolumeRecord
		want        move
	}{
		{"under way", core.Creating, false, []core.AttemptState{core.AttemptIntended}, []core.AttachmentRecord{attached(1, core.AttachmentExported)}, []core.VolumeRecord{volume(core.VolumeIntended, false)}, carryOn},
		{"the machine goes first", core.Creating, false, []core.AttemptState{core.AttemptUndoing}, []core.AttachmentRecord{attached(1, core.AttachmentExported)}, nil, undo},
		{"then the ways to its volumes", core.Creating, false, []core.AttemptState{refused}, []core.AttachmentRecord{attached(1, core.AttachmentEnded), attached(1, core.AttachmentExported)}, []core.VolumeRecord{volume(core.VolumeMade, false)}, takeOff},
		{"a volume is kept for the next offer", core.Creating, false, []core.AttemptState{refused}, []core.AttachmentRecord{attached(1, core.AttachmentEnded)}, []core.VolumeRecord{volume(core.VolumeMade, false)}, try},
		{"one that does not fit is not", core.Creating, false, []core.AttemptState{refused}, nil, []core.VolumeRecord{volume(core.VolumeUndoing, false)}, unmake},
		{"after the last offer it goes", core.Creating, false, []core.AttemptState{refused, refused}, nil, []core.VolumeRecord{volume(core.VolumeMade, false)}, unmake},
		{"and then it has failed", core.Creating, false, []core.AttemptState{refused, refused}, nil, []core.VolumeRecord{volume(core.VolumeRefused, false)}, fail},
		{"given up, with a volume", core.Creating, true, []core.AttemptState{refused}, nil, []core.VolumeRecord{volume(core.VolumeIntended, false)}, unmake},
		{"running", core.Running, false, []core.AttemptState{made}, []core.AttachmentRecord{attached(1, core.AttachmentAttached)}, []core.VolumeRecord{volume(core.VolumeMade, true), volume(core.VolumeMade, false)}, settled},
		{"running, with one half attached", core.Running, false, []core.AttemptState{made}, []core.AttachmentRecord{attached(0, core.AttachmentExported)}, nil, attach},
		{"running, with one being taken off", core.Running, false, []core.AttemptState{made}, []core.AttachmentRecord{attached(1, core.AttachmentEnding)}, nil, takeOff},
		{"running, and a volume that was kept is being removed", core.Running, false, []core.AttemptState{made}, nil, []core.VolumeRecord{volume(core.VolumeUndoing, true)}, settled},
		{"releasing", core.Releasing, false, []core.AttemptState{made}, []core.AttachmentRecord{attached(1, core.AttachmentAttached)}, []core.VolumeRecord{volume(core.VolumeMade, false)}, undo},
		{"released, with a way", core.Releasing, false, []core.AttemptState{core.AttemptRemoved}, []core.AttachmentRecord{attached(0, core.AttachmentAttached)}, []core.VolumeRecord{volume(core.VolumeMade, false)}, takeOff},
		{"released, with a volatile volume", core.Releasing, false, []core.AttemptState{core.AttemptRemoved}, []core.AttachmentRecord{attached(0, core.AttachmentEnded)}, []core.VolumeRecord{volume(core.VolumeMade, false)}, unmake},
		{"released, with a volume that stays", core.Releasing, false, []core.AttemptState{core.AttemptRemoved}, nil, []core.VolumeRecord{volume(core.VolumeMade, true)}, vanish},
		{"gone", core.Gone, false, []core.AttemptState{core.AttemptRemoved}, nil, []core.VolumeRecord{volume(core.VolumeMade, true)}, settled},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := core.Allocation{State: c.state, Abandoned: c.abandon, Placement: core.Placement{Quotes: make([]core.Quote, 2)}}
			var attempts []core.Attempt
			for i, s := range c.attempts {
				attempts = append(attempts, core.Attempt{Number: i + 1, State: s})
			}
			got := planHeld(a, attempts, ledger.Held{Volumes: c.volumes, Attachments: c.attachments})
			if got.move != c.want {
				t.Errorf("plan is %v, want %v", got.move, c.want)
			}
			if got.move == takeOff && (got.attachment == nil || got.attachment.State == core.AttachmentEnded) || got.move == unmake && got.volume == nil {
				t.Errorf("of %+v %+v", got.attachment, got.volume)
			}
		})
	}
}

func TestProvision(t *testing.T) {
	attempt := core.Attempt{Number: 2, Quote: core.Quote{Volumes: []core.VolumeChoice{
		{Index: 0, VolumeID: "old"}, {Index: 1, Quote: &core.VolumeQuote{}}, {Index: 2, Quote: &core.VolumeQuote{}},
	}}}
	record := func(index int, state core.VolumeRecordState) core.VolumeRecord {
		return core.VolumeRecord{Index: index, State: state}
	}
	var held ledger.Held
	expect := func(step string, want need, missing ...int) {
		t.Helper()
		got, choices, unmade := provision(attempt, held)
		if got != want || len(choices) != len(missing) {
			t.Fatalf("%s: %v of %+v, want %v of %v", step, got, choices, want, missing)
		}
		for i := range missing {
			if choices[i].Index != missing[i] {
				t.Errorf("%s: %+v, want %v", step, choices, missing)
			}
		}
		if (got == makeVolumes) != (len(unmade) > 0) {
			t.Errorf("%s: volumes %+v", step, unmade)
		}
	}
	expect("at first", recordVolumes, 1, 2)
	held.Volumes = []core.VolumeRecord{record(1, core.VolumeRefused), record(1, core.VolumeMade)}
	expect("with one of an earlier attempt", recordVolumes, 2)
	held.Volumes = append(held.Volumes, record(2, core.VolumeIntended))
	expect("with one intended", makeVolumes)
	held.Volumes[2].State = core.VolumeMade
	held.Attachments = []core.AttachmentRecord{{Attempt: 1, Index: 0, State: core.AttachmentEnded}}
	expect("with all made", recordAttachments, 0, 1, 2)
	for i := range 3 {
		held.Attachments = append(held.Attachments, core.AttachmentRecord{Attempt: 2, Index: i, State: core.AttachmentIntended})
	}
	expect("with all recorded", ready)
}

func TestReuse(t *testing.T) {
	money := func(amount, code string) pricing.Quote {
		m, err := pricing.NewMoney(amount, code)
		if err != nil {
			t.Fatal(err)
		}
		return pricing.Quote{Currency: code, Total: m, Hour: m}
	}
	quote := core.Quote{Offer: core.Offer{Consumer: core.Consumer{Kinds: []core.ConnectionKind{core.ConnectISCSI}, Host: "h1"}}, Volumes: []core.VolumeChoice{
		{Index: 0, Provider: "v2", Quote: &core.VolumeQuote{ID: "shown", Price: money("2", "EUR")}},
	}}
	for name, c := range map[string]struct {
		state core.VolumeRecordState
		price pricing.Quote
		host  string
		index int
		fits  bool
	}{
		"cheaper":              {core.VolumeMade, money("1", "EUR"), "", 0, true},
		"at the same price":    {core.VolumeMade, money("2", "EUR"), "h1", 0, true},
		"dearer":               {core.VolumeMade, money("2.01", "EUR"), "", 0, false},
		"in another currency":  {core.VolumeMade, money("1", "USD"), "", 0, false},
		"out of reach":         {core.VolumeMade, money("1", "EUR"), "h2", 0, false},
		"never made":           {core.VolumeIntended, money("1", "EUR"), "", 0, false},
		"of no use any longer": {core.VolumeMade, money("1", "EUR"), "", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := core.VolumeRecord{State: c.state, Index: c.index, Provider: "v1", Quote: core.VolumeQuote{ID: "bought", Price: c.price, Offer: core.VolumeOffer{
				Exposures: []core.Exposure{{Kind: core.ConnectISCSI, Host: c.host}}, ExpiresAt: time.Now(),
			}}}
			got, misfit := reuse(quote, ledger.Held{Volumes: []core.VolumeRecord{{State: core.VolumeRefused}, v}})
			if (misfit == nil) != c.fits {
				t.Fatalf("misfit %+v", misfit)
			}
			if c.fits && (got.Volumes[0].Quote.ID != "bought" || got.Volumes[0].Provider != "v1") || quote.Volumes[0].Quote.ID != "shown" {
				t.Errorf("%+v of %+v", got.Volumes[0], quote.Volumes[0])
			}
		})
	}
}
