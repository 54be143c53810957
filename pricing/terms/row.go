package terms

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/mesoncloud/meson/pricing"
)

// row is a rule as it is written.
type row struct {
	Name     string   `yaml:"name"`
	Stage    string   `yaml:"stage"`
	Percent  string   `yaml:"percent"`
	Amount   money    `yaml:"amount"`
	Contract money    `yaml:"contract"`
	Unit     string   `yaml:"unit"`
	Kinds    []string `yaml:"kinds"`
	Families []string `yaml:"families"`
	SKUs     []string `yaml:"skus"`
	From     moment   `yaml:"from"`
	Until    moment   `yaml:"until"`
}

func rowKeys() []string {
	return []string{"name", "stage", "percent", "amount", "contract", "unit", "kinds", "families", "skus", "from", "until"}
}

func (r *row) rule() pricing.Rule {
	rule := pricing.Rule{
		Name: r.Name, Stage: pricing.Stage(r.Stage), Percent: r.Percent, Amount: r.Amount.Money, Contract: r.Contract.Money,
		Unit: pricing.RuleUnit(r.Unit), Families: r.Families, SKUs: r.SKUs, From: r.From.Time, Until: r.Until.Time,
	}
	for _, kind := range r.Kinds {
		rule.Kinds = append(rule.Kinds, pricing.Kind(kind))
	}
	return rule
}

// money is written 29.00 EUR or {amount: "29.00", currency: EUR}.
type money struct{ pricing.Money }

// UnmarshalYAML implements [yaml.Unmarshaler].
func (m *money) UnmarshalYAML(n *yaml.Node) error {
	const want = `want an amount such as "29.00 EUR"`
	var amount, code string
	switch n.Kind {
	case yaml.ScalarNode:
		parts := strings.Fields(n.Value)
		if len(parts) != 2 {
			return wrong(n, "%.60q: %s", n.Value, want)
		}
		amount, code = parts[0], parts[1]
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			key, v := n.Content[i], n.Content[i+1]
			switch {
			case v.Kind != yaml.ScalarNode:
				return wrong(v, "%s", want)
			case key.Value == "amount" && amount == "":
				amount = v.Value
			case key.Value == "currency" && code == "":
				code = v.Value
			default:
				return wrong(key, "key %.40q: want amount and currency, once each", key.Value)
			}
		}
	default:
		return wrong(n, "%s", want)
	}
	v, err := pricing.NewMoney(amount, code)
	if err != nil {
		return wrong(n, "%v", err)
	}
	m.Money = v
	return nil
}

// moment is written as a date or in RFC 3339.
type moment struct{ time.Time }

// UnmarshalYAML implements [yaml.Unmarshaler].
func (m *moment) UnmarshalYAML(n *yaml.Node) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, n.Value); err == nil && n.Kind == yaml.ScalarNode {
			m.Time = t.UTC()
			return nil
		}
	}
	return wrong(n, "%.40q: want a date such as 2026-10-28 or a time such as 2026-10-28T12:00:00Z", n.Value)
}

// wrong is a fault that the decoder collects with its own.
func wrong(n *yaml.Node, format string, args ...any) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: ", n.Line) + fmt.Sprintf(format, args...)}}
}
