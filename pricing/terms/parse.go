package terms

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mesoncloud/meson/pricing"
)

// MaxBytes is how long a file of terms may be.
const MaxBytes = 256 << 10

// Read is Parse of all that r has, of which it takes no more than a little over
// MaxBytes.
func Read(r io.Reader) (pricing.Terms, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return pricing.Terms{}, fmt.Errorf("terms: %w", err)
	}
	return Parse(data)
}

// Parse reads terms and checks them. All faults are reported at once, each with
// its line or rule: an unknown key or one given twice, a value of another form,
// what [pricing.Terms.Check] refuses. No document at all and several are refused;
// one with nothing in it ({}) is terms under which nothing is agreed.
func Parse(data []byte) (pricing.Terms, error) {
	if len(data) > MaxBytes {
		return pricing.Terms{}, fmt.Errorf("terms of more than %d bytes", MaxBytes)
	}
	root, err := document(data)
	if err != nil {
		return pricing.Terms{}, fmt.Errorf("terms: %w", err)
	}
	var p parser
	t := p.terms(root)
	// Rules that could not be read stand in the check as ones without fault, so
	// that the others keep their numbers.
	checked := pricing.Terms{Rules: slices.Clone(t.Rules), TaxNote: t.TaxNote}
	for _, i := range p.broken {
		checked.Rules[i] = pricing.Rule{Name: "-", Stage: pricing.StageDiscount, Percent: "1"}
	}
	if err := errors.Join(append(p.faults, checked.Check())...); err != nil {
		return pricing.Terms{}, fmt.Errorf("terms: %w", err)
	}
	return t, nil
}

func document(data []byte) (*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	root := new(yaml.Node)
	if err := d.Decode(root); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty")
		}
		return nil, err
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	return root.Content[0], nil
}

// parser collects faults, and which rules have one that keeps them from being
// read.
type parser struct {
	faults []error
	broken []int
}

func (p *parser) terms(root *yaml.Node) (t pricing.Terms) {
	var file struct {
		TaxNote string      `yaml:"tax_note"`
		Rules   []yaml.Node `yaml:"rules"`
	}
	p.decode("", root, &file, "tax_note", "rules")
	t.TaxNote = file.TaxNote
	if n := len(file.Rules); n > pricing.MaxRules {
		p.faults = append(p.faults, fmt.Errorf("%d rules: want at most %d", n, pricing.MaxRules))
		return t
	}
	for i := range file.Rules {
		var r row
		if !p.decode(fmt.Sprintf("rule %d, ", i+1), &file.Rules[i], &r, rowKeys()...) {
			p.broken = append(p.broken, i)
		}
		t.Rules = append(t.Rules, r.rule())
	}
	return t
}

// decode reads a mapping that may have these keys, and reports whether it could.
func (p *parser) decode(place string, n *yaml.Node, to any, keys ...string) bool {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		p.faults = append(p.faults, fmt.Errorf("%sline %d: want %s with their values", place, n.Line, strings.Join(keys, ", ")))
		return false
	}
	before := len(p.faults)
	for i := 0; i < len(n.Content); i += 2 {
		if key := n.Content[i]; !slices.Contains(keys, key.Value) {
			p.faults = append(p.faults, fmt.Errorf("%sline %d: key %.40q: want %s", place, key.Line, key.Value, strings.Join(keys, ", ")))
		}
	}
	err := n.Decode(to)
	if issues, ok := errors.AsType[*yaml.TypeError](err); ok {
		for _, issue := range issues.Errors {
			p.faults = append(p.faults, errors.New(place+issue))
		}
	} else if err != nil {
		p.faults = append(p.faults, fmt.Errorf("%sline %d: %w", place, n.Line, err))
	}
	return len(p.faults) == before
}
