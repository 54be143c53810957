package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	// imgInitiator is the name that qemu-img has as an initiator.
	imgInitiator = "iqn.2008-11.org.linux-kvm"
	waySize      = "128MiB"
	wayBytes     = 128 << 20
	// oneLoad is about how long a load runs, so that its end is measured well.
	oneLoad = 120 * time.Millisecond
	// maxRequests keeps demands through the page cache from being endless.
	maxRequests = 100_000
)

// way is one way to a volume of its own.
type way struct {
	name string
	args []string // of qemu-img bench: where
	env  []string
	in   []string // what begins the command
}

// ways are all that there are; the first is what the others are compared with.
type ways struct {
	*vault
	all []way
}

// demand is what is asked of each way.
type demand struct {
	write      bool
	block      int // bytes
	depth      int
	rates      []sample // requests per second, by way
	calibrated []int    // requests of one run, by way
}

func (d *demand) String() string {
	verb := "read"
	if d.write {
		verb = "write"
	}
	return fmt.Sprintf("%s %d KiB, depth %d", verb, d.block>>10, d.depth)
}

// newWays makes the volumes, exports them and fills them.
func (v *vault) newWays(ctx context.Context) (*ways, error) {
	w := &ways{vault: v}
	initiator, err := hostOf("kvm1")
	if err != nil {
		return nil, err
	}
	for _, kind := range []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_FILE, pb.ConnectionKind_CONNECTION_KIND_NBD, pb.ConnectionKind_CONNECTION_KIND_ISCSI} {
		for _, format := range []string{"raw", "qcow2"} {
			name := strings.ToLower(strings.TrimPrefix(kind.String(), "CONNECTION_KIND_"))
			vid, err := v.created(ctx, "way-"+name+"-"+format, format, waySize)
			if err != nil {
				return nil, err
			}
			c, err := v.export(ctx, fmt.Sprintf("bench-%d", len(w.all)), vid, kind)
			if err != nil {
				return nil, err
			}
			to := way{name: name + ", " + format}
			switch p := c.GetPath().(type) {
			case *pb.Connection_File:
				to.args = []string{"-f", p.File.GetFormat(), p.File.GetFile()}
			case *pb.Connection_Nbd:
				to.args = []string{"-f", "raw", p.Nbd.GetUri()}
			case *pb.Connection_Iscsi:
				// From another host of the lab's, as a machine would.
				to.in = []string{"ip", "netns", "exec", initiator.netns}
				to.args = []string{"-f", "raw", fmt.Sprintf("iscsi://%s/%s/%d", p.Iscsi.GetPortals()[0], p.Iscsi.GetTargetIqn(), p.Iscsi.GetLun())}
				to.env = []string{"LIBISCSI_CHAP_USERNAME=" + p.Iscsi.GetChapUser(), "LIBISCSI_CHAP_PASSWORD=" + string(p.Iscsi.GetChapPassword())}
			default:
				return nil, fmt.Errorf("the vault offers no %s to a %s volume", name, format)
			}
			// What is measured later is not how space is found.
			fill := demand{write: true, block: 1 << 20, depth: 4}
			if _, err := w.run(ctx, to, &fill, wayBytes/fill.block); err != nil {
				return nil, err
			}
			w.all = append(w.all, to)
		}
	}
	return w, nil
}

var completed = regexp.MustCompile(`Run completed in ([0-9.]+) seconds`)

// run puts a load of so many requests on a way, and returns the requests per second.
func (w *ways) run(ctx context.Context, to way, d *demand, requests int) (float64, error) {
	args := append(to.in[:len(to.in):len(to.in)], "qemu-img", "bench", "-t", "unsafe", "-c", strconv.Itoa(requests), "-s", strconv.Itoa(d.block), "-d", strconv.Itoa(d.depth))
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
				demands = append(demands, &demand{write: write, block: block, depth: depth, rates: make([]sample, len(w.all)), calibrated: make([]int, len(w.all))})
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
		note: fmt.Sprintf("Medians, %d turns; in a cell the ratio to the first column in the same turn. Sequential requests to volumes of 128 MiB that were written all over and are in the "+
			"page cache; nobody flushes: it is what a way costs, not the disk. iSCSI comes from another network namespace, with a password.", turns),
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

// cells are the line of a load: what the first way does, and what part of it the
// others do.
func (d *demand) cells() []string {
	out := []string{d.String(), d.text(d.rates[0].median())}
	for _, rates := range d.rates[1:] {
		out = append(out, fmt.Sprintf("%.2f (%s)", pairwise(rates, d.rates[0], ratio).median(), d.text(rates.median())))
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
