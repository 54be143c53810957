package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// maxPCI is how many devices of one model may be asked for, and how many models.
const maxPCI = 64

func hexID(what string) text {
	return text{
		want: what + " as four hexadecimal digits such as 10de", pattern: `^[0-9A-Fa-f]{4}$`, most: 64,
		normal: func(s string) (string, string) {
			if len(s) != 4 || !only(s, "0123456789abcdefABCDEF") {
				return "", "is no PCI id"
			}
			return strings.ToLower(s), ""
		},
	}
}

// pciModels is a list of devices, normalised.
type pciModels struct{ list[core.PCIRequest] }

func (f pciModels) read(r *reader, v value) ([]core.PCIRequest, bool) {
	read, ok := f.list.read(r, v)
	return merged(r, v, read, ok)
}

// pciList is [{"vendor": "10de", "model": "1bb1", "quantity": 1}].
func pciList() form[[]core.PCIRequest] {
	const vendor, model = "the vendor", "the model"
	entry := object[core.PCIRequest]{
		want: `an object such as {"vendor": "10de", "model": "1bb1", "quantity": 1}`,
		fields: []field[core.PCIRequest]{
			bind("", "vendor", form[string](hexID(vendor)), func(p *core.PCIRequest, v string) { p.Vendor = v }),
			bind("", "model", form[string](hexID(model)), func(p *core.PCIRequest, v string) { p.Model = v }),
			bind("", "quantity", form[int64](integer(1, maxPCI)), func(p *core.PCIRequest, v int64) { p.Quantity = int(v) }),
		},
		check: func(r *reader, v value, p *core.PCIRequest) bool {
			if p.Quantity == 0 {
				p.Quantity = 1
			}
			whole := true
			for _, key := range []string{"vendor", "model"} {
				if v.member(key) == nil {
					r.missing(v, key, hexID("the "+key).want)
					whole = false
				}
			}
			return whole
		},
		rules: map[string]any{"required": []string{"vendor", "model"}},
		short: func(text string) *node {
			vendor, rest, _ := strings.Cut(text, ":")
			model, quantity, counted := strings.Cut(rest, ":")
			n := keyed("vendor", vendor)
			n.members = append(n.members, member{key: "model", value: textNode(model)})
			if counted {
				n.members = append(n.members, member{key: "quantity", value: plainNode(quantity)})
			}
			return n
		},
	}
	return pciModels{list[core.PCIRequest]{item: entry, most: maxPCI, want: "a list of PCI devices"}}
}

// pciMap is {"10de:1bb1": 1}.
type pciMap struct{}

func (pciMap) read(r *reader, v value) ([]core.PCIRequest, bool) {
	const want = `an object such as {"10de:1bb1": 1}`
	switch {
	case v.kind == unreadNode:
		return nil, false
	case v.kind == nullNode:
		return []core.PCIRequest{}, true
	case v.kind != objectNode:
		r.mistype(v, want)
		return nil, false
	case len(v.members) > maxPCI:
		r.reject(v, fmt.Sprintf("%d entries", len(v.members)), "are too many", fmt.Sprintf("at most %d", maxPCI))
		return nil, false
	}
	good := true
	first := map[string]member{}
	var read []core.PCIRequest
	for _, m := range v.members {
		key := value{&node{line: m.line, column: m.column}, v.at(shortened(m.key), nil).path}
		if old, twice := first[m.key]; twice {
			r.duplicate(key, old)
			good = false
			continue
		}
		first[m.key] = m
		vendor, model, _ := strings.Cut(m.key, ":")
		vendor, bad := hexID("").normal(vendor)
		model, worse := hexID("").normal(model)
		if bad+worse != "" {
			r.reject(key, quoted(m.key), "is no PCI model", "vendor:model as four hexadecimal digits each, such as 10de:1bb1")
			good = false
		}
		n, ok := integer(1, maxPCI).read(r, value{m.value, key.path})
		good = good && ok
		read = append(read, core.PCIRequest{Vendor: vendor, Model: model, Quantity: int(n)})
	}
	return merged(r, v, read, good)
}

func (pciMap) schema() map[string]any {
	return map[string]any{
		"type": []string{"object", "null"}, "maxProperties": maxPCI, "additionalProperties": false,
		"patternProperties": map[string]any{`^[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}$`: integer(1, maxPCI).schema()},
	}
}

// node is never asked for: overrides are in terms of the flat encoding.
func (pciMap) node(text string) *node { return plainNode(text) }

// merged is one entry for each model, in order.
func merged(r *reader, v value, read []core.PCIRequest, good bool) ([]core.PCIRequest, bool) {
	if !good {
		return nil, false
	}
	slices.SortFunc(read, func(a, b core.PCIRequest) int {
		return cmp.Or(strings.Compare(a.Vendor, b.Vendor), strings.Compare(a.Model, b.Model))
	})
	models := []core.PCIRequest{}
	for _, p := range read {
		if last := len(models) - 1; last >= 0 && models[last].Vendor == p.Vendor && models[last].Model == p.Model {
			models[last].Quantity += p.Quantity
		} else {
			models = append(models, p)
		}
	}
	for _, p := range models {
		if p.Quantity > maxPCI {
			r.reject(v, fmt.Sprintf("%d × %s:%s", p.Quantity, p.Vendor, p.Model), "is out of range", fmt.Sprintf("at most %d of a model", maxPCI))
			good = false
		}
	}
	return models, good
}
