package kvm

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/sdk/pb"
)

// discoverPatience bounds the look for a libvirt of this machine.
const discoverPatience = 5 * time.Second

// discover finds the libvirts of this machine that answer. One whose socket is
// not there is not asked: to connect could start it.
func discover(ctx context.Context) ([]*pb.Discovery, error) {
	ctx, cancel := context.WithTimeout(ctx, discoverPatience)
	defer cancel()
	var found []*pb.Discovery
	for _, c := range []struct {
		name, uri string
		sockets   []string
	}{
		{"local", "qemu:///system", []string{"/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock"}},
		{"session", "qemu:///session", sessionSockets()},
	} {
		if !anyExists(c.sockets) {
			continue
		}
		seen, err := greet(ctx, c.uri)
		if err != nil {
			continue
		}
		config, err := seen.config(c.name, c.uri)
		if err != nil {
			return nil, err
		}
		found = append(found, &pb.Discovery{SuggestedName: c.name, ConfigJson: config, Text: c.uri + ": " + seen.text()})
	}
	return found, nil
}

// greeting is what a libvirt says of itself.
type greeting struct {
	version               string
	threads, memoryMiB    uint64
	domains               int
	pools, activeNetworks []string
}

// config is a provider that can be added as it stands. What its owner's own
// machine costs nobody has said, so that it is free until somebody does.
func (g *greeting) config(name, uri string) (string, error) {
	c := map[string]any{"uri": uri, "name": name, "free": true}
	if pool := preferred(g.pools); pool != "" {
		c["pool"] = pool
	}
	if network := preferred(g.activeNetworks); network != "" {
		c["network"] = network
	}
	b, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode settings: %w", err)
	}
	return string(b), nil
}

// preferred is default if it is there, else the first.
func preferred(names []string) string {
	if len(names) == 0 || slices.Contains(names, "default") {
		return ""
	}
	return names[0]
}

func (g *greeting) text() string {
	return fmt.Sprintf("%s, %d threads, %d MiB, %d domains; free of charge until prices are set; needs images", g.version, g.threads, g.memoryMiB, g.domains)
}

func greet(ctx context.Context, uri string) (*greeting, error) {
	h := hosts.Open(hosts.Options{Name: uri, URI: uri, Log: slog.New(slog.DiscardHandler)})
	defer h.Close()
	return hosts.Ask(ctx, h, "look around", func(c *libvirt.Connect) (*greeting, error) {
		version, err := versions(c)
		if err != nil {
			return nil, err
		}
		info, err := c.GetNodeInfo()
		if err != nil {
			return nil, err
		}
		domains, err := c.ListAllDomains(0)
		if err != nil {
			return nil, err
		}
		for i := range domains {
			_ = domains[i].Free()
		}
		g := &greeting{version: version, threads: uint64(info.Cpus), memoryMiB: info.Memory >> 10, domains: len(domains)}
		// Without any there is nothing to suggest, and a check will say so.
		g.pools = names(c.ListAllStoragePools(libvirt.CONNECT_LIST_STORAGE_POOLS_ACTIVE | libvirt.CONNECT_LIST_STORAGE_POOLS_DIR))
		g.activeNetworks = names(c.ListAllNetworks(libvirt.CONNECT_LIST_NETWORKS_ACTIVE))
		return g, nil
	})
}

// names are those of libvirt's objects, which are freed.
func names[T any, P interface {
	*T
	GetName() (string, error)
	Free() error
}](all []T, err error) []string {
	if err != nil {
		return nil
	}
	var out []string
	for i := range all {
		object := P(&all[i])
		if name, err := object.GetName(); err == nil && name != consolePool {
			out = append(out, name)
		}
		_ = object.Free()
	}
	slices.Sort(out)
	return out
}

func sessionSockets() []string {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = filepath.Join("/run/user", fmt.Sprint(os.Getuid()))
	}
	return []string{filepath.Join(dir, "libvirt", "libvirt-sock"), filepath.Join(dir, "libvirt", "virtqemud-sock")}
}

func anyExists(paths []string) bool {
	for _, p := range paths {
		if _, err := os.Stat(p); err == nil {
			return true
		}
	}
	return false
}

// unprivileged reports whether a URI is of a libvirt that runs as a user.
func unprivileged(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && strings.TrimPrefix(u.Path, "/") == "session"
}
