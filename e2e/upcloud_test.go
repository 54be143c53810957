package e2e_test

import (
	"strings"
	"testing"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

// A machine's whole life through the command line, against a cloud that speaks
// UpCloud's language.
func TestUpCloudCycle(t *testing.T) {
	t.Parallel()
	w := newUpCloud(t, []string{"fi-hel1", "de-fra1"})
	w.must("provider", "test", "up1")
	if s := w.deploy("--name", "web1"); s.Offer.Provider != "up1" || len(s.Instance.Addresses) == 0 {
		t.Errorf("deployed: %+v", s)
	}
	if servers, _ := w.held(); servers != 1 {
		t.Errorf("%d servers, want 1", servers)
	}
	if s := w.deploy("--name", "web1"); s.Name != "web1" {
		t.Errorf("deployed again: %+v", s)
	}
	if servers, _ := w.held(); servers != 1 {
		t.Errorf("%d servers after the same again, want 1", servers)
	}
	for _, c := range []struct{ command, state string }{{"stop", "stopped"}, {"start", "running"}, {"reboot", "running"}} {
		w.must(c.command, "web1", "--timeout", "60s")
		if got := w.state("web1"); got != c.state {
			t.Errorf("after %s it is %s, want %s", c.command, got, c.state)
		}
	}
	w.must("rm", "web1")
	w.empty("after rm")
	if got := w.state("web1"); got != "gone" {
		t.Errorf("after rm it is %s", got)
	}
}

// A refusal is followed by the next offer that it leaves: another plan where a
// plan has run out, another zone where a zone has, another provider where the
// account has no more credits or may have no more.
func TestUpCloudRefusals(t *testing.T) {
	t.Parallel()
	const first = "STARTER-1xCPU-1GB"
	for _, c := range []struct {
		name  string
		fault upcloud.Fault
		zones [][]string
		right func(shown) bool
	}{
		{
			"capacity of a plan",
			upcloud.Fault{Kind: upcloud.FaultCapacity, Operation: "create_server", Plan: first},
			[][]string{{"fi-hel1"}},
			func(s shown) bool { return s.Offer.Shape != first && s.Offer.Zone == "fi-hel1" },
		},
		{
			"a zone is sold out",
			upcloud.Fault{Kind: upcloud.FaultCapacity, Operation: "create_server", Zone: "fi-hel1"},
			[][]string{{"fi-hel1", "au-syd1"}},
			func(s shown) bool { return s.Offer.Zone == "au-syd1" },
		},
		{
			"no credits",
			upcloud.Fault{Kind: upcloud.FaultCredits, Operation: "create_server"},
			[][]string{{"fi-hel1"}, {"au-syd1"}},
			func(s shown) bool { return s.Offer.Provider == "up2" },
		},
		{
			"a limit of the account",
			upcloud.Fault{Kind: upcloud.FaultError, Status: 403, Code: "SERVER_CORE_LIMIT_REACHED", Operation: "create_server"},
			[][]string{{"fi-hel1"}, {"au-syd1"}},
			func(s shown) bool { return s.Offer.Provider == "up2" },
		},
		{
			"no right to create",
			upcloud.Fault{Kind: upcloud.FaultForbidden, Operation: "create_server"},
			[][]string{{"fi-hel1"}, {"au-syd1"}},
			func(s shown) bool { return s.Offer.Provider == "up2" },
		},
		{
			"a lost answer",
			upcloud.Fault{Kind: upcloud.FaultResetAfter, Operation: "create_server", Count: 1},
			[][]string{{"fi-hel1"}},
			func(s shown) bool { return s.Offer.Shape == first },
		},
		{
			"throttled",
			upcloud.Fault{Kind: upcloud.FaultThrottled, Operation: "create_server", Count: 1},
			[][]string{{"fi-hel1"}},
			func(s shown) bool { return s.Offer.Shape == first },
		},
		{
			"made and in error",
			upcloud.Fault{Kind: upcloud.FaultServerState, Operation: "create_server", Count: 1, Delay: 20e9},
			[][]string{{"fi-hel1"}},
			func(s shown) bool { return s.Offer.Shape != first },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newUpCloud(t, c.zones...)
			w.clouds[0].Faults().Add(c.fault)
			s := w.deploy("--name", "web1")
			if !c.right(s) {
				t.Errorf("deployed %+v", s.Offer)
			}
			if hits := w.clouds[0].Faults().List()[0].Hits; hits == 0 {
				t.Error("the fault was not met")
			}
			if servers, others := w.held(); servers != 1 || others != 1 {
				t.Errorf("%d servers and %d other things, want 1 and its disk", servers, others)
			}
			w.must("rm", "web1")
			w.empty("after rm")
		})
	}
}

// With nobody left to ask, it says so, names each refusal, and holds nothing.
func TestUpCloudSaysNo(t *testing.T) {
	t.Parallel()
	w := newUpCloud(t, []string{"fi-hel1"})
	w.clouds[0].Faults().Add(upcloud.Fault{Kind: upcloud.FaultCredits, Operation: "create_server"})
	_, errs, code := w.meson("deploy", w.spec, "--cheapest", "--name", "web1")
	if code != 5 && code != 6 || !strings.Contains(errs, "INSUFFICIENT_CREDITS") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	w.empty("after the refusals")
}

// What whole commands ask of UpCloud, everything included: each command starts
// from nothing. The plugin's README says why each request is made.
func TestUpCloudRequests(t *testing.T) {
	t.Parallel()
	w := newUpCloud(t, []string{"fi-hel1"})
	asked := func(what string, want map[upcloud.Operation][2]int, args ...string) {
		t.Helper()
		before := w.clouds[0].Stats().Requests
		w.must(args...)
		after := w.clouds[0].Stats().Requests
		for op, n := range after {
			n -= before[op]
			if bounds := want[op]; n < bounds[0] || n > bounds[1] {
				t.Errorf("%s: %s was asked %d times, want %d to %d", what, op, n, bounds[0], bounds[1])
			}
			if n > 0 {
				t.Logf("%s: %s %d", what, op, n)
			}
		}
	}
	asked("deploy", map[upcloud.Operation][2]int{
		"list_plans": {1, 1}, "list_prices": {1, 1}, "list_zones": {1, 1}, "list_server_sizes": {1, 1},
		"get_account": {1, 1}, "list_storages": {2, 2}, "list_servers": {2, 2}, "create_server": {1, 1}, "get_server": {1, 20},
	}, "deploy", w.spec, "--cheapest", "--name", "web1")
	asked("rm", map[upcloud.Operation][2]int{
		"list_servers": {1, 1}, "get_server": {1, 20}, "stop_server": {1, 1}, "delete_server": {1, 1}, "list_storages": {1, 1},
	}, "rm", "web1")
	w.empty("after rm")
}
