package alloc_test

import (
	"sync"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/ledger"
)

// together lets calls go on when so many are there.
type together struct {
	mu   sync.Mutex
	want map[string]int
	met  map[string]chan struct{}
	late map[string]int
}

func meeting(want map[string]int) *together {
	m := &together{want: want, met: map[string]chan struct{}{}, late: map[string]int{}}
	for call := range want {
		m.met[call] = make(chan struct{})
	}
	return m
}

func (m *together) enter(call string) {
	m.mu.Lock()
	if m.want[call]--; m.want[call] == 0 {
		close(m.met[call])
	}
	met := m.met[call]
	m.mu.Unlock()
	select {
	case <-met:
	case <-time.After(5 * time.Second):
		m.mu.Lock()
		m.late[call]++
		m.mu.Unlock()
	}
}

func manyVolumes(w *world, n int) alloc.Request {
	req := alloc.Request{Name: "web1", Pledge: core.Pledge{Slots: 1, Volumes: []core.VolumeRequest{{VID: "old"}}}, PledgeHash: "h"}
	choices := []core.VolumeChoice{{Index: 0, Name: "old", Provider: "v1", VolumeID: "old"}}
	for i := range n {
		want := core.VolumeRequest{Name: "data" + itoa(i), SizeMiB: 128}
		req.Pledge.Volumes = append(req.Pledge.Volumes, want)
		quote := w.vaults["v1"].quote(want.Spec())
		choices = append(choices, core.VolumeChoice{Index: i + 1, Name: want.Name, Provider: "v1", Quote: &quote})
	}
	whole, err := w.clouds["c1"].quote("q").WithVolumes(choices, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Placement.Quotes = []core.Quote{whole}
	return req
}

// The volumes of a machine are made at the same time, and then exported at the same
// time; the machine gets them in the order of its pledge, and steps are told of one
// at a time.
func TestVolumesAtOnce(t *testing.T) {
	w := withVaults(t)
	m := meeting(map[string]int{"create": 4, "export": 5})
	w.vaults["v1"].entered = m.enter
	told := 0
	a, err := w.engine(nil).Start(t.Context(), manyVolumes(w, 4), func(string, string, int) { told++ }) // the race detector sees to it
	if err != nil {
		t.Fatal(err)
	}
	w.volumeTruth(a.ID)
	if len(m.late) > 0 {
		t.Errorf("one waited for another to be done: %v", m.late)
	}
	var got string
	for _, x := range a.Instance.Attachments {
		got += x.Name + " "
	}
	if got != "old data0 data1 data2 data3 " || told == 0 {
		t.Errorf("the machine has %s", got)
	}
}

// So many at a time are asked for, and no more.
func TestVolumesAtOnceAreBounded(t *testing.T) {
	w := withVaults(t)
	var mu sync.Mutex
	now, most := 0, 0
	w.vaults["v1"].entered = func(string) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		time.Sleep(5 * time.Millisecond)
		mu.Lock()
		now--
		mu.Unlock()
	}
	a, err := w.engine(nil).Start(t.Context(), manyVolumes(w, 20), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.volumeTruth(a.ID)
	if most < 2 || most > 8 {
		t.Errorf("%d at a time", most)
	}
}

// One volume whose outcome is not known has the plugin restarted, and not while
// another one is being made by it.
func TestRestartWaitsForOtherVolumes(t *testing.T) {
	w := withVaults(t)
	v := w.vaults["v1"]
	m := meeting(map[string]int{"create": 2})
	var once sync.Once
	v.entered = func(call string) {
		if call != "create" {
			return
		}
		m.enter(call)
		first := false
		once.Do(func() { first = true })
		if !first {
			time.Sleep(50 * time.Millisecond)
		}
	}
	v.createFault = onFirst(true, core.Uncertain)
	engine := w.engine(nil)
	engine.Patience = 20 * time.Second
	a, err := engine.Start(t.Context(), manyVolumes(w, 2), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.volumeTruth(a.ID)
	if n := v.cut.Load(); n > 0 || v.restarts.Load() == 0 {
		t.Errorf("%d restarts cut off %d calls", v.restarts.Load(), n)
	}
}

// What is refused gives the attempt up once those under way are made: the next
// offer uses them.
func TestVolumesMadeBesideARefusedOne(t *testing.T) {
	w := withVaults(t)
	v := w.vaults["v1"]
	m := meeting(map[string]int{"create": 2})
	v.entered = func(call string) {
		if call == "create" {
			m.enter(call)
		}
	}
	v.createFault = func(n int, after bool) error {
		if n == 1 && !after {
			return core.Errorf(core.Exhausted, "full")
		}
		return nil
	}
	a, err := w.engine(nil).Start(t.Context(), w.volumeRequest("v1"), nil)
	if err != nil || a.Offer.Provider != "c2" {
		t.Fatal(a.Offer, err)
	}
	w.volumeTruth(a.ID)
	records, err := w.ledger.Volumes(t.Context(), ledger.VolumeFilter{Allocation: a.ID, Final: true})
	if err != nil || v.creates != 3 || len(records) != 3 || len(w.paid()) != 2 {
		t.Errorf("%d were asked for, recorded %d, there are %v; %v", v.creates, len(records), w.paid(), err)
	}
}

// A volume that somebody has is waited for once, not again for every offer that
// needs it.
func TestVolumeInUseIsWaitedForOnce(t *testing.T) {
	for name, c := range map[string]struct {
		// elsewhere has the second offer take another volume.
		elsewhere bool
		attempts  int
	}{
		"all offers need it": {false, 1}, "another one does not": {true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := withVaults(t).withMore()
			w.vaults["v1"].exportFault = func(int, bool) error { return core.Errorf(core.Busy, "somebody has it") }
			req := w.volumeRequest("v2")
			if c.elsewhere {
				req.Placement.Quotes[1].Volumes[0].Provider, req.Placement.Quotes[1].Volumes[0].VolumeID = "v2", "more"
			}
			a, err := w.engine(nil).Start(t.Context(), req, nil)
			w.volumeTruth(a.ID)
			attempts, e := w.ledger.Attempts(t.Context(), a.ID)
			if e != nil || len(attempts) != c.attempts {
				t.Errorf("%d attempts, %v", len(attempts), e)
			}
			if want := map[bool]core.Kind{false: core.Busy, true: ""}[c.elsewhere]; core.KindOf(err) != want {
				t.Errorf("%v", err)
			}
		})
	}
}

// What a vault refuses is remembered as a cloud's refusals are, for volumes alone,
// and forgotten when it has made one.
func TestRefusalsOfVolumesAreRemembered(t *testing.T) {
	shape := core.VolumeShape(core.VolumeOffer{SizeBytes: 1 << 30})
	for name, c := range map[string]struct {
		counted bool
		origin  core.VolumeOrigin
		why     core.Error
		want    *core.Refusal
	}{
		"capacity":        {true, core.VolumeOrigin{}, core.Error{Kind: core.Exhausted, Scope: core.ScopeCapacity}, &core.Refusal{Zone: "z1", Shape: shape, Scope: core.ScopeCapacity}},
		"quota":           {true, core.VolumeOrigin{}, core.Error{Kind: core.Exhausted, Scope: core.ScopeQuota}, &core.Refusal{Shape: core.AllVolumes, Scope: core.ScopeQuota}},
		"funds":           {true, core.VolumeOrigin{}, core.Error{Kind: core.Exhausted, Scope: core.ScopeFunds}, &core.Refusal{Scope: core.ScopeFunds}},
		"credentials":     {true, core.VolumeOrigin{}, core.Error{Kind: core.Denied, Source: core.SourceProvider}, &core.Refusal{}},
		"an image":        {true, core.VolumeOrigin{ImageURL: "https://example.org/i"}, core.Error{Kind: core.Denied, Source: core.SourceProvider}, nil},
		"a wrong request": {true, core.VolumeOrigin{}, core.Error{Kind: core.Invalid}, nil},
		"live inventory":  {false, core.VolumeOrigin{}, core.Error{Kind: core.Exhausted, Scope: core.ScopeCapacity}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := withVaults(t)
			v := w.vaults["v1"]
			v.counted = c.counted
			v.createFault = func(int, bool) error { return &c.why }
			order := w.volumeOrder()
			order.Origin = c.origin
			if _, err := w.engine(nil).CreateVolume(t.Context(), order, nil); core.KindOf(err) != c.why.Kind {
				t.Fatal(err)
			}
			got, err := w.ledger.Refusals(t.Context(), time.Now())
			switch {
			case err != nil || c.want == nil && len(got) != 0 || c.want != nil && len(got) != 1:
				t.Fatalf("%+v, %v", got, err)
			case c.want == nil:
				return
			}
			r := got[0]
			if r.Provider != "v1" || r.Zone != c.want.Zone || r.Shape != c.want.Shape || r.Scope != c.want.Scope || r.Until.IsZero() != (c.why.Kind == core.Denied) {
				t.Errorf("%+v, want %+v", r, c.want)
			}
			if r.MatchesVolume(order.Quote.Offer, time.Now()) != true {
				t.Error("it is not about the offer that was refused")
			}
			v.createFault = nil
			if _, err := w.engine(nil).CreateVolume(t.Context(), w.volumeOrder(), nil); err != nil {
				t.Fatal(err)
			}
			if got, err := w.ledger.Refusals(t.Context(), time.Now()); err != nil || len(got) != 0 {
				t.Errorf("after a success: %+v, %v", got, err)
			}
		})
	}
}
