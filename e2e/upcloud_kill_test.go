package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

// Kill -9 the broker at every numbered step of deploy and of rm.
func TestUpCloudKillBroker(t *testing.T) {
	t.Parallel()
	killEveryUpCloud(t, "broker", 4, 4)
}

// And the plugin: the broker lives through it, deploy and rm succeed.
func TestUpCloudKillPlugin(t *testing.T) {
	t.Parallel()
	killEveryUpCloud(t, "plugin", 3, 4)
}

func killEveryUpCloud(t *testing.T, who string, leastDeploy, leastRemove int) {
	w := newUpCloud(t, []string{"fi-hel1", "de-fra1"})
	deploys, removes := 0, 0
	for n, more := 1, true; more; n++ {
		name := fmt.Sprintf("%s-%d", who, n)
		w.order(who, n)
		_, errs, code := w.meson("deploy", w.spec, "--cheapest", "--name", name)
		if more = !w.pending(who); more {
			deploys++
		}
		when := fmt.Sprintf("%s killed at step %d of deploy", who, n)
		if who == "plugin" && code != 0 {
			t.Fatalf("%s: it ended with %d\n%s", when, code, errs)
		}
		w.settledUpCloud(when, name)
		if w.state(name) != "running" {
			w.empty(when)
			continue
		}
		w.order(who, n)
		w.meson("rm", name)
		if !w.pending(who) {
			removes, more = removes+1, true
		}
		w.must("resume")
		w.settledUpCloud(fmt.Sprintf("%s killed at step %d of rm", who, n), name)
		w.must("rm", name)
		if w.empty(when); t.Failed() {
			t.FailNow()
		}
	}
	if deploys < leastDeploy || removes < leastRemove {
		t.Errorf("killed at %d steps of deploy and %d of rm: want at least %d and %d", deploys, removes, leastDeploy, leastRemove)
	}
	t.Logf("%s killed at %d steps of deploy and %d of rm", who, deploys, removes)
}

// settledUpCloud resumes what was left and compares the clouds with the ledger.
func (w *upcloudWorld) settledUpCloud(when, name string) {
	w.t.Helper()
	_, errs, code := w.meson("resume")
	want := 0
	switch state := w.state(name); state {
	case "running":
		want = 1
	case "", "failed", "gone":
	default:
		w.t.Fatalf("%s: resume ended with %d and left it %s\n%s", when, code, state, errs)
	}
	if servers, others := w.held(); servers != want || others != want {
		w.t.Fatalf("%s: the ledger says %q, the clouds hold %d servers and %d other things", when, w.state(name), servers, others)
	}
}

// Kill broker and plugin together at 20 random instants, MESON_SOAK makes it 200;
// then answers are lost, too.
func TestUpCloudKillAtRandomInstants(t *testing.T) {
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
	rng := rand.New(rand.NewPCG(seed, 4))
	rounds, soak := 20, os.Getenv("MESON_SOAK") != ""
	if soak {
		rounds = 200
	}
	w := newUpCloud(t, []string{"fi-hel1", "de-fra1"})
	for n := range rounds {
		name := fmt.Sprintf("random-%d", n)
		if soak {
			kinds := []upcloud.FaultKind{upcloud.FaultResetAfter, upcloud.FaultResetBefore, upcloud.FaultServerErrorAfter, upcloud.FaultMalformed}
			ops := []upcloud.Operation{"create_server", "get_server", "list_servers", "stop_server", "delete_server"}
			w.clouds[0].Faults().Add(upcloud.Fault{Kind: kinds[rng.IntN(len(kinds))], Operation: ops[rng.IntN(len(ops))], Count: 1})
		}
		when := time.Duration(rng.IntN(1500)) * time.Millisecond
		w.killAfter(when, rng.IntN(2) == 0, "deploy", w.spec, "--cheapest", "--name", name)
		w.settledUpCloud(fmt.Sprintf("round %d: killed %s into deploy", n, when), name)
		if w.state(name) != "running" {
			continue
		}
		when = time.Duration(rng.IntN(800)) * time.Millisecond
		w.killAfter(when, rng.IntN(2) == 0, "rm", name)
		w.settledUpCloud(fmt.Sprintf("round %d: killed %s into rm", n, when), name)
		w.must("rm", name)
		if w.empty(fmt.Sprintf("round %d", n)); t.Failed() {
			t.FailNow()
		}
	}
}
