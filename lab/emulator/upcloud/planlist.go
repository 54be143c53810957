package upcloud

// wirePlan is a plan as GET /plan tells it. A plan without storage has tier
// null; only one with GPUs has their fields.
type wirePlan struct {
	CoreNumber       int     `json:"core_number"`
	CurrentOffering  string  `json:"current_offering"`
	Family           string  `json:"family"`
	GPUAmount        int     `json:"gpu_amount,omitempty"`
	GPUModel         string  `json:"gpu_model,omitempty"`
	MemoryAmount     int     `json:"memory_amount"`
	Name             string  `json:"name"`
	PublicTrafficOut int     `json:"public_traffic_out"`
	StorageSize      int     `json:"storage_size"`
	StorageTier      *string `json:"storage_tier"`
}

type wirePlans struct {
	Plans struct {
		Plan []wirePlan `json:"plan"`
	} `json:"plans"`
}

func (s *Server) listPlans(*call) (*reply, error) {
	var w wirePlans
	for _, p := range s.plans {
		one := wirePlan{
			CoreNumber: p.Cores, CurrentOffering: yesNo(p.Current), Family: p.Family, GPUAmount: p.GPUs, GPUModel: p.GPUModel,
			MemoryAmount: p.MiB, Name: p.Name, PublicTrafficOut: min(24576, p.MiB), StorageSize: p.GiB,
		}
		if p.Tier != "" {
			one.StorageTier = &p.Tier
		}
		w.Plans.Plan = append(w.Plans.Plan, one)
	}
	return ok(w), nil
}

func (s *Server) plan(name string) (Plan, bool) {
	for _, p := range s.plans {
		if p.Name == name {
			return p, true
		}
	}
	return Plan{}, false
}

type wireServerSize struct {
	CoreNumber   string `json:"core_number"`
	MemoryAmount string `json:"memory_amount"`
}

type wireServerSizes struct {
	ServerSizes struct {
		ServerSize []wireServerSize `json:"server_size"`
	} `json:"server_sizes"`
}

// The free sizes: up to so many cores, and memory in steps of 1 GiB.
const (
	customCores = 20
	customGiB   = 128
)

func customSize(cores, mib int) bool {
	return cores >= 1 && cores <= customCores && mib >= 1024 && mib <= customGiB*1024 && mib%1024 == 0
}

func (s *Server) listServerSizes(*call) (*reply, error) {
	var w wireServerSizes
	for cores := 1; cores <= customCores; cores++ {
		for gib := 1; gib <= customGiB; gib++ {
			w.ServerSizes.ServerSize = append(w.ServerSizes.ServerSize, wireServerSize{decimal(cores), decimal(gib * 1024)})
		}
	}
	return ok(w), nil
}
