package fit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func (q *question) cores(a *answer, req Request) {
	n := q.tolerance(req)
	units := q.board.units(req.AllowSMT, n)
	a.Overprovision, a.WholeCores = n, !req.AllowSMT
	if enough := q.most(units, a.Arch); req.Slots > enough {
		q.fewCores(a, req, n, enough)
		return
	}
	picked, node := pick(q.host, units, req.Slots, req.MemoryMiB)
	a.NUMANode = node
	for _, u := range picked {
		a.Threads = append(a.Threads, u.threads...)
	}
	a.Units = slices.Sorted(slices.Values(a.Threads))
	if a.WholeCores {
		a.Cores = len(picked)
	}
}

func (q *question) tolerance(req Request) int {
	if req.Overprovision < 1 {
		return q.limits.share()
	}
	return req.Overprovision
}

// most is how many of the units one machine can have: all, or as many as its
// machine type has vCPUs for.
func (q *question) most(units []unit, arch string) int {
	g, known := q.host.GuestArch(arch)
	if !known || g.MaxVCPUs == 0 {
		return len(units)
	}
	vcpus := 0
	for i, u := range units {
		if vcpus += len(u.threads); vcpus > g.MaxVCPUs {
			return i
		}
	}
	return len(units)
}

// fewCores says that there are too few units, and what would help: fewer of
// them, sharing with more machines, or threads instead of cores.
func (q *question) fewCores(a *answer, req Request, n, enough int) {
	what := unitName(req.AllowSMT)
	r := Reason{
		Field: "slots", Want: strconv.Itoa(req.Slots), Have: strconv.Itoa(enough),
		Text: fmt.Sprintf("%d %s %s for a machine that shares with at most %d", enough, what(enough), isAre(enough)+" free", n),
	}
	if n == 1 {
		r.Text = fmt.Sprintf("%d %s %s free of others", enough, what(enough), isAre(enough))
	}
	if all := q.total(req.AllowSMT); all < req.Slots {
		r.Text = fmt.Sprintf("the host has %d %s to give", all, what(all))
		if q.limits.ReserveCores > 0 {
			r.Text += fmt.Sprintf(", %d %s being reserved", q.limits.ReserveCores, plural(q.limits.ReserveCores, "core"))
		}
	}
	fewer := relaxation{}
	if enough > 0 {
		fewer = relaxation{fmt.Sprintf("slots=%d", enough), func(x *Request) { x.Slots = enough }}
	}
	a.no(r, fewer)
	for m := n + 1; m <= MaxOverprovision; m++ {
		if q.most(q.board.units(req.AllowSMT, m), a.Arch) < req.Slots {
			continue
		}
		a.no(Reason{
			Field: "overprovision", Want: fmt.Sprintf("at most %d", n), Have: strconv.Itoa(m),
			Text: fmt.Sprintf("enough %s are free for a machine that shares with %d", what(2), m),
		}, relaxation{fmt.Sprintf("overprovision=%d", m), func(x *Request) { x.Overprovision = m }})
		break
	}
	if !req.AllowSMT && q.most(q.board.units(true, n), a.Arch) >= req.Slots {
		a.no(Reason{Field: "allowSMT", Want: "false", Have: "true", Text: "enough threads are free, if not whole cores"},
			relaxation{"allowSMT=true", func(x *Request) { x.AllowSMT = true }})
	}
}

// total is how many units the host could give if nobody were on it.
func (q *question) total(smt bool) int {
	n := 0
	for _, c := range q.board.available() {
		if smt {
			n += len(q.board.cores[c].Threads)
		} else {
			n++
		}
	}
	return n
}

func (q *question) pci(a *answer, req Request) {
	want := wants(req.PCI)
	if addresses, ok := q.bus.choose(want); ok {
		a.PCI = addresses
		return
	}
	enough := true
	for i, r := range req.PCI {
		name := model(r.Vendor, r.Model)
		if slices.ContainsFunc(req.PCI[:i], func(o PCIRequest) bool { return model(o.Vendor, o.Model) == name }) {
			continue
		}
		most := q.mostOf(name, want[name])
		if most == want[name] {
			continue
		}
		enough = false
		have, why := q.bus.survey(name)
		text := "the host has none"
		if have > 0 {
			text = fmt.Sprintf("%d of the host's %d can be passed", most, have)
			if len(why) > 0 {
				text += ": " + strings.Join(why, ", ")
			}
		}
		relax := relaxation{}
		if most > 0 && want[name] == max(r.Count, 1) {
			relax = relaxation{fmt.Sprintf("pci[%d].quantity=%d", i, most), func(x *Request) { x.PCI[i].Count = most }}
		}
		a.found = append(a.found, obstacle{
			Reason: Reason{
				Field: "pci", Want: fmt.Sprintf("%d × %s", want[name], name), Have: strconv.Itoa(most), Text: name + ": " + text,
			}, subject: name, relax: relax,
		})
	}
	if enough {
		a.no(Reason{
			Field: "pci", Want: "all on one host", Have: "shared IOMMU groups",
			Text: "the devices cannot be passed without others of their IOMMU groups",
		}, relaxation{})
	}
}

// mostOf is how many of one model, at most limit, could be passed if no other
// were asked.
func (q *question) mostOf(name string, limit int) int {
	present, _ := q.bus.survey(name)
	for n := min(limit, present); n > 0; n-- {
		if _, ok := q.bus.choose(map[string]int{name: n}); ok {
			return n
		}
	}
	return 0
}

func unitName(smt bool) func(int) string {
	return func(n int) string {
		if smt {
			return plural(n, "thread")
		}
		return plural(n, "core")
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
