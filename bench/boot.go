package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	var ours, same, lean, early, ourWall, sameWall sample
	meson := func(i int) error {
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
	alike := func(i int) error {
		begun := time.Now()
		cpu, err := q.run(ctx, q.same(2*i))
		same.add(cpu)
		sameWall.add(time.Since(begun))
		return err
	}
	least := func(i int) error {
		cpu, err := q.run(ctx, q.lean(2*i+1))
		lean.add(cpu)
		return err
	}
	for i := range b.times(10) {
		// The first of a round is another each time.
		turns := []func(int) error{meson, alike, least}
		for k := range turns {
			quiet(ctx)
			if err := turns[(i+k)%len(turns)](i); err != nil {
				return nil, err
			}
		}
	}
	compared := func(s sample) string {
		return fmt.Sprintf("%.2f (%.2f–%.2f)", s.median(), s.quantile(1), s.quantile(3))
	}
	times, beside := pairwise(ours, same, ratio), pairwise(ours, lean, ratio)
	return []row{{
		what:  "boot of the tiny guest: QEMU's processor time to its ready line",
		meson: ours.text("%.0f", "ms"), against: "the same machine under bare QEMU: " + same.text("%.0f", "ms"),
		compared: compared(times), goal: "ratio ≤ 1.1", met: verdictOf(times.median() <= 1.1),
		how: fmt.Sprintf("%d rounds, user and system time of the process in /proc when the line is in the console's log. Bare QEMU has the command line of the machine's own, "+
			"every device of it, over a fresh overlay of the same base, the same seed, a tap on the same bridge (DHCP by the same server), pinned alike; but no monitor: "+
			"of Meson's time %.0f ms had passed when the deploy ended, and there libvirt asks QEMU some 400 questions about its processor. Wall time to the line: %.1f s from `meson deploy`, %.1f s from QEMU's start.",
			len(ours), early.median(), ourWall.median()/1000, sameWall.median()/1000),
	}, {
		what:  "the same, beside the least that boots it",
		meson: ours.text("%.0f", "ms"), against: "bare QEMU with two disks, network and serial console: " + lean.text("%.0f", "ms"), compared: compared(beside),
		how: "the same rounds; no VGA, VNC, balloon, RNG, agent channel and spare PCIe ports, which Meson's machines have.",
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
