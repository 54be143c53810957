package iscsi

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// jobs are the volumes and images that this process is making. What takes long goes
// on while its caller asks again; it dies with the process, and nothing of it is
// left then.
type jobs struct {
	mu  sync.Mutex
	all map[string]*job
	wg  sync.WaitGroup
}

// job is one of them.
type job struct {
	owner  *pb.Owner
	name   string
	spec   *pb.VolumeSpec
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	phase   string
	percent float64

	err error // once done is closed
}

func (j *job) progress(phase string, percent float64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.phase, j.percent = phase, percent
}

// wire is the volume that a job will make.
func (j *job) wire() *pb.Volume {
	j.mu.Lock()
	defer j.mu.Unlock()
	return &pb.Volume{
		Owner: j.owner, Name: j.name, Spec: j.spec, State: pb.VolumeState_VOLUME_STATE_CREATING, CreatedAt: timestamppb.New(j.began),
		Progress: &pb.Progress{Step: j.phase, Percent: uint32(min(max(j.percent, 0), 100))},
	}
}

func jobKey(o *pb.Owner) string { return o.GetBroker() + "/" + o.GetKey() }

// run starts do, or joins the one that is under way with the same key, and waits for
// it until ctx ends or patience is over: then the job is returned and goes on. One
// that has ended is forgotten once its error was told.
func (all *jobs) run(ctx, working context.Context, j *job, patience time.Duration, do func(ctx context.Context, j *job) error) (*job, error) {
	k := jobKey(j.owner)
	all.mu.Lock()
	if all.all == nil {
		all.all = map[string]*job{}
	}
	have, there := all.all[k]
	if there && have.owner.GetRequest() != j.owner.GetRequest() {
		all.mu.Unlock()
		return nil, sdk.Errorf(sdk.Conflict, "the key %s is used for another request just now", j.owner.GetKey())
	}
	if !there {
		have = j
		have.began, have.done = time.Now(), make(chan struct{})
		var doing context.Context
		doing, have.cancel = context.WithCancel(working)
		all.all[k] = have
		all.wg.Go(func() {
			defer close(have.done)
			defer have.cancel()
			have.err = do(doing, have)
		})
	}
	all.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-have.done:
	case <-timer.C:
		return have, nil
	case <-ctx.Done():
		return have, nil
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.all[k] == have {
		delete(all.all, k)
	}
	return nil, have.err
}

// underway is the job of a broker and key, nil without one.
func (all *jobs) underway(o *pb.Owner) *job {
	all.mu.Lock()
	defer all.mu.Unlock()
	if j := all.all[jobKey(o)]; j != nil {
		select {
		case <-j.done:
		default:
			return j
		}
	}
	return nil
}

// end cancels a job and waits until nothing of it is left.
func (all *jobs) end(ctx context.Context, o *pb.Owner) error {
	all.mu.Lock()
	j := all.all[jobKey(o)]
	all.mu.Unlock()
	if j == nil {
		return nil
	}
	j.cancel()
	select {
	case <-j.done:
	case <-ctx.Done():
		return sdk.Errorf(sdk.Busy, "what makes it has not let go of it yet")
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.all[jobKey(o)] == j {
		delete(all.all, jobKey(o))
	}
	return nil
}

func (all *jobs) wait() { all.wg.Wait() }
