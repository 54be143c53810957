package upcloud

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	emulator "github.com/mesoncloud/meson/lab/emulator/upcloud"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// The process is killed at 20 random instants of the life of a machine, while
// UpCloud's answers are lost, late, wrong or refusals; MESON_SOAK makes it 500,
// MESON_SEED repeats one. Whoever comes after finds at most one server, and
// removes it whole.
func TestKillAtRandomInstants(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("MESON_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("MESON_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	rounds := 20
	if os.Getenv("MESON_SOAK") != "" {
		rounds = 500
	}
	c := newCloud(t, quick())
	p := c.provider(t, Hooks{})
	for n := range rounds {
		began := time.Now()
		req := order1(t, p, nil) // what there is to buy is asked for without a fault
		fault := randomFault(rng)
		c.Faults().Add(fault)
		after := time.Duration(rng.IntN(700)) * time.Millisecond
		goesOn := rng.IntN(2) == 0
		when := fmt.Sprintf("round %d: killed after %s, fault %s at %s, goes on: %v", n, after, fault.Kind, fault.Operation, goesOn)
		work := task{Settings: settings(t, c.url, nil), Create: wired(t, req), Delete: wired(t, &pb.DeleteRequest{Owner: req.GetOwner()})}
		child := startChild(t, work)
		time.Sleep(after)
		child.kill()
		// What it had sent may still be carried out: the window of the contract.
		time.Sleep(100 * time.Millisecond)
		if goesOn {
			insist(t, when, func() (bool, error) {
				in, err := p.Create(t.Context(), req)
				// Killed in its Delete, it may have stopped.
				return err == nil && in.GetState() != pb.InstanceState_INSTANCE_STATE_CREATING, err
			})
			if st := c.Stats(); st.Servers != 1 || st.Storages != 1 {
				t.Fatalf("%s: %d servers, %d storages", when, st.Servers, st.Storages)
			}
		}
		insist(t, when, func() (bool, error) { return true, p.Delete(t.Context(), &pb.DeleteRequest{Owner: req.GetOwner()}) })
		c.Faults().Clear()
		t.Log(time.Since(began).Round(time.Millisecond), when)
		if c.empty(t); t.Failed() {
			t.Fatal(when)
		}
	}
}

// insist repeats a call as a broker does.
func insist(t testing.TB, when string, call func() (done bool, err error)) {
	t.Helper()
	for give := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		done, err := call()
		switch sdk.KindOf(err) {
		case "":
			if done {
				return
			}
		case sdk.Busy, sdk.Uncertain, sdk.Throttled, sdk.Unavailable:
		default:
			t.Fatalf("%s: %v", when, err)
		}
		if time.Now().After(give) {
			t.Fatalf("%s: still not done, %v", when, err)
		}
	}
}

// randomFault is one that a machine must survive.
func randomFault(rng *rand.Rand) emulator.Fault {
	pick := func(all ...string) string { return all[rng.IntN(len(all))] }
	f := emulator.Fault{
		Kind: emulator.FaultKind(pick("reset_after", "reset_before", "server_error_after", "server_error_before", "throttled", "malformed", "slow", "wrong_types")),
		Operation: emulator.Operation(pick("create_server", "create_server", "list_servers", "get_server", "stop_server", "delete_server",
			"list_storages")),
		Count: 1 + rng.IntN(2), Skip: rng.IntN(2),
	}
	if f.Kind == emulator.FaultSlow {
		f.Delay = 50 * time.Millisecond
	}
	return f
}

func contextFor(t *testing.T, seconds int) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second)
	t.Cleanup(cancel)
	return ctx
}
