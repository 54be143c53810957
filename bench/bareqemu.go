package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// bareQEMU runs the guest of a machine without libvirt, pinned alike and on the same
// bridge.
type bareQEMU struct {
	b       *bench
	host    labHost
	like    machine
	likePID int
	// cmdline is the machine's own, without the program.
	cmdline           []string
	machineType, cpus string
	// draft is the empty overlay, disk a fresh copy of it, seed that of the machine,
	// on what the serial console said.
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
	q.cmdline = strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")[1:]
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

// same is the machine's own command line, with every device that its guest sees, but
// for libvirt's monitor and what libvirt opens beforehand; i makes its MAC another.
func (q *bareQEMU) same(i int) []string {
	paths := strings.NewReplacer(q.host.disk(q.like.Instance.ID), q.disk, q.host.seed(q.like.Instance.ID), q.seed)
	mac := regexp.MustCompile(`52:54:00(:[0-9a-f]{2}){3}`)
	var out []string
	for args := q.cmdline; len(args) > 0; {
		flag := args[0]
		if flag == "-S" || len(args) == 1 || strings.HasPrefix(args[1], "-") { // has no value
			if flag != "-S" {
				out = append(out, flag)
			}
			args = args[1:]
			continue
		}
		value := args[1]
		args = args[2:]
		switch {
		case flag == "-name", flag == "-mon", flag == "-msg", flag == "-add-fd", strings.Contains(value, "charmonitor"), strings.Contains(value, `"masterKey0"`):
			continue
		case flag == "-netdev":
			value = "tap,id=hostnet0,ifname=" + q.tap + ",script=no,downscript=no,vhost=off"
		case flag == "-vnc":
			value = "unix:" + q.b.path("bare", "vnc")
		case strings.HasPrefix(value, "pty,id="):
			value, _, _ = strings.Cut(value, ",logfile")
			value += ",logfile=" + q.on + ",logappend=on"
		case strings.HasPrefix(value, "socket,id=charchannel"):
			value, _, _ = strings.Cut(value, ",fd=")
			value += ",path=" + q.b.path("bare", "channel") + ",server=on,wait=off"
		default:
			value = mac.ReplaceAllString(paths.Replace(value), q.mac(i))
		}
		out = append(out, flag, value)
	}
	return out
}

// lean is the least that boots the guest: two disks, a network and a serial console.
func (q *bareQEMU) lean(i int) []string {
	return []string{
		"-machine", q.machineType, "-accel", "tcg,tb-size=64", "-cpu", "max", "-m", "256", "-smp", "1",
		"-no-user-config", "-nodefaults", "-display", "none", "-rtc", "base=utc,driftfix=slew", "-no-hpet",
		"-blockdev", "qcow2,node-name=disk,discard=unmap,file.driver=file,file.filename=" + q.disk + ",file.discard=unmap",
		"-device", "virtio-blk-pci,drive=disk,bootindex=1,write-cache=on",
		"-blockdev", "raw,node-name=seed,read-only=on,file.driver=file,file.filename=" + q.seed,
		"-device", "virtio-blk-pci,drive=seed",
		"-netdev", "tap,id=net,ifname=" + q.tap + ",script=no,downscript=no,vhost=off",
		"-device", "virtio-net-pci,netdev=net,romfile=,mac=" + q.mac(i),
		"-chardev", "file,id=console,path=" + q.on, "-device", "isa-serial,chardev=console",
	}
}

func (q *bareQEMU) mac(i int) string {
	return fmt.Sprintf("52:54:00:be:%02x:%02x", os.Getpid()&0xff, i&0xff)
}

// run boots the guest from a fresh copy of the empty overlay, and gives the processor
// time until it is ready.
func (q *bareQEMU) run(ctx context.Context, args []string) (cpu time.Duration, err error) {
	draft, err := os.ReadFile(q.draft)
	if err != nil {
		return 0, err
	}
	if err := os.WriteFile(q.disk, draft, 0o600); err != nil {
		return 0, err
	}
	_ = os.Remove(q.on)
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", q.host.netns, "taskset", "-c", q.cpus, "qemu-system-x86_64"}, args...)...)
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
