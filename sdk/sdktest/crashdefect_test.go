package sdktest

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// keyLate puts the key on a machine a moment after it made it: who is killed in
// between leaves one that is never found again.
type keyLate struct {
	*MemProvider
	killed <-chan struct{}
}

func (k keyLate) Create(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error) {
	if i, err := k.Get(ctx, &pb.GetRequest{Owner: req.GetOwner()}); err == nil {
		return i, nil
	}
	early := proto.CloneOf(req)
	early.Owner.Key = "not-yet-" + strings.ToLower(rand.Text())
	i, err := k.MemProvider.Create(ctx, early)
	if err != nil {
		return nil, err
	}
	select {
	case <-k.killed:
		return nil, errors.New("killed")
	case <-time.After(20 * time.Millisecond):
	}
	err = k.store.do(ctx, true, func(s *memState) error {
		m := s.Machines[i.GetId()]
		m.Labels = sdk.OwnerLabels(req.GetOwner())
		s.Machines[m.ID] = m
		return nil
	})
	i.Owner = req.GetOwner()
	return i, err
}

func TestSuiteFindsKeyThatComesLate(t *testing.T) {
	store, err := openMemStore("")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	killed := make(chan struct{})
	start := func(context.Context) (Plugin, error) {
		mu.Lock()
		defer mu.Unlock()
		dead := killed
		return FromDefinition(sdk.Definition[MemConfig, keyLate]{
			Name: "mem", Version: "1", Summary: "Has a defect.",
			Open: func(_ context.Context, name string, c *MemConfig, log *slog.Logger) (keyLate, error) {
				m, err := OpenMem(name, c, log)
				if err != nil {
					return keyLate{}, err
				}
				// What the provider holds survives the plugin.
				m.store = store
				return keyLate{m, dead}, nil
			},
		}, quietLog()), nil
	}
	tg := target(start)
	tg.Config = strings.Replace(memConfig, "20ms", "0s", 1)
	tg.KillAfter = []time.Duration{5 * time.Millisecond}
	tg.KillAndRestart = func(ctx context.Context) (Plugin, error) {
		mu.Lock()
		close(killed)
		killed = make(chan struct{})
		mu.Unlock()
		return start(ctx)
	}
	e, err := NewEnv(t.Context(), tg)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range Cases() {
		err := RunCase(t.Context(), e, c)
		switch {
		case c.Name == "crash/create" && err == nil:
			t.Error("crash/create passed")
		case c.Name == "life/cycle" && err != nil:
			t.Errorf("life/cycle: %v: the defect shows without a kill", err)
		}
	}
	if n := len(store.state.Machines); n != 0 {
		t.Errorf("the suite left %d machines", n)
	}
}
