package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// seeded is a source of chance that MESON_SEED repeats.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("MESON_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("MESON_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// volumesSpec is a spec of a volume that there is, one to be made and to be kept,
// and one that lives with the machine.
func (w *world) volumesSpec(vid, name string) string {
	w.t.Helper()
	w.write("volumes.json", strings.Replace(bootSpec, `"slots"`, fmt.Sprintf(
		`"volumes":[{"vid":%q},{"name":%q,"size_gib":0.125},{"name":"temp","size_gib":0.125,"volatile":true}],"slots"`, vid, name), 1))
	return filepath.Join(w.home, "volumes.json")
}

// strike runs a command and kills after a while the broker, the resident part of
// the vault, or both, which is started again.
func (v *vault) strike(when time.Duration, broker, resident bool, args ...string) {
	v.w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), ends)
	defer cancel()
	cmd := v.w.command(ctx, bounded(args)...)
	if err := cmd.Start(); err != nil {
		v.w.t.Fatal(err)
	}
	time.Sleep(when)
	if broker {
		_ = cmd.Process.Signal(syscall.SIGKILL)
	}
	if resident {
		v.kill()
		v.start()
	}
	if _ = cmd.Wait(); ctx.Err() != nil {
		v.w.t.Fatalf("meson %s, struck after %s: it did not end within %s\n%s", strings.Join(args, " "), when, ends, v.w.stuck())
	}
}

// Broker and vault are killed at 20 random instants of deploy and of rm, MESON_SOAK
// makes it 200: there is a machine or none, and no volume but those that stay.
func TestVolumesKilledAtRandomInstants(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	rounds := 10
	if os.Getenv("MESON_SOAK") != "" {
		rounds = 100
	}
	w, v := withVault(t, "kvm1", "kvm2")
	w.must("volume", "create", "keep", "--size", "128MiB")
	w.put("keep", "what was there before")
	vid := w.volumeNamed("keep").VID

	started := time.Now()
	w.must("deploy", w.volumesSpec(vid, "made"), "--cheapest", "--name", "smooth")
	deploys := time.Since(started)
	started = time.Now()
	w.must("rm", "smooth")
	removes := time.Since(started)
	w.must("volume", "rm", "made", "--yes")

	for n := range rounds {
		name := fmt.Sprintf("random-%d", n)
		who := rng.IntN(3)
		when := time.Duration(rng.Int64N(int64(deploys)))
		v.strike(when, who != 1, who != 0, "deploy", w.volumesSpec(vid, "made"), "--cheapest", "--name", name)
		what := fmt.Sprintf("round %d: struck (%d) %s into deploy", n, who, when)
		w.settled(t, what, name)
		ran := w.state(name) == "running"
		if ran {
			who, when = rng.IntN(3), time.Duration(rng.Int64N(int64(removes)))
			v.strike(when, who != 1, who != 0, "rm", name)
			what += fmt.Sprintf(", (%d) %s into rm", who, when)
			w.settled(t, what, name)
			if w.state(name) != "gone" {
				w.must("rm", name)
			}
		}
		want := []string{"keep"}
		if ran {
			want = append(want, "made")
		}
		v.left(t, what, want...)
		if ran {
			w.must("volume", "rm", "made", "--yes")
		}
		if t.Failed() {
			return
		}
	}
	w.must("deploy", w.volumesSpec(vid, "made"), "--cheapest", "--name", "last")
	w.must("rm", "last")
	v.left(t, "in the end", "keep", "made")
	w.holds("keep", "what was there before")
}

// left fails the test unless there is no machine, nothing serves, and the volumes
// are these, free.
func (v *vault) left(t *testing.T, when string, names ...string) {
	t.Helper()
	if got := v.w.truth(); got != 0 {
		t.Errorf("%s: %d machines", when, got)
	}
	all := v.w.volumeList()
	if len(all) != len(names) || len(v.folders()) != len(names) {
		t.Errorf("%s: volumes %+v, folders %v, want %v", when, all, v.folders(), names)
	}
	for _, name := range names {
		if got := v.w.volumeNamed(name); got == nil || got.State != "available" || len(got.Uses) > 0 {
			t.Errorf("%s: %s is %+v", when, name, got)
		}
	}
	for _, name := range []string{"tgtd", "qemu-storage-daemon"} {
		eventually(t, when+": "+name+" ends", func() bool { return len(v.daemons(name)) == 0 })
	}
}
