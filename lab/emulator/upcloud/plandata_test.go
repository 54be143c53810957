package upcloud

import "testing"

func TestPlansAreWhatTheirNamesSay(t *testing.T) {
	seen := map[string]Plan{}
	for _, p := range Plans() {
		if p.Cores < 1 || p.MiB < 1024 || p.Cents < 100 || (p.GiB == 0) != (p.Tier == "") || p.bundled() != (p.GiB > 0) {
			t.Errorf("%+v", p)
		}
		if _, twice := seen[p.Name]; twice {
			t.Errorf("%s is there twice", p.Name)
		}
		seen[p.Name] = p
	}
	for name, want := range map[string]Plan{
		"STARTER-1xCPU-1GB":        {Cores: 1, MiB: 1024, GiB: 10, Tier: "standard", Cents: 300, Current: true, Family: "starter"},
		"DEV-1xCPU-1GB-10GB":       {Cores: 1, MiB: 1024, GiB: 10, Tier: "standard", Cents: 300, Family: "developer"},
		"GPU-SPOT-8xCPU-64GB-1xL4": {Cores: 8, MiB: 65536, GPUs: 1, GPUModel: "NVIDIA L4", Cents: 38304, Current: true, Family: "gpu"},
	} {
		want.Name = name
		if seen[name] != want {
			t.Errorf("%s: %+v, want %+v", name, seen[name], want)
		}
	}
	if len(seen) < 90 {
		t.Errorf("only %d plans", len(seen))
	}
}

func TestRatesAreThoseOfTheList(t *testing.T) {
	// 5.00 per month of 672 hours is 0.7440 cents per hour, as recorded.
	if got := (Plan{Cents: 500}).rate(); got != 7440 {
		t.Errorf("5.00 per month: %d", got)
	}
	if got := (Plan{Cents: 300}).rate(); got != 4464 {
		t.Errorf("3.00 per month: %d", got)
	}
}
