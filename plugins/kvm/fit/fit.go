package fit

import (
	"slices"
	"strings"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

// Fit finds room for a request. It answers either an assignment and no reasons,
// or every reason at once, in a fixed order. Neither the host nor the request is
// changed.
func Fit(h *inventory.Host, limits Limits, req Request, opts Options) (Assignment, []Reason) {
	guests := counted(h, opts)
	q := &question{
		host: h, limits: limits, guests: guests,
		board: newBoard(h, limits, guests), bus: newBus(h, guests),
	}
	a, found := q.ask(req)
	if len(found) == 0 {
		return a, nil
	}
	return Assignment{}, q.explain(req, found)
}

// counted are the domains to look at.
func counted(h *inventory.Host, opts Options) []inventory.Guest {
	out := make([]inventory.Guest, 0, len(h.Guests))
	for _, g := range h.Guests {
		if opts.Exclude != "" && g.UUID == opts.Exclude {
			continue
		}
		if g.Claim != nil && opts.IgnoreUnsettled > 0 && !g.Active {
			if age, unsettled := g.Claim.Unsettled(opts.Now); unsettled && age < opts.IgnoreUnsettled {
				continue
			}
		}
		out = append(out, g)
	}
	return out
}

// question is a host made ready to be asked, also with relaxed requests.
type question struct {
	host   *inventory.Host
	limits Limits
	guests []inventory.Guest
	board  *board
	bus    *bus
}

// answer collects an assignment and what stands in its way.
type answer struct {
	Assignment
	found []obstacle
}

// obstacle is a reason before its relaxation has been tried. Subject tells
// apart those of one field.
type obstacle struct {
	Reason
	subject string
	relax   relaxation
}

func (a *answer) no(r Reason, relax relaxation) {
	a.found = append(a.found, obstacle{Reason: r, relax: relax})
}

// unknown notes what the host does not say; a strict request does not take it.
func (a *answer) unknown(req Request, field, want, what string) {
	if !req.Strict {
		a.Unknown = append(a.Unknown, field)
		return
	}
	a.no(Reason{Field: field, Want: want, Have: "unknown", Text: "the host does not say " + what},
		relaxation{"strict=false", func(r *Request) { r.Strict = false }})
}

func (q *question) ask(req Request) (Assignment, []obstacle) {
	a := &answer{Assignment: Assignment{NUMANode: -1, MemoryMiB: req.MemoryMiB}}
	q.accelerator(a)
	q.arch(a, req)
	q.cores(a, req)
	q.memory(a, req)
	q.flags(a, req)
	q.frequency(a, req)
	q.ecc(a, req)
	q.pci(a, req)
	q.disk(a, req)
	q.networks(a, req)
	return a.Assignment, a.found
}

// explain tries every relaxation and keeps those that remove their obstacle.
func (q *question) explain(req Request, found []obstacle) []Reason {
	out := make([]Reason, 0, len(found))
	for _, o := range found {
		if o.relax.change != nil {
			relaxed := req.clone()
			o.relax.change(&relaxed)
			_, left := q.ask(relaxed)
			still := slices.ContainsFunc(left, func(l obstacle) bool { return l.Field == o.Field && l.subject == o.subject })
			if !still {
				o.Relax = o.relax.text
			}
		}
		out = append(out, o.Reason)
	}
	return out
}

// relaxation is a smaller request, in the words of the spec and as what it does.
type relaxation struct {
	text   string
	change func(*Request)
}

func (r Request) clone() Request {
	r.Archs, r.Flags, r.PCI = slices.Clone(r.Archs), slices.Clone(r.Flags), slices.Clone(r.PCI)
	r.Networks = slices.Clone(r.Networks)
	return r
}

// list writes texts as specs do: ["a","b"].
func list(texts []string) string {
	if len(texts) == 0 {
		return "[]"
	}
	return `["` + strings.Join(texts, `","`) + `"]`
}
