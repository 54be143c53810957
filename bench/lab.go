package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// labHost is one of the lab's libvirt hosts.
type labHost struct{ name, uri, netns, pool, logs string }

func hostOf(zone string) (labHost, error) {
	h := labHost{name: zone}
	for suffix, to := range map[string]*string{"URI": &h.uri, "NETNS": &h.netns, "POOL_DIR": &h.pool, "LOG_DIR": &h.logs} {
		value, err := environment("MESON_LAB_" + strings.ToUpper(zone) + "_" + suffix)
		if err != nil {
			return h, err
		}
		*to = value
	}
	return h, nil
}

func (h labHost) virsh(args ...string) []string {
	return append([]string{"virsh", "-q", "-c", h.uri}, args...)
}

// consoleLog is where a machine's console is logged.
func (h labHost) consoleLog(instance string) string {
	return filepath.Join(h.logs, "qemu", "meson-"+instance+"-console.log")
}

func (h labHost) disk(instance string) string {
	return filepath.Join(h.pool, "meson-"+instance+".qcow2")
}

func (h labHost) seed(instance string) string {
	return filepath.Join(h.pool, "meson-"+instance+"-seed.iso")
}

// overlay makes a disk over the same base as a machine's, and a copy of its seed.
func (b *bench) overlay(ctx context.Context, h labHost, instance, disk, seed string) error {
	if err := os.MkdirAll(filepath.Dir(disk), 0o700); err != nil {
		return err
	}
	info, err := b.output(ctx, []string{"qemu-img", "info", "-U", h.disk(instance)})
	if err != nil {
		return err
	}
	base, format := field(string(info), "backing file: "), field(string(info), "backing file format: ")
	if base == "" || format == "" {
		return fmt.Errorf("%s has no backing file", h.disk(instance))
	}
	if _, err := b.output(ctx, []string{"qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", format, disk, "1G"}); err != nil {
		return err
	}
	text, err := os.ReadFile(h.seed(instance))
	if err != nil {
		return err
	}
	return os.WriteFile(seed, text, 0o600)
}

// field is the first word after a label at the begin of a line.
func field(text, label string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, label); ok {
			if words := strings.Fields(rest); len(words) > 0 {
				return words[0]
			}
		}
	}
	return ""
}
