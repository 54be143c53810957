package kvm

import (
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Fifty machines are asked of a host that holds eight, by four processes at
// once: eight run, the others are told why not, and no core is sold twice.
func TestRace(t *testing.T) {
	const asked, processes = 50, 4
	l := privateHost(t)
	host := l.hosts()[0]
	config := l.config("boot", host)
	p := openProvider(t, config, Hooks{})
	h, err := p.places[0].look(t.Context(), sight{now: true})
	if err != nil {
		t.Fatal(err)
	}
	const tolerance = 4
	threads := 0
	for _, c := range h.Cores {
		threads += len(c.Threads)
	}
	holds := 8
	// Whatever the machine that runs this has: all threads but what makes eight
	// places are reserved.
	config.ReserveCores = len(h.Cores) - holds/tolerance/h.ThreadsPerCore
	if threads < holds/tolerance || config.ReserveCores < 0 {
		t.Skipf("%d threads hold fewer than %d machines", threads, holds)
	}

	broker := unique(t)
	ask := bootPledge()
	ask.Overprovision = tolerance
	tasks := make([]task, processes)
	var uuids []string
	for i := range asked {
		req := plainRequest(broker, fmt.Sprintf("%s-%d", broker, i), host, ask)
		away(t, p, req.GetOwner())
		uuids = append(uuids, machineUUID(broker, req.GetOwner().GetKey()))
		k := &tasks[i%processes]
		k.Config = config
		k.Creates = append(k.Creates, mustMarshal(req))
	}
	var children []*child
	for _, k := range tasks {
		children = append(children, startChild(t, k))
	}
	running, refused := 0, 0
	for _, c := range children {
		results, _ := c.wait(t)
		for _, r := range results {
			switch {
			case r.Kind == "" && r.State == pb.InstanceState_INSTANCE_STATE_RUNNING:
				running++
			case r.Kind == string(sdk.Exhausted) && strings.Contains(r.Text, "host "+host):
				refused++
			default:
				t.Errorf("%s: kind %q, state %v: %s", r.Key, r.Kind, r.State, r.Text)
			}
			if refused == 1 && r.Kind != "" {
				t.Logf("a refusal: %s", r.Text)
			}
		}
	}
	if running != holds || refused != asked-holds {
		t.Errorf("%d run and %d were refused, want %d and %d", running, refused, holds, asked-holds)
	}
	soldOnce(t, p, broker, holds, tolerance)

	for _, id := range uuids {
		if err := p.Delete(t.Context(), &pb.DeleteRequest{Id: id, Owner: &pb.Owner{Broker: broker}}); err != nil {
			t.Error(err)
		}
	}
	if left := remains(t, l, uuids...); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// soldOnce reads from the domains themselves what their vCPUs are pinned to.
func soldOnce(t *testing.T, p *Provider, broker string, want, tolerance int) {
	t.Helper()
	doms, err := p.places[0].host.DomainsNow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	users := map[string]int{}
	found := 0
	for _, d := range doms {
		if !strings.Contains(d.XML, inventory.Namespace) || !strings.Contains(d.XML, broker) {
			continue
		}
		found++
		var doc struct {
			Pins []struct {
				CPUSet string `xml:"cpuset,attr"`
			} `xml:"cputune>vcpupin"`
		}
		if err := xml.Unmarshal([]byte(d.XML), &doc); err != nil {
			t.Fatal(err)
		}
		if !d.Active() {
			t.Errorf("domain %s is there and does not run", d.Name)
		}
		for _, pin := range doc.Pins {
			users[pin.CPUSet]++
		}
	}
	if found != want {
		t.Errorf("%d domains, want %d", found, want)
	}
	for _, thread := range slices.Sorted(maps.Keys(users)) {
		if users[thread] > tolerance {
			t.Errorf("thread %s is used by %d machines, each of which tolerates %d", thread, users[thread], tolerance)
		}
	}
}
