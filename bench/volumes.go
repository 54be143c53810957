package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/mesoncloud/meson/sdk/pb"
)

// How large the volumes are of which times are taken, in the words of Meson and of
// qemu-img.
const (
	volumeSize = "1GiB"
	imageSize  = "1G"
	// full is a volume that is written all over.
	full      = "full"
	fullSize  = "4GiB"
	fullBytes = 4 << 30
)

// volumes measures what is done with volumes, and the ways to their bytes.
func (b *bench) volumes(ctx context.Context) (rows []row, err error) {
	v, err := b.openVault(ctx, "volumes")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err = errors.Join(err, v.close()); err != nil {
			err = fmt.Errorf("%w\nthe vault said: %s", err, v.log.String())
		}
	}()
	spec, err := v.spec("tiny", 256)
	if err != nil {
		return nil, err
	}
	// The guest boots while the ways are prepared: one that has not booted cannot let
	// go of a disk.
	_, guest, err := v.deployed(ctx, spec, "guest")
	if err != nil {
		return nil, err
	}
	ways, err := v.newWays(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ways.close()) }()
	host, err := hostOf(guest.Offer.Zone)
	if err != nil {
		return nil, err
	}
	pid, err := qemuOf(guest.Instance.ID)
	if err != nil {
		return nil, err
	}
	if _, err := untilReady(ctx, pid, host.consoleLog(guest.Instance.ID)); err != nil {
		return nil, err
	}
	if err := v.fullVolume(ctx); err != nil {
		return nil, err
	}
	if rows, err = v.changes(ctx, host, guest); err != nil {
		return nil, err
	}
	// It would share the processors with what is measured.
	if err := v.remove(ctx, guest.Name); err != nil {
		return nil, err
	}
	throughput, err := ways.table(ctx)
	b.tables = append(b.tables, throughput)
	return rows, err
}

// fullVolume makes a volume of qcow2 and writes all of it.
func (v *vault) fullVolume(ctx context.Context) error {
	vid, err := v.created(ctx, full, "--format", "qcow2", "--size", fullSize)
	if err != nil {
		return err
	}
	const id = "bench-full"
	c, err := v.export(ctx, id, vid, pb.ConnectionKind_CONNECTION_KIND_FILE)
	if err != nil {
		return err
	}
	const block = 1 << 20
	_, err = v.output(ctx, []string{
		"qemu-img", "bench", "-t", "unsafe", "-w", "-c", strconv.Itoa(fullBytes / block), "-s", strconv.Itoa(block), "-d", "4",
		"-f", c.GetFile().GetFormat(), c.GetFile().GetFile(),
	})
	return errors.Join(err, v.remote.Unexport(ctx, &pb.UnexportRequest{VolumeId: vid, AttachmentId: id}))
}

// step is a command of Meson's, and one that does the least of the same.
type step struct {
	what, like  string
	meson, bare []string
	ours, peers sample
}

// changes takes the times of commands about volumes, each in turn with qemu-img or
// virsh.
func (v *vault) changes(ctx context.Context, host labHost, guest machine) ([]row, error) {
	var steps []step
	for i := range v.times(3) {
		turn, clean, err := v.turn(i, host, guest)
		if err == nil {
			if steps == nil {
				steps = turn
			}
			for k := range turn {
				if err = v.both(ctx, &steps[k], turn[k], i%2 == 1); err != nil {
					break
				}
			}
		}
		if err := errors.Join(err, clean(ctx)); err != nil {
			return nil, err
		}
	}
	rows := make([]row, 0, len(steps))
	for _, s := range steps {
		more := pairwise(s.ours, s.peers, minus)
		rows = append(rows, row{
			what: s.what, meson: s.ours.text("%.0f", "ms"), against: s.like + ": " + s.peers.text("%.0f", "ms"), compared: more.text("%+.0f", "ms"),
		})
	}
	rows[0].how = fmt.Sprintf("%d pairs, wall time of the command from fork to exit, on a vault whose resident part runs; volumes of 1 GiB that are new. "+
		"What Meson makes is on disk, and recorded in the vault and in the ledger, when the command ends; qemu-img syncs nothing.", len(steps[0].ours))
	rows[len(rows)-1].how = "over iSCSI, to the tiny guest; both wait until the guest has let go. virsh attaches a raw file of the host, and records nothing."
	return rows, nil
}

// both runs the sides of a step, the second one first if swapped.
func (v *vault) both(ctx context.Context, to *step, s step, swapped bool) error {
	sides := []struct {
		args []string
		to   *sample
	}{{s.meson, &to.ours}, {s.bare, &to.peers}}
	if swapped {
		sides[0], sides[1] = sides[1], sides[0]
	}
	for _, side := range sides {
		quiet(ctx)
		took, _, err := v.timed(ctx, side.args)
		if err != nil {
			return err
		}
		side.to.add(took)
	}
	return nil
}

// turn is what is done in the i-th turn, and what undoes it.
func (v *vault) turn(i int, host labHost, guest machine) ([]step, func(context.Context) error, error) {
	raw, qcow2, clone, fullClone := fmt.Sprintf("raw%d", i), fmt.Sprintf("qcow%d", i), fmt.Sprintf("clone%d", i), fmt.Sprintf("fullclone%d", i)
	dir := v.path(fmt.Sprintf("bare%d", i))
	file := func(name string) string { return filepath.Join(dir, name) }
	// Where QEMU may read it.
	disk := filepath.Join(host.pool, v.prefix+"disk.raw")
	create := []string{"qemu-img", "create", "-q", "-f", "qcow2", "-o", "extended_l2=on,cluster_size=128k"}
	over := func(name string) []string {
		return append(create, "-b", file("q"), "-F", "qcow2", file(name), imageSize)
	}
	steps := []step{
		{
			what: "`meson volume create`, raw", meson: v.meson("volume", "create", raw, "--size", volumeSize, "--format", "raw"),
			like: "`qemu-img create`", bare: []string{"qemu-img", "create", "-q", "-f", "raw", file("r"), imageSize},
		},
		{
			what: "the same, qcow2", meson: v.meson("volume", "create", qcow2, "--size", volumeSize, "--format", "qcow2"),
			like: "`qemu-img create`", bare: append(create, file("q"), imageSize),
		},
		{
			what: "`meson volume snapshot create`", meson: v.meson("volume", "snapshot", "create", qcow2, "s"),
			like: "`qemu-img create -b`", bare: over("s"),
		},
		{
			what: "`meson volume clone`", meson: v.meson("volume", "clone", qcow2, clone),
			like: "`qemu-img create -b`", bare: over("c"),
		},
		{
			what: "`meson volume snapshot create` of " + fullSize + " that are all written", meson: v.meson("volume", "snapshot", "create", full, fmt.Sprintf("s%d", i)),
			like: "`qemu-img create -b`", bare: over("f"),
		},
		{
			what: "`meson volume clone` of them", meson: v.meson("volume", "clone", full, fullClone),
			like: "`qemu-img create -b`", bare: over("g"),
		},
		{
			what: "`meson volume attach` to a running machine", meson: v.meson("volume", "attach", raw, guest.Name),
			like: "`virsh attach-disk`", bare: host.virsh("attach-disk", guest.Instance.ID, disk, "vdy", "--live", "--subdriver", "raw"),
		},
		{
			what: "`meson volume detach`", meson: v.meson("volume", "detach", raw, guest.Name),
			like: "`virsh detach-disk`", bare: host.virsh("detach-disk", guest.Instance.ID, "vdy", "--live"),
		},
	}
	clean := func(ctx context.Context) error {
		_ = os.Remove(disk)
		_, err := v.output(ctx, v.meson("volume", "rm", "--yes", clone, qcow2, raw, fullClone))
		return errors.Join(err, os.RemoveAll(dir))
	}
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		err = os.WriteFile(disk, nil, 0o666)
	}
	if err == nil {
		err = os.Truncate(disk, 1<<30)
	}
	return steps, clean, err
}

// created makes a volume and returns its vid.
func (v *vault) created(ctx context.Context, name string, args ...string) (string, error) {
	out, err := v.output(ctx, v.meson(append([]string{"volume", "create", name, "-o", "json"}, args...)...))
	if err != nil {
		return "", err
	}
	var made struct{ VID string }
	if err := json.Unmarshal(out, &made); err != nil || made.VID == "" {
		return "", fmt.Errorf("meson volume create -o json has no vid: %w", errors.Join(err, errors.New(string(out))))
	}
	return made.VID, nil
}
