package sdk_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func TestDrain(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	ps, c := serveProbes(t, probe{create: func(context.Context, *pb.CreateRequest) (*pb.Instance, error) {
		close(entered)
		<-release
		return &pb.Instance{Id: "i"}, nil
	}})
	var wg sync.WaitGroup
	wg.Go(func() {
		if i, err := c.Provider("p1").Create(t.Context(), createRequest()); err != nil || i.GetId() != "i" {
			t.Errorf("call under way: %v, %v", i, err)
		}
	})
	wg.Go(func() {
		err := c.Provider("p1").Watch(t.Context(), &pb.GetRequest{Id: "i"}, func(*pb.Instance) error { return nil })
		if sdk.KindOf(err) != sdk.Unavailable {
			t.Errorf("watch: %v, want Unavailable", err)
		}
	})
	<-entered
	drained := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		drained <- c.Drain(ctx)
	}()
	for {
		_, err := c.Check(t.Context(), "p1")
		if err == nil {
			continue
		}
		if sdk.KindOf(err) != sdk.Unavailable {
			t.Errorf("new call: %v, want Unavailable", err)
		}
		break
	}
	select {
	case <-drained:
		t.Error("drained with a call under way")
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	if err := <-drained; err != nil {
		t.Error(err)
	}
	wg.Wait()
	select {
	case <-ps.last().closed:
	default:
		t.Error("drained, but the provider is not closed")
	}
}

// A call that never ends does not hold up Drain beyond its deadline.
func TestDrainGivesUp(t *testing.T) {
	entered := make(chan struct{})
	_, c := serveProbes(t, probe{create: func(ctx context.Context, _ *pb.CreateRequest) (*pb.Instance, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	ended := make(chan error, 1)
	go func() {
		_, err := c.Provider("p1").Create(context.Background(), createRequest())
		ended <- err
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	if err := c.Drain(ctx); err != nil {
		t.Errorf("drain: %v, want an answer before the deadline", err)
	}
	if err := <-ended; sdk.KindOf(err) != sdk.Uncertain {
		t.Errorf("the Create that was cut off: %v, want Uncertain", err)
	}
}
