package upcloud

import "math"

// rate is a price per hour in ten-thousandths of a cent of the account's
// currency: what the four decimals of a price list can say.
type rate int64

// wirePrice is one price: so many cents per hour for an amount.
type wirePrice struct {
	Amount int     `json:"amount"`
	Price  float64 `json:"price"`
}

func (r rate) cents() float64 { return float64(r) / 1e4 }

// hoursPerMonth is what a month of a plan costs at most.
const hoursPerMonth = 672

// at is r in a zone whose prices are so many percent of the usual ones.
func (r rate) at(z Zone) rate {
	return rate(math.Round(float64(r) * float64(z.PricePercent) / 100))
}

func (p Plan) rate() rate {
	return rate(math.Round(float64(p.Cents) * 1e4 / hoursPerMonth))
}

// item is an entry of the price list that is no plan.
type item struct {
	name   string
	amount int
	rate   rate
}

// memoryAmount is the MiB that server_memory is the price of.
const memoryAmount = 256

func items() []item {
	return []item{
		{"firewall", 1, 0},
		{"io_request_backup", 1000000, 0},
		{"io_request_hdd", 1000000, 0},
		{"io_request_maxiops", 1000000, 0},
		{"ipv4_address", 1, 4812},
		{"ipv6_address", 1, 0},
		{"network_private_vlan", 1, 6940},
		{"public_ipv4_bandwidth_in", 1, 0},
		{"public_ipv4_bandwidth_out", 1, 10000},
		{"public_ipv6_bandwidth_in", 1, 0},
		{"public_ipv6_bandwidth_out", 1, 10000},
		{"server_core", 1, 11200},
		{"server_memory", memoryAmount, 1400},
		{"simple_backup_extra_dailies", 1, 104},
		{"simple_backup_extra_monthlies", 1, 312},
		{"simple_backup_extra_weeklies", 1, 208},
		{"storage_backup", 1, 78},
		{"storage_hdd", 1, 78},
		{"storage_maxiops", 1, 310},
		{"storage_standard", 1, 118},
		{"storage_template", 1, 310},
	}
}

// itemRate is the price of one unit of an entry in the zone; 0 if there is none.
func itemRate(z Zone, name string) rate {
	for _, i := range items() {
		if i.name == name {
			return i.rate.at(z)
		}
	}
	return 0
}

// wirePrices is the price list. A zone is its name beside its prices.
type wirePrices struct {
	Prices struct {
		Currency string           `json:"currency,omitempty"`
		Zone     []map[string]any `json:"zone"`
	} `json:"prices"`
}

func (s *Server) listPrices(c *call) (*reply, error) {
	var w wirePrices
	if c.faults.find(FaultNoCurrency) == nil {
		w.Prices.Currency = s.account.Currency
	}
	for _, z := range s.zones {
		zone := map[string]any{"name": z.ID}
		for _, i := range items() {
			zone[i.name] = wirePrice{i.amount, i.rate.at(z).cents()}
		}
		for _, p := range s.plans {
			if !sold(z, p) {
				continue
			}
			r := p.rate().at(z)
			zone["server_plan_"+p.Name] = wirePrice{1, r.cents()}
			if !p.bundled() {
				continue
			}
			for kind, percent := range map[string]rate{"dailies": 20, "weeklies": 40, "monthlies": 60} {
				zone["simple_backup_"+kind+"_"+p.Name] = wirePrice{1, (r * percent / 100).cents()}
			}
		}
		w.Prices.Zone = append(w.Prices.Zone, zone)
	}
	return ok(w), nil
}
