package e2e_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// together runs commands at once and returns how they ended, in order.
func (w *world) together(commands ...[]string) []ended {
	all := make([]ended, len(commands))
	var wait sync.WaitGroup
	for i, args := range commands {
		wait.Go(func() { all[i] = w.start(args...) })
	}
	wait.Wait()
	return all
}

// TestSameNameAtOnce: commands for one name from several terminals take turns.
// Deploys give one machine, removals end when it is gone, and a deploy that meets
// a removal makes the machine anew.
func TestSameNameAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "kvm1")
	deploy := []string{"deploy", w.spec, "--cheapest", "--name", "twin", "-o", "json"}
	rm := []string{"rm", "twin"}

	ids := map[string]bool{}
	for _, e := range w.together(deploy, deploy, deploy, deploy) {
		var a allocation
		if err := json.Unmarshal([]byte(e.out), &a); e.code != 0 || err != nil || a.State != "running" {
			t.Errorf("deploy: exit %d, %v, state %q\n%s", e.code, err, a.State, e.errs)
		}
		ids[a.ID] = true
	}
	if got := w.truth(); len(ids) != 1 || got != 1 {
		t.Errorf("4 deploys of one name: allocations %v and %d machines, want one of each", slices.Collect(maps.Keys(ids)), got)
	}
	for _, e := range w.together(rm, rm, rm, deploy) {
		if e.code != 0 {
			t.Errorf("%s: exit %d\n%s", e.args[0], e.code, e.errs)
		}
	}
	w.settled(t, "three removals and a deploy at once", "twin")
	w.must("rm", "twin")
	if got := w.truth(); got != 0 {
		t.Errorf("%d machines after rm", got)
	}
}

// TestCrowd: 50 deploys by 4 brokers onto one host that holds 8. Eight run, the
// others are told why not, no thread is sold more often than every machine on it
// tolerates, and nothing is left.
func TestCrowd(t *testing.T) {
	t.Parallel()
	const brokers, asked, holds, share, atOnce = 4, 50, 8, 4, 4
	lab := ownLab(t, "1")
	cores := hostCores(t, lab)
	if cores < holds/share {
		t.Skipf("%d cores hold fewer than %d machines", cores, holds)
	}
	worlds := make([]*world, brokers)
	for i := range worlds {
		w := &world{t: t, home: t.TempDir(), lab: lab, reserve: cores - holds/share}
		worlds[i] = w.settle([]string{"kvm1"})
		w.write("spec.json", strings.Replace(bootSpec, `"overprovision":10`, fmt.Sprintf(`"overprovision":%d`, share), 1))
	}

	var mu sync.Mutex
	var all []ended
	var wait sync.WaitGroup
	for i, w := range worlds {
		names := make(chan string, asked)
		for n := i; n < asked; n += brokers {
			names <- fmt.Sprintf("crowd-%d", n)
		}
		close(names)
		for range atOnce {
			wait.Go(func() {
				for name := range names {
					e := w.start("deploy", w.spec, "--cheapest", "--name", name)
					mu.Lock()
					all = append(all, e)
					mu.Unlock()
				}
			})
		}
	}
	wait.Wait()

	codes := map[int]int{}
	for _, e := range all {
		codes[e.code]++
		switch {
		case e.failed != nil:
			t.Errorf("%v: %v\n%s", e.args, e.failed, e.errs)
		case e.code == 6 && !strings.Contains(e.errs, fmt.Sprintf("threads are free for a machine that shares with at most %d", share)) &&
			!strings.Contains(e.errs, "others are claiming the same room"):
			t.Errorf("%v: a no that does not say why:\n%s", e.args, e.errs)
		case e.code != 0 && e.code != 6:
			t.Errorf("%v: exit %d\n%s", e.args, e.code, e.errs)
		}
	}
	if codes[0] != holds || codes[6] != asked-holds {
		t.Errorf("exit codes %v: want %d times 0 and %d times 6", codes, holds, asked-holds)
	}
	worlds[0].soldOnce(t, "kvm1", holds, share)

	for _, w := range worlds {
		var rm []string
		for _, a := range w.list() {
			rm = append(rm, a.Name)
		}
		w.must(append([]string{"rm"}, rm...)...)
		if got := w.truth(); got != 0 {
			t.Errorf("%d machines of %s after rm", got, w.home)
		}
	}
	if left := worlds[0].virsh("kvm1", "list", "--all", "--name"); strings.TrimSpace(left) != "" {
		t.Errorf("left on the host: %s", left)
	}
	for _, v := range worlds[0].volumes("kvm1") {
		if uuidIn(v) != "" {
			t.Errorf("left in the pool: %s", v)
		}
	}
}

// ownLab starts a lab of this test's own, and stops it in the end.
func ownLab(t *testing.T, hosts string) map[string]string {
	t.Helper()
	// Below the lab's own directory, where make lab-down finds what a killed test leaves.
	dir, err := os.MkdirTemp(labEnv(t, "")["MESON_LAB_STATE"], "own-")
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		cmd := exec.CommandContext(context.Background(), "../lab/kvm", args...)
		cmd.Env = append(os.Environ(), "MESON_LAB_DIR="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("lab/kvm %v: %v\n%s", args, err, out)
		}
	}
	t.Cleanup(func() {
		run("stop")
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	run("start", hosts)
	return labEnv(t, dir)
}

// soldOnce reads from the domains themselves which threads they are pinned to.
func (w *world) soldOnce(t *testing.T, host string, want, share int) {
	t.Helper()
	users := map[string]int{}
	names := strings.Fields(w.virsh(host, "list", "--name"))
	for _, name := range names {
		var doc struct {
			Pins []struct {
				CPUSet string `xml:"cpuset,attr"`
			} `xml:"cputune>vcpupin"`
		}
		if err := xml.Unmarshal([]byte(w.virsh(host, "dumpxml", name)), &doc); err != nil {
			t.Fatal(err)
		}
		if len(doc.Pins) != 1 {
			t.Errorf("%s has %d pinned vCPUs, want 1", name, len(doc.Pins))
		}
		for _, pin := range doc.Pins {
			users[pin.CPUSet]++
		}
	}
	if len(names) != want {
		t.Errorf("%d machines run, want %d", len(names), want)
	}
	for thread, n := range users {
		if n > share || strings.ContainsAny(thread, ",-") {
			t.Errorf("thread %s is used by %d machines that share it with at most %d", thread, n, share)
		}
	}
}

// hostCores is how many cores the first host of a lab has.
func hostCores(t *testing.T, lab map[string]string) int {
	t.Helper()
	w := &world{t: t, lab: lab}
	info := w.virsh("kvm1", "nodeinfo")
	count := map[string]int{}
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(line, ":")
		if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
			count[key] = n
		}
	}
	return count["CPU socket(s)"] * count["Core(s) per socket"] * max(1, count["NUMA cell(s)"])
}
