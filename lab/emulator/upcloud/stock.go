package upcloud

// stock is how many servers of a plan a zone can still take.
type stock struct {
	zone, plan string
}

// stockOf is the stock of a plan in a zone; false if it never runs out.
func (s *Server) stockOf(z Zone, p Plan) (int, bool) {
	n, limited := s.stocks[stock{z.ID, p.Name}]
	return n, limited
}

// SetStock says how many servers of the plan may still start in the zone; -1
// is any number. A server that runs holds one, and gives it back when it stops
// or is deleted.
func (s *Server) SetStock(zone, plan string, servers int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if servers < 0 {
		delete(s.stocks, stock{zone, plan})
		return
	}
	s.stocks[stock{zone, plan}] = servers
}

// gpuStocks is what there is of GPUs to begin with. The figures are assumed.
func gpuStocks(zones []Zone, plans []Plan) map[stock]int {
	all := map[stock]int{}
	for _, z := range zones {
		for _, p := range plans {
			if p.Family != "gpu" || !sold(z, p) {
				continue
			}
			n := max(1, 4/p.GPUs)
			if p.GPUModel == "NVIDIA B200" {
				n = 0
			}
			all[stock{z.ID, p.Name}] = n
		}
	}
	return all
}

type wireDevices struct {
	GPUPlans map[string]wireDevice `json:"gpu_plans"`
}

type wireDevice struct {
	Amount int `json:"amount"`
}

func (s *Server) listDevices(*call) (*reply, error) {
	w := map[string]wireDevices{}
	for _, z := range s.zones {
		d := wireDevices{map[string]wireDevice{}}
		for _, p := range s.plans {
			if n, limited := s.stockOf(z, p); p.Family == "gpu" && limited && sold(z, p) {
				d.GPUPlans[p.Name] = wireDevice{n}
			}
		}
		if len(d.GPUPlans) > 0 {
			w[z.ID] = d
		}
	}
	return ok(w), nil
}

// take has a running server hold one of the stock.
func (s *Server) take(zone, plan string) error {
	n, limited := s.stocks[stock{zone, plan}]
	if !limited {
		return nil
	}
	if n <= 0 {
		return unavailable()
	}
	s.stocks[stock{zone, plan}] = n - 1
	return nil
}

// giveBack is the other half of take.
func (s *Server) giveBack(zone, plan string) {
	if n, limited := s.stocks[stock{zone, plan}]; limited {
		s.stocks[stock{zone, plan}] = n + 1
	}
}

func unavailable() *failure {
	return conflict("SERVER_RESOURCES_UNAVAILABLE", "Not enough resources available to start the server.")
}
