package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// readyLine is what the tiny guest says when it has booted.
const readyLine = "MESON-GUEST ready"

const (
	bootPatience = time.Minute
	// clockTick is the unit of processor time in /proc, the same on all of Linux.
	clockTick = 10 * time.Millisecond
)

// boot compares the processor time that QEMU takes until the tiny guest is ready.
func (b *bench) boot(ctx context.Context) ([]row, error) {
	spec, err := b.spec("tiny", 256)
	if err != nil {
		return nil, err
	}
	// The first is not counted: it makes the image, and shows what QEMU is to do.
	_, like, err := b.deployed(ctx, spec, "like")
	if err != nil {
		return nil, err
	}
	q, err := b.newBareQEMU(ctx, like)
	if err != nil {
		return nil, err
	}
	defer q.clean()
	if _, err := untilReady(ctx, q.likePID, q.host.consoleLog(like.Instance.ID)); err != nil {
		return nil, err
	}
	if err := b.remove(ctx, like.Name); err != nil {
		return nil, err
	}
	var ours, theirs, early, ourWall, theirWall sample
	for i := range b.times(10) {
		meson := func() error {
			begun := time.Now()
			_, m, err := b.deployed(ctx, spec, fmt.Sprintf("boot%d", i))
			if err != nil {
				return err
			}
			before, cpu, err := bootOf(ctx, m)
			ours.add(cpu)
			early.add(before)
			ourWall.add(time.Since(begun))
			return errors.Join(err, b.remove(ctx, m.Name))
		}
		bare := func() error {
			begun := time.Now()
			cpu, err := q.run(ctx, i)
			theirs.add(cpu)
			theirWall.add(time.Since(begun))
			return err
		}
		turns := []func() error{meson, bare}
		if i%2 == 1 {
			turns[0], turns[1] = turns[1], turns[0]
		}
		for _, turn := range turns {
			quiet(ctx)
			if err := turn(); err != nil {
				return nil, err
			}
		}
	}
	times := pairwise(ours, theirs, ratio)
	return []row{{
		what:  "boot of the tiny guest: QEMU's processor time to its ready line",
		meson: ours.text("%.0f", "ms"), against: "bare QEMU: " + theirs.text("%.0f", "ms"),
		compared: fmt.Sprintf("%.2f", times.median()) + fmt.Sprintf(" (%.2f–%.2f)", times.quantile(1), times.quantile(3)), goal: "ratio ≤ 1.1", met: verdictOf(times.median() <= 1.1),
		how: fmt.Sprintf("%d pairs, user and system time of the process in /proc when the line is in the console's log. Bare QEMU has the same machine type, CPU model, memory, "+
			"an overlay over the same base, the same seed, a tap on the same bridge (DHCP by the same server), serial console into a file, pinned alike; it has no VGA, VNC, balloon, "+
			"RNG, agent channel and spare PCIe ports, which Meson's machines have. Of Meson's time %.0f ms had passed when the deploy ended: there libvirt asks QEMU's monitor about itself, "+
			"which bare QEMU is spared. Wall time to the line: %.1f s from `meson deploy`, %.1f s from QEMU's start.",
			len(ours), early.median(), ourWall.median()/1000, theirWall.median()/1000),
	}}, nil
}

// bootOf is the processor time of a machine's QEMU now, and when its guest is
// ready.
func bootOf(ctx context.Context, m machine) (now, ready time.Duration, err error) {
	host, err := hostOf(m.Offer.Zone)
	if err != nil {
		return 0, 0, err
	}
	pid, err := qemuOf(m.Instance.ID)
	if err != nil {
		return 0, 0, err
	}
	if now, err = processorTime(pid); err != nil {
		return 0, 0, err
	}
	ready, err = untilReady(ctx, pid, host.consoleLog(m.Instance.ID))
	return now, ready, err
}

// untilReady is the processor time that a process has taken when the ready line
// is in the log.
func untilReady(ctx context.Context, pid int, log string) (time.Duration, error) {
	for begun := time.Now(); time.Since(begun) < bootPatience && ctx.Err() == nil; time.Sleep(2 * time.Millisecond) {
		text, err := os.ReadFile(log)
		if err == nil && bytes.Contains(text, []byte(readyLine)) {
			return processorTime(pid)
		}
	}
	return 0, fmt.Errorf("the guest was not ready within %s: %w", bootPatience, ctx.Err())
}

func processorTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name, in brackets, may hold anything; utime and stime are the 12th and
	// 13th fields after it.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	user, err := strconv.Atoi(fields[11])
	system, serr := strconv.Atoi(fields[12])
	return time.Duration(user+system) * clockTick, errors.Join(err, serr)
}

// qemuOf is the process of a domain, seen from outside of its host's namespaces.
func qemuOf(uuid string) (int, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err == nil && bytes.Contains(text, []byte("\x00-uuid\x00"+uuid+"\x00")) {
			return strconv.Atoi(strings.Split(path, "/")[2])
		}
	}
	return 0, fmt.Errorf("no QEMU has the uuid %s", uuid)
}

// bareQEMU runs the guest of a machine without libvirt.
type bareQEMU struct {
	b                     *bench
	host                  labHost
	like                  machine
	likePID               int
	machineType, cpus     string
	disk, draft, seed, on string
	tap                   string
}

func (b *bench) newBareQEMU(ctx context.Context, like machine) (*bareQEMU, error) {
	host, err := hostOf(like.Offer.Zone)
	if err != nil {
		return nil, err
	}
	q := &bareQEMU{b: b, host: host, like: like, tap: fmt.Sprintf("mb%d", os.Getpid())}
	q.disk, q.draft, q.seed, q.on = b.path("bare", "run.qcow2"), b.path("bare", "disk.qcow2"), b.path("bare", "seed.iso"), b.path("bare", "console")
	if err := b.overlay(ctx, host, like.Instance.ID, q.draft, q.seed); err != nil {
		return nil, err
	}
	if q.likePID, err = qemuOf(like.Instance.ID); err != nil {
		return nil, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", q.likePID))
	if err != nil {
		return nil, err
	}
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", q.likePID))
	if err != nil {
		return nil, err
	}
	q.cpus = field(string(status), "Cpus_allowed_list:")
	if found := regexp.MustCompile(`\x00-machine\x00([^,\x00]+)`).FindSubmatch(cmdline); found != nil {
		q.machineType = string(found[1])
	}
	if q.cpus == "" || q.machineType == "" {
		return nil, errors.New("the machine's QEMU has no -machine or no processors")
	}
	for _, args := range [][]string{{"tuntap", "add", "dev", q.tap, "mode", "tap"}, {"link", "set", q.tap, "master", "virbr0", "up"}} {
		if _, err := b.output(ctx, append([]string{"ip", "-n", host.netns}, args...)); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// run boots the guest from a fresh copy of the empty overlay.
func (q *bareQEMU) run(ctx context.Context, i int) (cpu time.Duration, err error) {
	draft, err := os.ReadFile(q.draft)
	if err != nil {
		return 0, err
	}
	if err := os.WriteFile(q.disk, draft, 0o600); err != nil {
		return 0, err
	}
	_ = os.Remove(q.on)
	cmd := exec.CommandContext(ctx, "ip", "netns", "exec", q.host.netns, "taskset", "-c", q.cpus, "qemu-system-x86_64",
		"-machine", q.machineType, "-accel", "tcg,tb-size=64", "-cpu", "max", "-m", "256", "-smp", "1",
		"-no-user-config", "-nodefaults", "-display", "none", "-rtc", "base=utc,driftfix=slew", "-no-hpet",
		"-blockdev", "qcow2,node-name=disk,discard=unmap,file.driver=file,file.filename="+q.disk+",file.discard=unmap",
		"-device", "virtio-blk-pci,drive=disk,bootindex=1,write-cache=on",
		"-blockdev", "raw,node-name=seed,read-only=on,file.driver=file,file.filename="+q.seed,
		"-device", "virtio-blk-pci,drive=seed",
		"-netdev", "tap,id=net,ifname="+q.tap+",script=no,downscript=no,vhost=off",
		"-device", fmt.Sprintf("virtio-net-pci,netdev=net,mac=52:54:00:be:%02x:%02x", os.Getpid()&0xff, i&0xff),
		"-chardev", "file,id=console,path="+q.on, "-device", "isa-serial,chardev=console",
	)
	var faults bytes.Buffer
	cmd.Stderr = &faults
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = cmd.Process.Kill()
		if werr := cmd.Wait(); err != nil {
			err = fmt.Errorf("%w (QEMU: %w: %s)", err, werr, faults.String())
		}
	}()
	return untilReady(ctx, cmd.Process.Pid, q.on)
}

func (q *bareQEMU) clean() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, _ = q.b.output(ctx, []string{"ip", "-n", q.host.netns, "link", "del", q.tap})
}
