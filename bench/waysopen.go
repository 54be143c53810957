package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	// imgInitiator is the name that qemu-img has as an initiator.
	imgInitiator = "iqn.2008-11.org.linux-kvm"
	waySize      = "128MiB"
	// shareSize has room for a file of wayBytes.
	shareSize = "256MiB"
)

// newWays makes the volumes, exports them and fills them. The raw file is the first.
func (v *vault) newWays(ctx context.Context) (_ *ways, err error) {
	w := &ways{vault: v}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	// As a machine would, from another host of the lab's.
	host, err := hostOf("kvm1")
	if err != nil {
		return nil, err
	}
	for _, kind := range []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_FILE, pb.ConnectionKind_CONNECTION_KIND_NBD, pb.ConnectionKind_CONNECTION_KIND_ISCSI} {
		for _, format := range []string{"raw", "qcow2"} {
			if err := w.exported(ctx, host, kind, format); err != nil {
				return nil, err
			}
		}
	}
	if err := w.mappings(ctx, host); err != nil {
		return nil, err
	}
	return w, w.directory(ctx, host)
}

// add fills a way, so that what is measured later is not how space is found.
func (w *ways) add(ctx context.Context, to way) error {
	w.all = append(w.all, to)
	fill := demand{write: true, block: 1 << 20, depth: 4}
	_, err := w.run(ctx, to, &fill, wayBytes/fill.block)
	return err
}

// exported is the way of a connection.
func (w *ways) exported(ctx context.Context, host labHost, kind pb.ConnectionKind, format string) error {
	name := strings.ToLower(strings.TrimPrefix(kind.String(), "CONNECTION_KIND_"))
	vid, err := w.created(ctx, "way-"+name+"-"+format, "--format", format, "--size", waySize)
	if err != nil {
		return err
	}
	c, err := w.export(ctx, fmt.Sprintf("bench-%d", len(w.all)), vid, kind)
	if err != nil {
		return err
	}
	to := way{name: name + ", " + format}
	switch p := c.GetPath().(type) {
	case *pb.Connection_File:
		to.args = []string{"-f", p.File.GetFormat(), p.File.GetFile()}
	case *pb.Connection_Nbd:
		to.args = []string{"-f", "raw", p.Nbd.GetUri()}
	case *pb.Connection_Iscsi:
		to.in = []string{"ip", "netns", "exec", host.netns}
		to.args = []string{"-f", "raw", fmt.Sprintf("iscsi://%s/%s/%d", p.Iscsi.GetPortals()[0], p.Iscsi.GetTargetIqn(), p.Iscsi.GetLun())}
		to.env = []string{"LIBISCSI_CHAP_USERNAME=" + p.Iscsi.GetChapUser(), "LIBISCSI_CHAP_PASSWORD=" + string(p.Iscsi.GetChapPassword())}
	default:
		return fmt.Errorf("the vault offers no %s to a %s volume", name, format)
	}
	return w.add(ctx, to)
}

// mappings are what `meson volume map` makes on another host than the vault's. Only
// its network is that host's, so that the file can be seen from here.
func (w *ways) mappings(ctx context.Context, host labHost) error {
	meson := func(args ...string) []string {
		return append([]string{"nsenter", "--net=" + filepath.Join("/run/netns", host.netns)}, w.meson(args...)...)
	}
	file := filepath.Join(w.vault.run, "mapped")
	for _, m := range []struct{ name, as string }{{"map", file}, {"map --nbd", "--nbd"}} {
		volume := fmt.Sprintf("way-map-%d", len(w.all))
		if _, err := w.created(ctx, volume, "--format", "raw", "--size", waySize); err != nil {
			return err
		}
		out, err := w.output(ctx, meson("volume", "map", volume, m.as))
		if err != nil {
			return err
		}
		w.mapped = append(w.mapped, volume)
		if err := w.add(ctx, way{name: m.name, args: []string{"-f", "raw", strings.TrimSpace(string(out))}}); err != nil {
			return err
		}
	}
	return nil
}

// directory is a file in a shareable volume, over NFS, and what that is compared with:
// the first way's file, used by the same program.
func (w *ways) directory(ctx context.Context, host labHost) error {
	if _, err := w.output(ctx, []string{"lab/deps", "nfs"}); err != nil {
		return err
	}
	base := len(w.all)
	tool := []string{w.path("bench"), streamArg}
	raw := w.all[0].args
	if err := w.add(ctx, way{name: "file, raw, by `pread`", args: raw[len(raw)-1:], tool: tool, base: base}); err != nil {
		return err
	}
	vid, err := w.created(ctx, "way-nfs", "--shareable", "--size", shareSize)
	if err != nil {
		return err
	}
	c, err := w.export(ctx, "bench-nfs", vid, pb.ConnectionKind_CONNECTION_KIND_NFS)
	if err != nil {
		return err
	}
	if c.GetNfs() == nil {
		return errors.New("the vault offers no NFS to a shareable volume")
	}
	return w.add(ctx, way{name: "nfs", args: []string{c.GetNfs().GetServer(), c.GetNfs().GetExport()}, in: []string{"ip", "netns", "exec", host.netns}, tool: tool, base: base})
}

// bases are what each way is compared with.
func (w *ways) bases() []int {
	out := make([]int, len(w.all))
	for i, way := range w.all {
		out[i] = way.base
	}
	return out
}

// close takes the mapped files away.
func (w *ways) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var faults []error
	for _, volume := range w.mapped {
		_, err := w.output(ctx, w.meson("volume", "unmap", volume))
		faults = append(faults, err)
	}
	w.mapped = nil
	return errors.Join(faults...)
}
