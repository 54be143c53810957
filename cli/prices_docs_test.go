package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core/api"
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/pricing/book"
	"github.com/mesoncloud/meson/pricing/terms"
)

// The files on the page of prices are ones that are taken, and its figures are
// those that come out.
func TestDocsPricing(t *testing.T) {
	const name = "../docs/pricing.md"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	var list *pricing.List
	var rules []pricing.Rule
	for _, block := range strings.Split(page, "```yaml\n")[1:] {
		file, _, _ := strings.Cut(block, "```")
		if strings.HasPrefix(file, "provider:") {
			if list, err = book.Load([]byte(file), book.Options{Low: true, NotAfter: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		agreed, err := terms.Parse([]byte(file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		rules = append(rules, agreed.Rules...)
	}
	if list == nil || len(rules) != 5 {
		t.Fatalf("%s: %d rules, and a price book: %t", name, len(rules), list != nil)
	}
	q, err := list.Quote([]pricing.Quantity{{SKU: "small", Amount: "1"}}, 745)
	if err == nil {
		q, err = pricing.Adjust(q, rules[4:], time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), "")
	}
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		q.Lines[0].Total.String(), q.Lines[1].Total.String(), q.Total.String(),
		fmt.Sprintf("older than %d days and rates older than %d", api.StaleListDays, api.StaleRatesDays),
		fmt.Sprintf("by more than %d times", pricing.Jump), fmt.Sprintf("keeps %d significant digits", pricing.Digits),
		"`increment_seconds`", "`minimum_seconds`", "`cap_hours`", "`tiers`", "`stopped`", "`spot_of`", "`includes`",
	}
	for _, r := range rules {
		want = append(want, "| `"+string(r.Stage)+"` |")
	}
	for _, u := range []pricing.Unit{pricing.UnitHour, pricing.UnitGiBHour, pricing.UnitMonth, pricing.UnitGiBMonth, pricing.UnitGiB} {
		want = append(want, "`"+string(u)+"`")
	}
	for _, s := range []api.ListState{api.ListCurrent, api.ListImported, api.ListWaiting, api.ListOld} {
		want = append(want, "\n| "+string(s)+" |")
	}
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("%s does not say %q", name, w)
		}
	}
}
