package upcloud

import "strings"

// Plan is a size of server that is sold at a price of its own.
type Plan struct {
	Name   string
	Family string // cloud_native, developer, general_purpose, gpu, premium, starter
	Cores  int
	MiB    int
	// GiB of storage are part of the plan; 0 if the request must bring its own.
	GiB  int
	Tier string
	// Cents of the account's currency per month of 672 hours, as listed in most zones.
	Cents    int64
	GPUs     int
	GPUModel string
	// Current is false for a plan that is no longer offered, though still listed.
	Current bool
}

// bundled reports whether a disk and an IPv4 address are part of the plan, and
// whether it costs while the server is stopped.
func (p Plan) bundled() bool { return p.Family != "cloud_native" && p.Family != "gpu" }

func (p Plan) spot() bool { return strings.HasPrefix(p.Name, "GPU-SPOT-") }

// Plans are the line-up of 2026. Sizes and list prices of STARTER and PREMIUM
// are those of UpCloud's calculator; those of the others stand in public files
// of less certain origin.
func Plans() []Plan {
	const maxiops, standard = "maxiops", "standard"
	table := []struct {
		family string
		now    bool
		rows   []Plan
	}{
		{"starter", true, []Plan{
			row("STARTER-1xCPU-1GB", 1, 1, 10, standard, 300),
			row("STARTER-1xCPU-2GB", 1, 2, 20, standard, 600),
			row("STARTER-2xCPU-2GB", 2, 2, 30, standard, 800),
			row("STARTER-1xCPU-4GB", 1, 4, 30, standard, 1000),
			row("STARTER-2xCPU-4GB", 2, 4, 30, standard, 1200),
			row("STARTER-2xCPU-8GB", 2, 8, 40, standard, 1800),
			row("STARTER-4xCPU-8GB", 4, 8, 40, standard, 2000),
			row("STARTER-2xCPU-16GB", 2, 16, 50, standard, 2400),
			row("STARTER-4xCPU-16GB", 4, 16, 50, standard, 2800),
		}},
		{"premium", true, []Plan{
			row("PREMIUM-1xCPU-1GB", 1, 1, 25, maxiops, 500),
			row("PREMIUM-1xCPU-2GB", 1, 2, 25, maxiops, 1200),
			row("PREMIUM-2xCPU-2GB", 2, 2, 50, maxiops, 1600),
			row("PREMIUM-2xCPU-4GB", 2, 4, 50, maxiops, 2600),
			row("PREMIUM-2xCPU-8GB", 2, 8, 100, maxiops, 3800),
			row("PREMIUM-4xCPU-8GB", 4, 8, 100, maxiops, 5200),
			row("PREMIUM-2xCPU-16GB", 2, 16, 150, maxiops, 7200),
			row("PREMIUM-4xCPU-16GB", 4, 16, 150, maxiops, 9200),
			row("PREMIUM-4xCPU-32GB", 4, 32, 200, maxiops, 14200),
			row("PREMIUM-8xCPU-16GB", 8, 16, 50, maxiops, 14800),
			row("PREMIUM-8xCPU-32GB", 8, 32, 200, maxiops, 19200),
			row("PREMIUM-8xCPU-64GB", 8, 64, 300, maxiops, 26800),
			row("PREMIUM-16xCPU-32GB", 16, 32, 300, maxiops, 31000),
			row("PREMIUM-16xCPU-64GB", 16, 64, 300, maxiops, 38400),
			row("PREMIUM-8xCPU-128GB", 8, 128, 400, maxiops, 48000),
			row("PREMIUM-24xCPU-96GB", 24, 96, 400, maxiops, 57600),
		}},
		{"cloud_native", true, []Plan{
			row("CLOUDNATIVE-1xCPU-4GB", 1, 4, 0, "", 1200),
			row("CLOUDNATIVE-1xCPU-8GB", 1, 8, 0, "", 2000),
			row("CLOUDNATIVE-2xCPU-4GB", 2, 4, 0, "", 1500),
			row("CLOUDNATIVE-2xCPU-8GB", 2, 8, 0, "", 2500),
			row("CLOUDNATIVE-4xCPU-8GB", 4, 8, 0, "", 3200),
			row("CLOUDNATIVE-4xCPU-16GB", 4, 16, 0, "", 7000),
		}},
		{"gpu", true, []Plan{
			gpu("GPU-8xCPU-64GB-1xL4", 8, 64, 1, "L4", 41000),
			gpu("GPU-12xCPU-128GB-1xL4", 12, 128, 1, "L4", 50000),
			gpu("GPU-8xCPU-64GB-1xL40S", 8, 64, 1, "L40S", 74700),
			gpu("GPU-12xCPU-128GB-1xL40S", 12, 128, 1, "L40S", 86000),
			gpu("GPU-16xCPU-192GB-1xL40S", 16, 192, 1, "L40S", 105000),
			gpu("GPU-12xCPU-240GB-1xH100", 12, 240, 1, "H100", 114000),
			gpu("GPU-24xCPU-480GB-2xH100", 24, 480, 2, "H100", 228000),
			gpu("GPU-96xCPU-1920GB-8xH100", 96, 1920, 8, "H100", 912000),
			gpu("GPU-24xCPU-240GB-1xB200", 24, 240, 1, "B200", 313000),
			gpu("GPU-SPOT-8xCPU-64GB-1xL4", 8, 64, 1, "L4", 38304),
			gpu("GPU-SPOT-12xCPU-128GB-1xL40S", 12, 128, 1, "L40S", 64600),
			gpu("GPU-SPOT-12xCPU-240GB-1xH100", 12, 240, 1, "H100", 113500),
		}},
		{"general_purpose", false, []Plan{
			row("1xCPU-1GB", 1, 1, 25, maxiops, 633),
			row("1xCPU-2GB", 1, 2, 50, maxiops, 1300),
			row("2xCPU-2GB", 2, 2, 60, maxiops, 1800),
			row("2xCPU-4GB", 2, 4, 80, maxiops, 2600),
			row("4xCPU-8GB", 4, 8, 160, maxiops, 5200),
			row("6xCPU-16GB", 6, 16, 320, maxiops, 11200),
			row("8xCPU-32GB", 8, 32, 640, maxiops, 22400),
			row("12xCPU-48GB", 12, 48, 960, maxiops, 33600),
			row("16xCPU-64GB", 16, 64, 1280, maxiops, 44800),
			row("24xCPU-96GB", 24, 96, 1920, maxiops, 67200),
		}},
		{"developer", false, []Plan{
			row("DEV-1xCPU-1GB-10GB", 1, 1, 10, standard, 300),
			row("DEV-1xCPU-1GB", 1, 1, 20, standard, 500),
			row("DEV-1xCPU-2GB", 1, 2, 30, standard, 800),
			row("DEV-1xCPU-4GB", 1, 4, 40, standard, 1500),
			row("DEV-2xCPU-4GB", 2, 4, 60, standard, 1800),
			row("DEV-2xCPU-8GB", 2, 8, 80, standard, 2500),
		}},
	}
	var all []Plan
	for _, t := range table {
		for _, p := range t.rows {
			p.Family, p.Current = t.family, t.now
			all = append(all, p)
		}
	}
	return all
}

func row(name string, cores, gib, storageGiB int, tier string, cents int64) Plan {
	return Plan{Name: name, Cores: cores, MiB: gib * 1024, GiB: storageGiB, Tier: tier, Cents: cents}
}

func gpu(name string, cores, gib, gpus int, model string, cents int64) Plan {
	return Plan{Name: name, Cores: cores, MiB: gib * 1024, GPUs: gpus, GPUModel: "NVIDIA " + model, Cents: cents}
}

// sold reports whether the zone's price list has the plan. Which zones lack
// which plans is assumed.
func sold(z Zone, p Plan) bool {
	switch {
	case !z.Public:
		return true
	case p.spot():
		return z.ID == "fi-hel2"
	case p.Family == "gpu":
		return z.ID == "fi-hel2" || z.ID == "us-chi1"
	case p.Family == "cloud_native":
		return z.ID != "us-sjo1" && z.ID != "no-svg1"
	}
	return true
}
