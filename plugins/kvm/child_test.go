package kvm

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// childEnv makes the test binary another process than a test: the plugin, or a
// broker that works without one.
const childEnv = "MESON_KVM_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		code := m.Run()
		private.stop()
		os.Exit(code)
	case "plugin":
		os.Exit(sdk.Main(Definition(Hooks{})))
	case "broker":
		os.Exit(childBroker())
	}
}

// task is what a child broker does, given on its standard input.
type task struct {
	Config *Config
	// Each of these is done, all at once, in its wire form.
	Creates  [][]byte
	Deletes  [][]byte
	Attaches [][]byte
	Detaches [][]byte
	// DieAt is the step at which the process kills itself.
	DieAt string
}

// result of one call, printed as a line of JSON.
type result struct {
	Key, Kind, Text string
	State           pb.InstanceState
}

func childBroker() int {
	var work task
	if err := json.NewDecoder(os.Stdin).Decode(&work); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	hooks := Hooks{Step: func(name string) {
		if name == work.DieAt {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}}
	p, err := open("rack1", work.Config, slog.New(slog.NewTextHandler(os.Stderr, nil)), hooks)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	say := func(key string, in *pb.Instance, err error) {
		r := result{Key: key, Kind: string(sdk.KindOf(err)), State: in.GetState()}
		if err != nil {
			r.Text = err.Error()
		}
		mu.Lock()
		defer mu.Unlock()
		_ = out.Encode(r)
	}
	var wg sync.WaitGroup
	for _, b := range work.Creates {
		req := new(pb.CreateRequest)
		mustUnmarshal(b, req)
		wg.Go(func() {
			in, err := p.Create(ctx, req)
			for err == nil && in.GetState() == pb.InstanceState_INSTANCE_STATE_CREATING && ctx.Err() == nil {
				in, err = p.Create(ctx, req)
			}
			say(req.GetOwner().GetKey(), in, err)
		})
	}
	for _, b := range work.Deletes {
		req := new(pb.DeleteRequest)
		mustUnmarshal(b, req)
		wg.Go(func() { say(req.GetOwner().GetKey(), nil, p.Delete(ctx, req)) })
	}
	for _, b := range work.Attaches {
		req := new(pb.AttachRequest)
		mustUnmarshal(b, req)
		wg.Go(func() {
			in, err := p.Attach(ctx, req)
			say(req.GetAttachment().GetId(), in, err)
		})
	}
	for _, b := range work.Detaches {
		req := new(pb.DetachRequest)
		mustUnmarshal(b, req)
		wg.Go(func() {
			in, err := p.Detach(ctx, req)
			say(req.GetAttachmentId(), in, err)
		})
	}
	wg.Wait()
	_ = p.Close(ctx)
	return 0
}

// child is a process of the test binary that does a task.
type child struct {
	cmd *exec.Cmd
	out strings.Builder
	err strings.Builder
}

func startChild(tb testing.TB, work task) *child {
	tb.Helper()
	in, err := json.Marshal(work)
	if err != nil {
		tb.Fatal(err)
	}
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childEnv+"=broker")
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = strings.NewReader(string(in)), &c.out, &c.err
	if err := c.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	return c
}

// wait gives the results of a child; killed says that it has killed itself.
func (c *child) wait(tb testing.TB) (results []result, killed bool) {
	tb.Helper()
	err := c.cmd.Wait()
	if status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return nil, true
	}
	if err != nil {
		tb.Fatalf("child: %v\n%s", err, c.err.String())
	}
	dec := json.NewDecoder(strings.NewReader(c.out.String()))
	for dec.More() {
		var r result
		if err := dec.Decode(&r); err != nil {
			tb.Fatal(err)
		}
		results = append(results, r)
	}
	return results, false
}
