package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	wayBytes = 128 << 20
	// oneLoad is about how long a load runs, so that its end is measured well.
	oneLoad = 120 * time.Millisecond
	// maxRequests keeps demands through the page cache from being endless.
	maxRequests = 100_000
)

// way is one way to a volume of its own.
type way struct {
	name string
	args []string // where, for what puts the load on it
	env  []string
	in   []string // what begins the command
	tool []string // puts the load on it; empty: qemu-img
	base int      // the way that it is compared with; its own number: with none
}

// ways are all that there are.
type ways struct {
	*vault
	all    []way
	mapped []string // files, to be unmapped
}

// demand is what is asked of each way.
type demand struct {
	write      bool
	block      int // bytes
	depth      int
	rates      []sample // requests per second, by way
	bases      []int    // what each is compared with, by way
	calibrated []int    // requests of one run, by way
}

func (d *demand) String() string {
	verb := "read"
	if d.write {
		verb = "write"
	}
	return fmt.Sprintf("%s %d KiB, depth %d", verb, d.block>>10, d.depth)
}

var completed = regexp.MustCompile(`Run completed in ([0-9.]+) seconds`)

// run puts a load of so many requests on a way, and returns the requests per second.
func (w *ways) run(ctx context.Context, to way, d *demand, requests int) (float64, error) {
	tool := to.tool
	if tool == nil {
		tool = []string{"qemu-img", "bench", "-t", "unsafe"}
	}
	args := slices.Concat(to.in, tool, []string{"-c", strconv.Itoa(requests), "-s", strconv.Itoa(d.block), "-d", strconv.Itoa(d.depth)})
	if d.write {
		args = append(args, "-w")
	}
	cmd := exec.CommandContext(ctx, args[0], append(args[1:], to.args...)...)
	cmd.Env = append(os.Environ(), to.env...)
	out, err := cmd.CombinedOutput()
	found := completed.FindSubmatch(out)
	if err != nil || found == nil {
		return 0, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	seconds, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		return 0, err
	}
	// The clock of qemu-img has three digits.
	return float64(requests) / max(seconds, 0.0005), nil
}

// table measures all demands on all ways.
func (w *ways) table(ctx context.Context) (table, error) {
	var demands []*demand
	for _, block := range []int{64 << 10, 4 << 10} {
		for _, write := range []bool{false, true} {
			for _, depth := range []int{1, 32} {
				demands = append(demands, &demand{write: write, block: block, depth: depth, rates: make([]sample, len(w.all)), bases: w.bases(), calibrated: make([]int, len(w.all))})
			}
		}
	}
	turns := w.times(3)
	for turn := range turns {
		for _, d := range demands {
			quiet(ctx)
			for i := range w.all {
				// Everybody is the first once in a while.
				at := (i + turn) % len(w.all)
				if err := w.measure(ctx, d, at); err != nil {
					return table{}, err
				}
			}
		}
	}
	t := table{
		head: []string{"`qemu-img bench`"},
		note: fmt.Sprintf("Medians, %d turns; in a cell the ratio to the raw file in the same turn, by the same program. Sequential requests to volumes of 128 MiB that were written all over and are in the "+
			"page cache; nobody flushes: it is what a way costs, not the disk. iSCSI, `map` (over iSCSI, to a raw volume) and NFS come from another network namespace. The file of `map` has the kernel's "+
			"page cache of FUSE besides. QEMU's client of NFS speaks version 3 alone: the last two columns are `pread`, `pwrite` and a client of NFSv4 of the benchmark's own, in one process, "+
			"which cost much less than QEMU does; compare their rates with each other.", turns),
	}
	for _, way := range w.all {
		t.head = append(t.head, way.name)
	}
	for _, d := range demands {
		t.lines = append(t.lines, d.cells())
	}
	return t, nil
}

// measure runs a load on a way once, the first time after a short one that says how
// many requests take long enough.
func (w *ways) measure(ctx context.Context, d *demand, at int) error {
	for d.calibrated[at] == 0 {
		const few = 256
		rate, err := w.run(ctx, w.all[at], d, few)
		if err != nil {
			return err
		}
		d.calibrated[at] = min(max(int(rate*oneLoad.Seconds()), few), maxRequests)
	}
	rate, err := w.run(ctx, w.all[at], d, d.calibrated[at])
	d.rates[at] = append(d.rates[at], rate)
	return err
}

// cells are the line of a load: what a way does, and what part it is of what the way
// does that it is compared with.
func (d *demand) cells() []string {
	out := []string{d.String()}
	for i, rates := range d.rates {
		cell := d.text(rates.median())
		if base := d.bases[i]; base != i {
			cell = fmt.Sprintf("%.2f (%s)", pairwise(rates, d.rates[base], ratio).median(), cell)
		}
		out = append(out, cell)
	}
	return out
}

// text is a rate in the unit that people ask of such blocks.
func (d *demand) text(rate float64) string {
	if d.block >= 64<<10 {
		return fmt.Sprintf("%.0f MB/s", rate*float64(d.block)/1e6)
	}
	return fmt.Sprintf("%.1f k/s", rate/1000)
}
