package kvm

import (
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// A machine is made, found, listed and removed, and nothing of it remains.
func TestLife(t *testing.T) {
	l := theLab(t)
	p := openProvider(t, l.config("boot", l.hosts()[0]), Hooks{})
	broker := unique(t)
	req := labRequest(t, p, broker, broker+"-web", bootPledge())
	away(t, p, req.GetOwner())
	began := time.Now()
	in := until(t, p, req)
	t.Logf("running after %v: %v", time.Since(began), in)
	got, err := p.Get(t.Context(), &pb.GetRequest{Owner: req.GetOwner()})
	if err != nil {
		t.Fatal(err)
	}
	if got.GetId() != in.GetId() || got.GetOwner().GetAllocation() != req.GetOwner().GetAllocation() || got.GetName() != req.GetName() || got.GetConsole() == "" {
		t.Errorf("Get answers %v", got)
	}
	if err := p.Delete(t.Context(), &pb.DeleteRequest{Owner: req.GetOwner()}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Get(t.Context(), &pb.GetRequest{Id: in.GetId()}); sdk.KindOf(err) != sdk.NotFound {
		t.Errorf("Get after Delete: %v, want NotFound", err)
	}
	if left := remains(t, l, in.GetId()); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
