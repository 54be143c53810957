package upcloud

import (
	"slices"
	"strings"
	"time"
)

// Charge is something that costs, from when on, and how much.
type Charge struct {
	// Resource is the UUID of a server or storage, or an address.
	Resource string    `json:"resource"`
	Item     string    `json:"item"` // as in the price list
	Zone     string    `json:"zone"`
	Title    string    `json:"title"`
	Since    time.Time `json:"since"`
	// CentsHour is its price, in hundredths of the account's currency.
	CentsHour float64 `json:"cents_hour"`

	rate rate
}

// meter counts what is used, and what it has cost.
type meter struct {
	open  map[string][]Charge // by resource
	spent rate                // of what no longer runs: an amount, not a rate
}

func newMeter() *meter { return &meter{open: map[string][]Charge{}} }

// bill has the resource cost exactly these charges from now on. One that it
// costs already goes on as it is, so that no hour is billed twice; one at price
// 0 is none.
func (m *meter) bill(resource string, at time.Time, charges ...Charge) {
	before := m.open[resource]
	delete(m.open, resource)
	for _, c := range charges {
		if c.rate <= 0 {
			continue
		}
		c.Resource, c.Since, c.CentsHour = resource, at, c.rate.cents()
		if i := slices.IndexFunc(before, func(b Charge) bool { return b.Item == c.Item && b.rate == c.rate }); i >= 0 {
			c.Since = before[i].Since
			before = slices.Delete(before, i, i+1)
		}
		m.open[resource] = append(m.open[resource], c)
	}
	for _, b := range before {
		m.spent += b.amount(at)
	}
}

// total is what all has cost until at.
func (m *meter) total(at time.Time) rate {
	sum := m.spent
	for _, all := range m.open {
		for _, c := range all {
			sum += c.amount(at)
		}
	}
	return sum
}

// perHour is the price of all that runs.
func (m *meter) perHour() rate {
	var sum rate
	for _, all := range m.open {
		for _, c := range all {
			sum += c.rate
		}
	}
	return sum
}

// charges are those that run, in order of resource and item.
func (m *meter) charges() []Charge {
	all := make([]Charge, 0, len(m.open))
	for _, some := range m.open {
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b Charge) int {
		return strings.Compare(a.Resource+" "+a.Item, b.Resource+" "+b.Item)
	})
	return all
}

// amount is what the charge comes to: every hour that was begun, and for a plan
// no more than 672 of a calendar month.
func (c Charge) amount(until time.Time) rate {
	var sum rate
	for from := c.Since; from.Before(until); {
		month := time.Date(from.Year(), from.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		to := month
		if until.Before(month) {
			to = until
		}
		hours := int64((to.Sub(from) + time.Hour - 1) / time.Hour)
		if strings.HasPrefix(c.Item, "server_plan_") {
			hours = min(hours, hoursPerMonth)
		}
		sum += c.rate * rate(hours)
		from = month
	}
	return sum
}

// credits are what the account has left.
func (s *Server) credits(now time.Time) rate {
	return rate(s.account.Credits*1e4) - s.meter.total(now)
}
