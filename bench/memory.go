package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	manyGuests  = 30
	manyAtOnce  = 5
	sampleEvery = 2 * time.Millisecond
)

// peak is the most memory that a broker, and the largest of its plugins, had.
type peak struct {
	mu             sync.Mutex
	broker, plugin float64 // MB
}

// memory fills three hosts with guests, and looks at the processes meanwhile.
func (b *bench) memory(ctx context.Context) ([]row, error) {
	// Each host is a region, so that the guests can be spread by hand.
	zones, err := b.providerOfRegions(ctx)
	if err != nil {
		return nil, err
	}
	spec, err := b.spec("bootsector", 16)
	if err != nil {
		return nil, err
	}
	var deploys, list, show peak
	begun := time.Now()
	names := make(chan int)
	faults := make(chan error, manyGuests)
	var ran atomic.Int64
	var workers sync.WaitGroup
	for range manyAtOnce {
		workers.Go(func() {
			for i := range names {
				err := b.watched(ctx, &deploys, "deploy", spec, "--cheapest", "--provider", "many", "--region", zones[i%len(zones)], "--name", b.many(i))
				switch exit, ok := errors.AsType[*exec.ExitError](err); {
				case err == nil:
					ran.Add(1)
				case ok && exit.ExitCode() == exitNoOffer:
					// The lab is shared: others' guests may leave no room for all.
				default:
					faults <- err
				}
			}
		})
	}
	for i := range manyGuests {
		b.left = append(b.left, b.many(i))
		names <- i
	}
	close(names)
	workers.Wait()
	close(faults)
	took := time.Since(begun)
	var errs []error
	for err := range faults {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	extra := b.many(manyGuests)
	b.left = append(b.left, extra)
	var last peak
	err = errors.Join(
		b.watched(ctx, &list, "ls"),
		b.watched(ctx, &show, "show", b.many(0)),
		b.watched(ctx, &last, "deploy", spec, "--cheapest", "--provider", "many", "--name", extra),
	)
	if err != nil {
		return nil, err
	}
	if err := b.close(); err != nil {
		return nil, err
	}
	mb := func(p *peak) string {
		if p.plugin == 0 {
			return fmt.Sprintf("broker %.0f MB, no plugin started", p.broker)
		}
		return fmt.Sprintf("broker %.0f MB, plugin %.0f MB", p.broker, p.plugin)
	}
	return []row{{
		what: fmt.Sprintf("peak memory with %d hosts and %d guests, `meson deploy` of one more", len(zones), ran.Load()), meson: mb(&last),
		how: fmt.Sprintf("VmHWM in /proc, looked at every %s; the guests were deployed by %d processes at a time in %.1f s.", sampleEvery, manyAtOnce, took.Seconds()),
	}, {
		what: "the same, `meson ls`", meson: mb(&list),
	}, {
		what: "the same, `meson show`", meson: mb(&show),
	}, {
		what: fmt.Sprintf("the same, the largest of the %d deploys", ran.Load()), meson: mb(&deploys),
	}}, nil
}

func (b *bench) many(i int) string { return fmt.Sprintf("%smany%d", b.prefix, i) }

// providerOfRegions adds the provider "many": the lab's hosts, each a region of
// its own, ten machines to a thread.
func (b *bench) providerOfRegions(ctx context.Context) ([]string, error) {
	text, err := os.ReadFile(b.path("provider.json"))
	if err != nil {
		return nil, err
	}
	var settings map[string]any
	if err := json.Unmarshal(text, &settings); err != nil {
		return nil, err
	}
	groups, _ := settings["groups"].([]any)
	var regions []string
	for i, g := range groups {
		group, ok := g.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("group %d of lab/provider is no object", i)
		}
		region := fmt.Sprintf("bench%d", i)
		group["region"], group["overprovision"] = region, 10
		for _, h := range group["hosts"].([]any) {
			h.(map[string]any)["reserve_cores"] = 0
		}
		regions = append(regions, region)
	}
	if len(regions) == 0 {
		return nil, errors.New("lab/provider has no groups")
	}
	if text, err = json.Marshal(settings); err != nil {
		return nil, err
	}
	path := b.path("many.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, err
	}
	_, err = b.output(ctx, b.meson("provider", "add", "many", "--plugin", "kvm", "--config", path))
	return regions, err
}

// watched runs meson and notes what it and its plugins had at most.
func (b *bench) watched(ctx context.Context, p *peak, args ...string) error {
	cmd := b.command(ctx, b.meson(args...))
	var faults strings.Builder
	cmd.Stderr = &faults
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				return fmt.Errorf("meson %s: %w\n%s", strings.Join(args, " "), err, faults.String())
			}
			return nil
		case <-tick.C:
			p.look(cmd)
		}
	}
}

func (p *peak) look(cmd *exec.Cmd) {
	broker := highWater(cmd.Process.Pid)
	plugin := 0.0
	for _, child := range children(cmd.Process.Pid) {
		plugin = max(plugin, highWater(child))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broker, p.plugin = max(p.broker, broker), max(p.plugin, plugin)
}

// highWater is the most memory that a process has had since its exec, in MB; 0 if
// it is gone.
func highWater(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	kib, err := strconv.Atoi(field(string(text), "VmHWM:"))
	if err != nil {
		return 0
	}
	return float64(kib) * 1024 / 1e6
}

// children of a process that run a plugin: between fork and exec a child is a copy
// of the broker.
func children(pid int) []int {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	var out []int
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		if err != nil {
			continue
		}
		for _, word := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(word)
			if err != nil {
				continue
			}
			name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child))
			if err == nil && strings.HasPrefix(string(name), "meson-plugin") {
				out = append(out, child)
			}
		}
	}
	return out
}
