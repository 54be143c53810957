package vault

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// Fifty callers in this process, and four processes with ten attachments each, want
// to write one volume: exactly one may. Then it ends, and of the next exactly one
// may again, with a higher epoch.
func TestRaceForOneVolume(t *testing.T) {
	v := openVault(t, func(o *Options) { o.LockWait = time.Minute })
	n := small("k")
	n.ID = victim
	vol := create(t, v, n)
	var last uint64
	for round := range 3 {
		var cmds []*exec.Cmd
		var outs []*bytes.Buffer
		for p := range 4 {
			cmd, out := spawn(t, job{Root: v.Root(), Do: "use", ID: fmt.Sprintf("p%d-%d", round, p), Times: 10})
			cmds, outs = append(cmds, cmd), append(outs, out)
		}
		var (
			wg  sync.WaitGroup
			mu  sync.Mutex
			won int
		)
		count := func(kind sdk.Kind) {
			mu.Lock()
			defer mu.Unlock()
			switch kind {
			case "":
				won++
			case sdk.Busy:
			default:
				t.Errorf("refused with %s", kind)
			}
		}
		for i := range 50 {
			wg.Go(func() {
				_, _, err := v.BeginUse(t.Context(), vol.Ref(), writer(fmt.Sprintf("g%d-%d", round, i)))
				count(sdk.KindOf(err))
			})
		}
		for i, cmd := range cmds {
			lines, _ := wait(t, cmd, outs[i])
			for _, l := range lines {
				if l == "ok" {
					l = ""
				}
				count(sdk.Kind(l))
			}
		}
		wg.Wait()
		got := get(t, v, vol.Ref())
		if won != 1 || len(got.State.Uses) != 1 || got.State.Epoch <= last || got.State.Uses[0].Epoch != got.State.Epoch {
			t.Fatalf("%d have won, %d uses are recorded, epoch %d after %d", won, len(got.State.Uses), got.State.Epoch, last)
		}
		last = got.State.Epoch
		if _, err := v.EndUse(t.Context(), vol.Ref(), got.State.Uses[0].ID, fenced); err != nil {
			t.Fatal(err)
		}
	}
}

// The same attachment from everywhere is one use.
func TestRaceOfTheSameAttachment(t *testing.T) {
	v := openVault(t, func(o *Options) { o.LockWait = time.Minute })
	n := small("k")
	n.ID = victim
	vol := create(t, v, n)
	cmd, out := spawn(t, job{Root: v.Root(), Do: "use", ID: "same"})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, u, err := v.BeginUse(t.Context(), vol.Ref(), writer("same")); err != nil || u.Epoch != 1 {
				t.Errorf("epoch %d, %v", u.Epoch, err)
			}
		})
	}
	wg.Wait()
	if lines, _ := wait(t, cmd, out); lines[0] != "ok" {
		t.Errorf("the child: %q", lines)
	}
}

// Passwords are made once.
func TestRaceForAPassword(t *testing.T) {
	v := openVault(t, func(o *Options) { o.LockWait = time.Minute })
	vol := create(t, v, small("k"))
	begin(t, v, vol, writer("one"))
	var all sync.Map
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			s, err := v.Secret(t.Context(), vol.Ref(), "one")
			if err != nil {
				t.Error(err)
			}
			all.Store(s.Reveal(), true)
		})
	}
	wg.Wait()
	count := 0
	all.Range(func(any, any) bool { count++; return true })
	if count != 1 {
		t.Errorf("%d passwords", count)
	}
}

// Limits hold between processes: of forty volumes from four processes and this one,
// seven fit.
func TestRaceForTheLastSpace(t *testing.T) {
	for name, settings := range map[string]string{"volumes": `{"max-volumes": 7}`, "size": `{"max-size": 0.9}`} {
		t.Run(name, func(t *testing.T) {
			v := openVault(t, func(o *Options) { o.LockWait = time.Minute })
			put(t, v.Root(), map[string]string{"settings.json": settings})
			var cmds []*exec.Cmd
			var outs []*bytes.Buffer
			for p := range 4 {
				cmd, out := spawn(t, job{Root: v.Root(), Do: "create", ID: fmt.Sprintf("p%d", p), Times: 8, Hold: 20 * time.Millisecond})
				cmds, outs = append(cmds, cmd), append(outs, out)
			}
			var wg sync.WaitGroup
			var mu sync.Mutex
			made := 0
			count := func(kind string) {
				mu.Lock()
				defer mu.Unlock()
				switch kind {
				case "ok", "":
					made++
				case "exhausted":
				default:
					t.Errorf("refused with %s", kind)
				}
			}
			for i := range 8 {
				wg.Go(func() {
					_, err := v.Create(t.Context(), small(fmt.Sprintf("g%d", i)), blank)
					count(string(sdk.KindOf(err)))
				})
			}
			wg.Wait()
			for i, cmd := range cmds {
				lines, _ := wait(t, cmd, outs[i])
				for _, l := range lines {
					count(l)
				}
			}
			if all := list(t, v); made != 7 || len(all) != 7 {
				t.Errorf("%d were made, %d are there, want 7", made, len(all))
			}
		})
	}
}

// One key is one volume, whoever asks how often; one id is one volume.
func TestRaceForOneKey(t *testing.T) {
	v := openVault(t, func(o *Options) { o.LockWait = time.Minute })
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for i := range 20 {
		wg.Go(func() {
			n := small("same")
			if i%2 == 0 {
				n = small(fmt.Sprintf("k%d", i))
				n.ID = "one-id"
			}
			vol, err := v.Create(t.Context(), n, blank)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				got[vol.ID]++
			} else {
				got[string(sdk.KindOf(err))]++
			}
		})
	}
	wg.Wait()
	if all := list(t, v); len(all) != 2 || got["one-id"] != 1 || got[IDFor(owner("same"))] == 0 || got["busy"]+got["conflict"]+got["one-id"]+got[IDFor(owner("same"))] != 20 {
		t.Errorf("%d volumes, %v", len(all), got)
	}
}

// What is deleted is not listed, whoever looks at it meanwhile.
func TestDeletedIsNotListed(t *testing.T) {
	v := openVault(t)
	watching, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = v.Watch(watching) })
	defer wg.Wait()
	defer stop()
	var current atomic.Pointer[Ref]
	for range 4 {
		wg.Go(func() {
			for watching.Err() == nil {
				if ref := current.Load(); ref != nil {
					_, _ = v.Get(watching, *ref)
				}
			}
		})
	}
	for i := range 40 {
		vol := create(t, v, small(fmt.Sprintf("k%d", i)))
		ref := vol.Ref()
		current.Store(&ref)
		time.Sleep(time.Millisecond)
		if _, err := v.Delete(t.Context(), ref, ""); err != nil {
			t.Fatal(err)
		}
		if all, err := v.List(t.Context()); err != nil || len(all) != 0 {
			t.Fatalf("deletion %d leaves %d volumes listed, %v", i, len(all), err)
		}
	}
}
