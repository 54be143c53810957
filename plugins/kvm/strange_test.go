package kvm

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// A host that left the settings may still run what was made there: that its
// machines are gone is claimed only where the settings say that the host is.
func TestHostNotInTheSettings(t *testing.T) {
	p := openProvider(t, &Config{
		URI: "test:///default", Name: "toy", Free: true, Pool: "default-pool", RemovedHosts: []string{"sold"},
	}, Hooks{})
	owner := &pb.Owner{Broker: "b", Key: "k"}
	ask := map[string]func(zone string) error{
		"Get": func(zone string) error {
			_, err := p.Get(t.Context(), &pb.GetRequest{Owner: owner, Zone: zone})
			return err
		},
		"Get by id": func(zone string) error {
			_, err := p.Get(t.Context(), &pb.GetRequest{Id: uuid.NewString(), Zone: zone})
			return err
		},
		"SetPower": func(zone string) error {
			_, err := p.SetPower(t.Context(), &pb.SetPowerRequest{Id: uuid.NewString(), Zone: zone, Action: pb.SetPowerRequest_ACTION_START})
			return err
		},
		"Delete": func(zone string) error {
			return p.Delete(t.Context(), &pb.DeleteRequest{Owner: owner, Zone: zone})
		},
	}
	for name, call := range ask {
		absent := sdk.NotFound
		if name == "Delete" {
			absent = ""
		}
		for zone, want := range map[string]sdk.Kind{"": absent, "toy": absent, "sold": absent, "kvm9": sdk.Unavailable} {
			err := call(zone)
			if sdk.KindOf(err) != want {
				t.Errorf("%s, zone %q: %v, want %q", name, zone, err, want)
			}
			if want != sdk.Unavailable || err == nil {
				continue
			}
			if text := err.Error(); !strings.Contains(text, "kvm9") || !strings.Contains(text, "settings") {
				t.Errorf("%s does not say which host is missing: %s", name, text)
			}
		}
	}
}

// A machine that is found elsewhere is the answer, whatever the zone says.
func TestMachineMovedFromHostNotInTheSettings(t *testing.T) {
	l := theLab(t)
	p := openProvider(t, l.config("boot", l.hosts()[0]), Hooks{})
	name := unique(t)
	req := plainRequest(name, name, l.hosts()[0], bootPledge())
	away(t, p, req.GetOwner())
	in := untilThrough(t, p, req, func() {})
	found, err := p.Get(t.Context(), &pb.GetRequest{Owner: req.GetOwner(), Zone: "kvm9"})
	if err != nil || found.GetId() != in.GetId() {
		t.Errorf("%v, %v", found, err)
	}
	if err := p.Delete(t.Context(), &pb.DeleteRequest{Owner: req.GetOwner(), Zone: "kvm9"}); err != nil {
		t.Errorf("Delete: %v", err)
	}
}

func TestRemovedHosts(t *testing.T) {
	c := &Config{URI: "qemu:///system", Name: "kvm1", Free: true, RemovedHosts: []string{"kvm7", "kvm1", "No Name"}}
	var paths []string
	for _, f := range c.Validate() {
		paths = append(paths, f.Path)
	}
	if got := strings.Join(paths, " "); got != "removed_hosts[1] removed_hosts[2]" {
		t.Errorf("faults at %s", got)
	}
}
