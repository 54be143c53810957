package kvm

import (
	"context"
	"sync"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

// jobs are the Creates whose machine is claimed and not yet started, by UUID.
// They outlive the calls that began them. The zero value is ready.
type jobs struct {
	mu   sync.Mutex
	all  map[string]*job
	work sync.WaitGroup
}

// forgetFailed is how long an error waits for the Create that asks for it.
const forgetFailed = time.Minute

// job is one machine's way from its claim to its start.
type job struct {
	request string
	cancel  context.CancelFunc
	// done is closed when the work has ended; err is then its outcome, or machine
	// what was started.
	done    chan struct{}
	err     error
	machine *machine

	mu       sync.Mutex
	progress *pb.Progress
	changed  chan struct{} // closed and replaced at every change
}

// start runs work in the background, or finds what runs already. A job that has
// failed stays to be found once, by take.
func (j *jobs) start(ctx context.Context, uuid, request string, work func(ctx context.Context, j *job) error) *job {
	j.mu.Lock()
	defer j.mu.Unlock()
	if have := j.all[uuid]; have != nil {
		return have
	}
	ctx, cancel := context.WithCancel(ctx)
	n := &job{request: request, cancel: cancel, done: make(chan struct{}), changed: make(chan struct{}), progress: &pb.Progress{}}
	if j.all == nil {
		j.all = make(map[string]*job)
	}
	j.all[uuid] = n
	j.work.Go(func() {
		defer cancel()
		n.err = work(ctx, n)
		close(n.done)
		n.tell(nil)
		if n.err == nil {
			j.drop(uuid, n)
			return
		}
		time.AfterFunc(forgetFailed, func() { j.drop(uuid, n) })
	})
	return n
}

func (j *jobs) find(uuid string) *job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.all[uuid]
}

// drop forgets a job, if it still is that one.
func (j *jobs) drop(uuid string, n *job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.all[uuid] == n {
		delete(j.all, uuid)
	}
}

// cancel stops a job at its next step and waits for that; true if it did.
func (j *jobs) cancel(ctx context.Context, uuid string) bool {
	n := j.find(uuid)
	if n == nil {
		return true
	}
	n.cancel()
	select {
	case <-n.done:
		j.drop(uuid, n)
		return true
	case <-ctx.Done():
		return false
	}
}

// wait waits for all jobs.
func (j *jobs) wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		j.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// at says what the job does now; percent of it is done.
func (j *job) at(step string, percent int, text string) {
	j.tell(&pb.Progress{Step: step, Percent: uint32(min(max(percent, 0), 100)), Text: text})
}

func (j *job) tell(p *pb.Progress) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if p != nil {
		j.progress = p
	}
	close(j.changed)
	j.changed = make(chan struct{})
}

// now is the progress, and what is closed when it changes.
func (j *job) now() (*pb.Progress, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.progress, j.changed
}

// ended reports whether the work is over.
func (j *job) ended() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}
