package main

import (
	"context"
	"errors"
	"fmt"
	"os"
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

// exports exports 500 volumes over iSCSI, each by a tgtd of its own, and lets them
// come back after a crash of the storage server.
func (b *bench) exports(ctx context.Context) (rows []row, err error) {
	v, err := b.openVault(ctx, "exports")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err = errors.Join(err, v.close()); err != nil {
			err = fmt.Errorf("%w\nthe vault said: %s", err, v.log.String())
		}
	}()
	spec := &pb.VolumeSpec{SizeBytes: 1 << 27, Format: "raw"}
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
		what:  fmt.Sprintf("%d volumes served again after a crash of the storage server", manyVolumes),
		meson: fmt.Sprintf("%.1f s", again.median()/1000), against: fmt.Sprintf("exported at first: %.1f s", first.median()/1000), compared: fmt.Sprintf("%.0f ms each", again.median()/manyVolumes),
		how: fmt.Sprintf("from the start of the resident part, with tgtd and all else killed, until it has answered for every export, %d asked at a time. Asked once more, when all are served: %.1f s.",
			exportsAtOnce, known.median()/1000),
	}, {
		what:  "memory of each one's tgtd",
		meson: fmt.Sprintf("%.1f MiB resident (RSS)", rss.median()), against: fmt.Sprintf("what is shared divided (PSS): %.2f MiB", pss.median()),
		compared: fmt.Sprintf("all: %.0f MiB", pss.median()*manyVolumes), how: "smaps_rollup in /proc.",
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

// memoryOf is what each of the daemons takes, in MiB; all of them must be there.
func (v *vault) memoryOf() (rss, pss sample, err error) {
	for _, pid := range v.daemons() {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return nil, nil, err
		}
		for label, to := range map[string]*sample{"Rss:": &rss, "Pss:": &pss} {
			kib, err := strconv.ParseFloat(strings.TrimSpace(field(string(text), label)), 64)
			if err != nil {
				return nil, nil, err
			}
			*to = append(*to, kib/1024)
		}
	}
	if len(rss) != manyVolumes {
		return nil, nil, fmt.Errorf("%d daemons serve %d volumes", len(rss), manyVolumes)
	}
	return rss, pss, nil
}
