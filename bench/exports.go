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
	"sync"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

const (
	manyVolumes   = 500
	exportsAtOnce = 8
)

// exports exports 500 volumes over iSCSI, and lets them come back after a crash of the
// storage server: raw ones, each by a tgtd of its own, and then those of qcow2, which
// take a storage daemon besides.
func (b *bench) exports(ctx context.Context) ([]row, error) {
	var rows []row
	for _, format := range []string{"raw", "qcow2"} {
		more, err := b.exportsOf(ctx, format)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

func (b *bench) exportsOf(ctx context.Context, format string) (rows []row, err error) {
	v, err := b.openVault(ctx, "exports-"+format)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err = errors.Join(err, v.close()); err != nil {
			err = fmt.Errorf("%w\nthe vault said: %s", err, v.log.String())
		}
	}()
	spec := &pb.VolumeSpec{SizeBytes: 1 << 27, Format: format}
	var offer *pb.VolumeOffer
	err = v.remote.OfferVolume(ctx, &pb.OfferVolumeRequest{Spec: spec, ForHours: 730}, func(r *pb.OfferVolumeResponse) error {
		for _, o := range r.GetOffers() {
			offer = o
		}
		return nil
	})
	if err != nil || offer == nil {
		return nil, errors.Join(errors.New("the vault offers no volume"), err)
	}
	vids := make([]string, manyVolumes)
	_, err = many(func(i int) error {
		id := fmt.Sprintf("many-%d", i)
		// An answer may be that it is still being made; then it is asked for again.
		for ctx.Err() == nil {
			made, err := v.remote.CreateVolume(ctx, &pb.CreateVolumeRequest{Owner: owned(id), Name: id, Spec: spec, Offer: offer})
			vids[i] = made.GetId()
			if err != nil || made.GetState() == pb.VolumeState_VOLUME_STATE_AVAILABLE {
				return err
			}
			time.Sleep(20 * time.Millisecond)
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	export := func(i int) error {
		_, err := v.export(ctx, fmt.Sprintf("many-%d", i), vids[i], pb.ConnectionKind_CONNECTION_KIND_ISCSI)
		return err
	}
	var first, again, known sample
	for i := range v.times(1) {
		quiet(ctx)
		took, err := many(export)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first.add(took)
		}
		v.crash()
		if err := v.reboot(); err != nil {
			return nil, err
		}
		quiet(ctx)
		begun := time.Now()
		if err := v.serve(ctx); err != nil {
			return nil, err
		}
		if _, err := many(export); err != nil {
			return nil, err
		}
		again.add(time.Since(begun))
		if took, err = many(export); err != nil {
			return nil, err
		}
		known.add(took)
	}
	rss, pss, err := v.memoryOf()
	if err != nil {
		return nil, err
	}
	return []row{{
		what:  fmt.Sprintf("%d %s volumes served again after a crash of the storage server", manyVolumes, format),
		meson: fmt.Sprintf("%.1f s", again.median()/1000), against: fmt.Sprintf("exported at first: %.1f s", first.median()/1000), compared: fmt.Sprintf("%.0f ms each", again.median()/manyVolumes),
		how: fmt.Sprintf("from the start of the resident part, with tgtd and all else killed, until it has answered for every export, %d asked at a time. Asked once more, when all are served: %.1f s.",
			exportsAtOnce, known.median()/1000),
	}, {
		what:  "memory of the daemons of each one, " + format,
		meson: fmt.Sprintf("%.1f MiB resident (RSS)", rss/manyVolumes), against: fmt.Sprintf("what is shared divided (PSS): %.2f MiB", pss/manyVolumes),
		compared: fmt.Sprintf("all: %.0f MiB", pss), how: "smaps_rollup in /proc, the mean.",
	}}, nil
}

// many does something with every volume, some at a time.
func many(do func(i int) error) (time.Duration, error) {
	begun := time.Now()
	faults := make([]error, manyVolumes)
	next := make(chan int)
	var workers sync.WaitGroup
	for range exportsAtOnce {
		workers.Go(func() {
			for i := range next {
				faults[i] = do(i)
			}
		})
	}
	for i := range manyVolumes {
		next <- i
	}
	close(next)
	workers.Wait()
	return time.Since(begun), errors.Join(faults...)
}

// reboot has what was killed have fallen with its machine, which has had another boot
// since: writers go on under their epochs then.
func (v *vault) reboot() error {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return err
	}
	records, err := filepath.Glob(filepath.Join(v.home, "vault", "*", "meta.json"))
	if err == nil && len(records) == 0 {
		err = errors.New("the vault has no volumes")
	}
	for _, path := range records {
		text, rerr := os.ReadFile(path)
		text = bytes.ReplaceAll(text, bytes.TrimSpace(boot), []byte("6f0e9d1c-0000-4000-8000-000000000000"))
		err = errors.Join(err, rerr, os.WriteFile(path, text, 0o600))
	}
	return err
}

// memoryOf is what all daemons take, in MiB; each volume must have as many as the
// others.
func (v *vault) memoryOf() (rss, pss float64, err error) {
	pids := v.daemons()
	if len(pids) == 0 || len(pids)%manyVolumes != 0 {
		return 0, 0, fmt.Errorf("%d daemons serve %d volumes", len(pids), manyVolumes)
	}
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, 0, err
		}
		for label, to := range map[string]*float64{"Rss:": &rss, "Pss:": &pss} {
			kib, err := strconv.ParseFloat(strings.TrimSpace(field(string(text), label)), 64)
			if err != nil {
				return 0, 0, err
			}
			*to += kib / 1024
		}
	}
	return rss, pss, nil
}
