package iscsi

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/target"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// work is what a process does until it is killed, and what must hold when another
// one has repeated it.
type work struct {
	calls []proto.Message
	check func(t *testing.T, p *Provider)
}

// A process is killed at every step of every call. The call repeated by another one
// ends as if nothing had been, and what is removed leaves no trace.
func TestKillAtEveryStep(t *testing.T) {
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon")
	all := killCases()
	maps.Copy(all, longKillCases())
	for name, prepare := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps := stepsOf(t, prepare)
			if len(steps) == 0 {
				t.Fatal("the call has no steps")
			}
			for _, at := range chosen(t, steps) {
				t.Run(fmt.Sprintf("%s %d", at.name, at.nth), func(t *testing.T) { killAt(t, prepare, at) })
			}
		})
	}
}

// point is one occurrence of a step.
type point struct {
	name string
	nth  int
}

// stepsOf does the work once, to the end, and lists its steps.
func stepsOf(t *testing.T, prepare func(*testing.T, *site, *Provider) work) []point {
	t.Helper()
	var steps []point
	s := newSite(t, nil)
	w := prepare(t, s, s.provider(Hooks{}))
	var mu sync.Mutex
	count := map[string]int{}
	p := s.provider(Hooks{Step: func(name string) {
		mu.Lock()
		defer mu.Unlock()
		count[name]++
		steps = append(steps, point{name, count[name]})
	}})
	mu.Lock()
	steps = nil // those of opening
	clear(count)
	mu.Unlock()
	for _, c := range w.calls {
		if err := callOf(c).do(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(steps)
}

// chosen are all points in a soak; otherwise some of them, by a seed that is logged.
func chosen(t *testing.T, steps []point) []point {
	t.Helper()
	if os.Getenv("MESON_SOAK") != "" || len(steps) <= 4 {
		return steps
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	return steps[:4]
}

func killAt(t *testing.T, prepare func(*testing.T, *site, *Provider) work, at point, change ...func(*task)) {
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	w := prepare(t, s, p)
	job := task{Settings: s.config(), DieAt: at.name, Die: at.nth}
	for _, c := range change {
		c(&job)
	}
	for _, c := range w.calls {
		job.Calls = append(job.Calls, callOf(c))
	}
	// Opening has steps too, so that it may die a little earlier; that it does not die
	// at all is no fault of those that come in the background.
	startChild(t, job).wait(t)
	for _, c := range w.calls {
		again := func() error { return callOf(c).do(t.Context(), p) }
		err := again()
		for range 20 {
			if kind := sdk.KindOf(err); kind != sdk.Busy && kind != sdk.Uncertain && kind != sdk.Unavailable {
				break
			}
			time.Sleep(50 * time.Millisecond)
			err = again()
		}
		if err != nil {
			t.Fatalf("repeated: %v", err)
		}
	}
	w.check(t, p)
	s.empty(p)
}

// empty removes every volume and fails the test if anything is left of them.
func (s *site) empty(p *Provider) {
	t := s.t
	t.Helper()
	var all []*pb.Volume
	if err := p.ListVolumes(t.Context(), &pb.ListVolumesRequest{}, func(v *pb.Volume) error { all = append(all, v); return nil }); err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if len(v.GetFaults()) > 0 {
			t.Errorf("volume %s: %v", v.GetId(), v.GetFaults())
		}
		for _, u := range v.GetUses() {
			if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: u.GetAttachmentId(), Force: true}); err != nil {
				t.Error(err)
			}
		}
		if err := p.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Id: v.GetId()}); err != nil {
			t.Error(err)
		}
	}
	entries, err := os.ReadDir(s.vault)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != ".meson" && e.Name() != "settings.json" {
			t.Errorf("%s is left in the vault", e.Name())
		}
	}
	h, err := target.New(target.Options{Dir: filepath.Join(s.runtime, "t")})
	if err != nil {
		t.Fatal(err)
	}
	if left, err := h.List(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("tgtd is left: %v, %v", left, err)
	}
	for _, kind := range []string{"n", "f"} {
		dirs, _ := filepath.Glob(filepath.Join(s.runtime, kind, "*"))
		for _, dir := range dirs {
			if d, err := image.New(image.Options{}).Find(t.Context(), dir); err != nil || d != nil {
				t.Errorf("a storage daemon is left in %s, %v", dir, err)
			}
		}
	}
}
