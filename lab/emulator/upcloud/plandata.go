package upcloud

import "fmt"

// planRow is a plan but for what its name and family say.
type planRow struct {
	name  string
	gib   int // of storage
	tier  string
	cents int64 // per month of 672 hours
}

// Plans are the line-up of 2026, without the discontinued high-end ones. Sizes
// stand in UpCloud's documentation; prices of STARTER and PREMIUM are those of
// its calculator, some of CLOUDNATIVE and GPU stand in public files, all others
// are assumed.
func Plans() []Plan {
	var all []Plan
	for _, f := range []struct {
		family  string
		current bool
		rows    []planRow
	}{
		{"starter", true, starterPlans()},
		{"premium", true, premiumPlans()},
		{"cloud_native", true, cloudNativePlans()},
		{"gpu", true, gpuPlans()},
		{"general_purpose", false, generalPlans()},
		{"developer", false, developerPlans()},
	} {
		for _, r := range f.rows {
			all = append(all, r.plan(f.family, f.current))
		}
	}
	return all
}

// plan reads cores, memory and GPUs from the name.
func (r planRow) plan(family string, current bool) Plan {
	p := Plan{Name: r.name, Family: family, GiB: r.gib, Tier: r.tier, Cents: r.cents, Current: current}
	size := r.name
	for len(size) > 0 && (size[0] < '0' || size[0] > '9') {
		size = size[1:]
	}
	var gib int
	if n, _ := fmt.Sscanf(size, "%dxCPU-%dGB-%dx%s", &p.Cores, &gib, &p.GPUs, &p.GPUModel); n == 4 {
		p.GPUModel = "NVIDIA " + p.GPUModel
	} else {
		p.GPUs = 0
	}
	p.MiB = gib * 1024
	return p
}

func starterPlans() []planRow {
	return []planRow{
		{"STARTER-1xCPU-1GB", 10, tierStandard, 300},
		{"STARTER-1xCPU-2GB", 20, tierStandard, 600},
		{"STARTER-2xCPU-2GB", 30, tierStandard, 800},
		{"STARTER-1xCPU-4GB", 30, tierStandard, 1000},
		{"STARTER-2xCPU-4GB", 30, tierStandard, 1200},
		{"STARTER-2xCPU-8GB", 40, tierStandard, 1800},
		{"STARTER-4xCPU-8GB", 40, tierStandard, 2000},
		{"STARTER-2xCPU-16GB", 50, tierStandard, 2400},
		{"STARTER-4xCPU-16GB", 50, tierStandard, 2800},
	}
}

func premiumPlans() []planRow {
	return []planRow{
		{"PREMIUM-1xCPU-1GB", 25, tierMaxIOPS, 500},
		{"PREMIUM-1xCPU-2GB", 25, tierMaxIOPS, 1200},
		{"PREMIUM-2xCPU-2GB", 50, tierMaxIOPS, 1600},
		{"PREMIUM-2xCPU-4GB", 50, tierMaxIOPS, 2600},
		{"PREMIUM-2xCPU-8GB", 100, tierMaxIOPS, 3800},
		{"PREMIUM-4xCPU-8GB", 100, tierMaxIOPS, 5200},
		{"PREMIUM-2xCPU-16GB", 150, tierMaxIOPS, 7200},
		{"PREMIUM-4xCPU-16GB", 150, tierMaxIOPS, 9200},
		{"PREMIUM-4xCPU-32GB", 200, tierMaxIOPS, 14200},
		{"PREMIUM-8xCPU-16GB", 50, tierMaxIOPS, 14800},
		{"PREMIUM-8xCPU-32GB", 200, tierMaxIOPS, 19200},
		{"PREMIUM-8xCPU-64GB", 300, tierMaxIOPS, 26800},
		{"PREMIUM-16xCPU-32GB", 300, tierMaxIOPS, 31000},
		{"PREMIUM-16xCPU-64GB", 300, tierMaxIOPS, 38400},
		{"PREMIUM-8xCPU-128GB", 400, tierMaxIOPS, 48000},
		{"PREMIUM-24xCPU-96GB", 400, tierMaxIOPS, 57600},
	}
}

func cloudNativePlans() []planRow {
	return []planRow{
		{"CLOUDNATIVE-1xCPU-4GB", 0, "", 1200},
		{"CLOUDNATIVE-2xCPU-4GB", 0, "", 1500},
		{"CLOUDNATIVE-1xCPU-8GB", 0, "", 2000},
		{"CLOUDNATIVE-2xCPU-8GB", 0, "", 2500},
		{"CLOUDNATIVE-2xCPU-16GB", 0, "", 4400},
		{"CLOUDNATIVE-4xCPU-8GB", 0, "", 3200},
		{"CLOUDNATIVE-4xCPU-16GB", 0, "", 5000},
		{"CLOUDNATIVE-6xCPU-16GB", 0, "", 6000},
		{"CLOUDNATIVE-8xCPU-16GB", 0, "", 7000},
		{"CLOUDNATIVE-4xCPU-24GB", 0, "", 6600},
		{"CLOUDNATIVE-6xCPU-24GB", 0, "", 7600},
		{"CLOUDNATIVE-8xCPU-24GB", 0, "", 8600},
		{"CLOUDNATIVE-12xCPU-24GB", 0, "", 10600},
		{"CLOUDNATIVE-4xCPU-32GB", 0, "", 8200},
		{"CLOUDNATIVE-8xCPU-32GB", 0, "", 10200},
		{"CLOUDNATIVE-12xCPU-32GB", 0, "", 12200},
		{"CLOUDNATIVE-16xCPU-32GB", 0, "", 14200},
		{"CLOUDNATIVE-8xCPU-48GB", 0, "", 13400},
		{"CLOUDNATIVE-16xCPU-48GB", 0, "", 17400},
		{"CLOUDNATIVE-8xCPU-64GB", 0, "", 16600},
		{"CLOUDNATIVE-16xCPU-64GB", 0, "", 20600},
		{"CLOUDNATIVE-20xCPU-64GB", 0, "", 22600},
		{"CLOUDNATIVE-32xCPU-64GB", 0, "", 28600},
		{"CLOUDNATIVE-16xCPU-96GB", 0, "", 27000},
		{"CLOUDNATIVE-16xCPU-128GB", 0, "", 33400},
		{"CLOUDNATIVE-32xCPU-128GB", 0, "", 41400},
		{"CLOUDNATIVE-32xCPU-192GB", 0, "", 54200},
		{"CLOUDNATIVE-32xCPU-256GB", 0, "", 67000},
		{"CLOUDNATIVE-64xCPU-256GB", 0, "", 83000},
		{"CLOUDNATIVE-64xCPU-384GB", 0, "", 108600},
		{"CLOUDNATIVE-80xCPU-512GB", 0, "", 142200},
	}
}

func gpuPlans() []planRow {
	return []planRow{
		{"GPU-8xCPU-64GB-1xL4", 0, "", 41000},
		{"GPU-12xCPU-128GB-1xL4", 0, "", 50000},
		{"GPU-8xCPU-64GB-1xL40S", 0, "", 74700},
		{"GPU-12xCPU-128GB-1xL40S", 0, "", 86000},
		{"GPU-16xCPU-192GB-1xL40S", 0, "", 105000},
		{"GPU-12xCPU-240GB-1xH100", 0, "", 114000},
		{"GPU-24xCPU-480GB-2xH100", 0, "", 228000},
		{"GPU-48xCPU-960GB-4xH100", 0, "", 456000},
		{"GPU-96xCPU-1920GB-8xH100", 0, "", 912000},
		{"GPU-24xCPU-240GB-1xB200", 0, "", 313000},
		{"GPU-SPOT-8xCPU-64GB-1xL4", 0, "", 38304},
		{"GPU-SPOT-12xCPU-128GB-1xL4", 0, "", 49500},
		{"GPU-SPOT-12xCPU-128GB-1xL40S", 0, "", 64600},
		{"GPU-SPOT-12xCPU-240GB-1xH100", 0, "", 113500},
	}
}

func generalPlans() []planRow {
	return []planRow{
		{"1xCPU-1GB", 25, tierMaxIOPS, 700},
		{"1xCPU-2GB", 50, tierMaxIOPS, 1300},
		{"2xCPU-2GB", 60, tierMaxIOPS, 1800},
		{"2xCPU-4GB", 80, tierMaxIOPS, 2600},
		{"4xCPU-8GB", 160, tierMaxIOPS, 5200},
		{"6xCPU-16GB", 320, tierMaxIOPS, 11200},
		{"8xCPU-32GB", 640, tierMaxIOPS, 22400},
		{"12xCPU-48GB", 960, tierMaxIOPS, 33600},
		{"16xCPU-64GB", 1280, tierMaxIOPS, 44800},
		{"24xCPU-96GB", 1920, tierMaxIOPS, 67200},
		{"32xCPU-128GB", 2048, tierMaxIOPS, 89600},
		{"HICPU-8xCPU-12GB", 100, tierMaxIOPS, 13000},
		{"HICPU-8xCPU-16GB", 200, tierMaxIOPS, 16000},
		{"HICPU-16xCPU-24GB", 100, tierMaxIOPS, 26000},
		{"HICPU-16xCPU-32GB", 200, tierMaxIOPS, 31000},
		{"HIMEM-2xCPU-8GB", 100, tierMaxIOPS, 4000},
		{"HIMEM-2xCPU-16GB", 100, tierMaxIOPS, 6000},
		{"HIMEM-4xCPU-32GB", 100, tierMaxIOPS, 10400},
		{"HIMEM-4xCPU-64GB", 200, tierMaxIOPS, 20000},
		{"HIMEM-6xCPU-128GB", 300, tierMaxIOPS, 38000},
	}
}

func developerPlans() []planRow {
	return []planRow{
		{"DEV-1xCPU-1GB-10GB", 10, tierStandard, 300},
		{"DEV-1xCPU-1GB", 20, tierStandard, 500},
		{"DEV-1xCPU-2GB", 30, tierStandard, 800},
		{"DEV-1xCPU-4GB", 40, tierStandard, 1500},
		{"DEV-2xCPU-4GB", 60, tierStandard, 1800},
		{"DEV-2xCPU-8GB", 80, tierStandard, 2500},
		{"DEV-2xCPU-16GB", 100, tierStandard, 3500},
	}
}
