package kvm

import (
	"os"
	"testing"

	"github.com/mesoncloud/meson/sdk"
)

// While a machine is being made its volumes are not to be changed; of two who attach
// the same at the same time one waits for the other.
func TestAttachAtTheSameTime(t *testing.T) {
	l := theLab(t)
	g := newGate("disk.made")
	p := openProvider(t, l.config("boot", l.hosts()[2]), Hooks{Step: g.step})
	broker := unique(t)
	req := plainRequest(broker, broker+"-s", l.hosts()[2], bootPledge())
	away(t, p, req.GetOwner())
	in, err := p.Create(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	path := blank(t, "", 1<<20)
	if _, err := tryAttach(t.Context(), p, in, fileAttachment(t, p, "f-1", path, "raw", false)); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("Attach while the machine is made: %v, want Busy", err)
	}
	if _, err := tryDetach(t.Context(), p, in, "f-1"); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("Detach while the machine is made: %v, want Busy", err)
	}
	close(g.open)
	in = until(t, p, req)
	// Two processes, as it were: what they share is the host.
	other := openProvider(t, p.config, Hooks{})
	errs := make(chan error, 8)
	for i := range cap(errs) {
		by := []*Provider{p, other}[i%2]
		a := fileAttachment(t, p, "f-1", path, "raw", false)
		if i >= 4 {
			a = fileAttachment(t, p, "f-2", path+"2", "raw", false)
		}
		go func() {
			_, err := tryAttach(t.Context(), by, in, a)
			errs <- err
		}()
	}
	if err := os.WriteFile(path+"2", make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	busy := 0
	for range cap(errs) {
		if err := <-errs; sdk.KindOf(err) == sdk.Busy || sdk.KindOf(err) == sdk.Unavailable {
			busy++
		} else if err != nil {
			t.Errorf("one of several: %v", err)
		}
	}
	for _, id := range []string{"f-1", "f-2"} {
		file := path
		if id == "f-2" {
			file += "2"
		}
		attach(t, p, in, fileAttachment(t, p, id, file, "raw", false))
		if have := wiredAs(t, p, in.GetId(), id); have != (wired{true, true, false, true}) {
			t.Errorf("%s: %+v (%d of 8 calls were Busy)", id, have, busy)
		}
	}
}
