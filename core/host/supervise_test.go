package host

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
)

func contextWithTimeout(t testing.TB, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

func quickPings(o *Options) {
	o.PingEvery, o.PingTimeout, o.PingMisses = 200*time.Millisecond, 1500*time.Millisecond, 2
}

// What a call comes to when its plugin dies or hangs in the middle of it.
func TestCallWhosePluginFails(t *testing.T) {
	ref := core.InstanceRef{Owner: core.Owner{Broker: "b1", Key: "k1"}, ID: "vm-1"}
	calls := map[string]struct {
		kind core.Kind
		do   func(ctx context.Context, p *Provider) error
	}{
		"create": {core.Uncertain, func(ctx context.Context, p *Provider) error {
			_, err := p.Create(ctx, request("k1"))
			return err
		}},
		"delete": {core.Uncertain, func(ctx context.Context, p *Provider) error { return p.Delete(ctx, ref) }},
		"power": {core.Uncertain, func(ctx context.Context, p *Provider) error {
			_, err := p.SetPower(ctx, ref, "b1", core.PowerStop)
			return err
		}},
		"get": {core.Unavailable, func(ctx context.Context, p *Provider) error {
			_, err := p.Get(ctx, ref)
			return err
		}},
		"list": {core.Unavailable, func(ctx context.Context, p *Provider) error {
			_, err := p.List(ctx, "b1")
			return err
		}},
		"offer": {core.Unavailable, func(ctx context.Context, p *Provider) error {
			return p.Offer(ctx, pledge(), core.OfferQuery{Horizon: 730}, func([]core.Offer, []core.Reason) error { return nil })
		}},
	}
	for name, call := range calls {
		for _, disaster := range []string{"dies", "stops", "hangs"} {
			t.Run(name+" "+disaster, func(t *testing.T) {
				t.Parallel()
				h := newHost(t, quickPings)
				before := pid(t, h, "rogue")
				ctx := t.Context()
				if disaster == "hangs" {
					// The process is well and answers pings: only a deadline helps.
					var cancel context.CancelFunc
					ctx, cancel = contextWithTimeout(t, 500*time.Millisecond)
					defer cancel()
				}
				begun := time.Now()
				err := call.do(ctx, provider(h, "rogue", disaster))
				if core.KindOf(err) != call.kind {
					t.Errorf("%v: kind %s: want %s", err, core.KindOf(err), call.kind)
				}
				if took := time.Since(begun); took > 8*time.Second {
					t.Errorf("it took %s", took)
				}
				// The next use works, with a new process where the old one failed.
				after := pid(t, h, "rogue")
				if (after != before) != (disaster != "hangs") {
					t.Errorf("process %d before, %d after it %s", before, after, disaster)
				}
				if disaster != "hangs" && alive(before) {
					t.Errorf("process %d is still there", before)
				}
			})
		}
	}
}

// A call that the caller ends is Interrupted if it read, Uncertain if not.
func TestCallThatTheCallerEnds(t *testing.T) {
	h := newHost(t)
	p := provider(h, "rogue", "hangs")
	ask(t, p)
	for _, test := range []struct {
		kind core.Kind
		do   func(ctx context.Context) error
	}{
		{core.Interrupted, func(ctx context.Context) error { _, err := p.List(ctx, "b1"); return err }},
		{core.Uncertain, func(ctx context.Context) error { _, err := p.Create(ctx, request("k1")); return err }},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(200*time.Millisecond, cancel)
		if err := test.do(ctx); core.KindOf(err) != test.kind {
			t.Errorf("%v: want %s", err, test.kind)
		}
	}
}

// A plugin that fails is started again, later each time; after too many failures
// it is not, and the error says so and when that changes.
func TestRestartsAreSpacedAndEnd(t *testing.T) {
	h := newHost(t, func(o *Options) {
		o.BackoffMin, o.BackoffMax, o.MaxFailures, o.MaxWait = 100*time.Millisecond, time.Second, 4, 5*time.Second
	})
	begun := time.Now()
	for i := range 3 {
		if _, err := h.Plugin(t.Context(), "panics"); !strings.Contains(fmt.Sprint(err), "no rack today") {
			t.Fatalf("start %d: %v", i+1, err)
		}
	}
	// 100 ms and 200 ms, each shortened by at most a tenth.
	if took := time.Since(begun); took < 270*time.Millisecond {
		t.Errorf("three starts within %s: want pauses of 0.1 and 0.2 s", took)
	}
	_, _ = h.Plugin(t.Context(), "panics")
	_, err := h.Plugin(t.Context(), "panics")
	e, ok := err.(*core.Error)
	if !ok || e.Kind != core.Unavailable || !strings.Contains(e.Text, "given up after 4 failures") || !strings.Contains(e.Text, "no rack today") {
		t.Fatalf("%v: want it to be given up", err)
	}
	if e.RetryAfter < 59*time.Minute || e.RetryAfter > time.Hour {
		t.Errorf("again in %s: want about an hour", e.RetryAfter)
	}
}

// A pause that is longer than a call would wait fails it at once, with the time.
func TestLongPauseIsNotWaitedFor(t *testing.T) {
	h := newHost(t, func(o *Options) { o.BackoffMin, o.MaxWait = time.Minute, time.Second })
	_, _ = h.Plugin(t.Context(), "panics")
	begun := time.Now()
	_, err := h.Plugin(t.Context(), "panics")
	if e, ok := err.(*core.Error); !ok || e.RetryAfter < 50*time.Second || e.RetryAfter > 70*time.Second {
		t.Errorf("%v: want it to say when to try again", err)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("it took %s", took)
	}
}

// A stopped plugin that nobody calls is noticed by its pings, killed, and started
// again when it is needed.
func TestHungPluginIsReplaced(t *testing.T) {
	logged, log := newRecords()
	h := newHost(t, quickPings, func(o *Options) { o.Log = log })
	before := pid(t, h, "rogue")
	stop(t, before)
	logged.waitFor(t, 30*time.Second, "plugin failed", "did not answer 2 pings")
	if after := pid(t, h, "rogue"); after == before || alive(before) {
		t.Errorf("process %d before, %d after", before, after)
	}
}

// A plugin whose sockets were cleaned up goes on, and starts again if it must.
func TestSocketsAreRemovedBehindOurBack(t *testing.T) {
	var base string
	h := newHost(t, func(o *Options) { base = o.RuntimeDir })
	before := pid(t, h, "rogue")
	if err := os.RemoveAll(base); err != nil {
		t.Fatal(err)
	}
	if now := pid(t, h, "rogue"); now != before {
		t.Errorf("process %d before, %d after: want it to go on", before, now)
	}
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "it dies", func() bool { return !alive(before) })
	eventually(t, 5*time.Second, "it is noticed and started again", func() bool {
		items, err := provider(h, "rogue", "pid").Check(t.Context())
		return err == nil && items[0].Text != strconv.Itoa(before)
	})
}

// What a plugin started ends with it, even where it keeps the plugin's pipes.
func TestGrandchildrenDie(t *testing.T) {
	for name, end := range map[string]func(h *Host, plugin int){
		"close":   func(h *Host, _ int) { _ = h.Close(context.Background()) },
		"restart": func(h *Host, _ int) { _ = provider(h, "rogue", "pid").Restart(context.Background()) },
		"crash":   func(_ *Host, plugin int) { _ = syscall.Kill(plugin, syscall.SIGKILL) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			grandchild, err := strconv.Atoi(ask(t, provider(h, "rogue", "grandchild")))
			if err != nil || !alive(grandchild) {
				t.Fatal("no grandchild", err)
			}
			end(h, pid(t, h, "rogue"))
			eventually(t, 3*time.Second, "the grandchild ends", func() bool { return !alive(grandchild) })
		})
	}
}

// The plugin is asked to drain, and one that does not is ended all the same;
// Close is in time either way, and whoever is in a call gets an error.
func TestCloseDrains(t *testing.T) {
	for _, test := range []struct {
		provider string
		drains   bool
	}{{"good", true}, {"undrainable", false}} {
		t.Run(test.provider, func(t *testing.T) {
			logged, log := newRecords()
			h := newHost(t, func(o *Options) { o.Log = log })
			ask(t, provider(h, "rogue", test.provider))
			id := pid(t, h, "rogue")
			hanging := provider(h, "rogue", "hangs")
			ask(t, hanging)
			called := make(chan error, 1)
			go func() { called <- hanging.Delete(context.Background(), core.InstanceRef{ID: "vm-1"}) }()
			time.Sleep(100 * time.Millisecond)
			begun := time.Now()
			if err := h.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if took := time.Since(begun); took > 3*time.Second || !test.drains && took < 900*time.Millisecond {
				t.Errorf("Close took %s", took)
			}
			if drained := strings.Contains(strings.Join(logged.all(), ""), "drained"); drained != test.drains {
				t.Errorf("drained: %t, want %t", drained, test.drains)
			}
			if err := <-called; core.KindOf(err) != core.Uncertain {
				t.Errorf("the call under way: %v: want Uncertain", err)
			}
			if alive(id) {
				t.Errorf("process %d is still there", id)
			}
			if _, err := h.Plugin(t.Context(), "rogue"); core.KindOf(err) != core.Unavailable {
				t.Errorf("use after Close: %v: want Unavailable", err)
			}
		})
	}
}

// Close ends a start that is under way.
func TestCloseEndsStarts(t *testing.T) {
	h := newHost(t)
	started := make(chan error, 1)
	go func() {
		_, err := h.Plugin(context.Background(), "silent")
		started <- err
	}()
	time.Sleep(200 * time.Millisecond)
	begun := time.Now()
	if err := h.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("Close took %s", took)
	}
	if err := <-started; core.KindOf(err) != core.Unavailable {
		t.Errorf("the start: %v: want Unavailable", err)
	}
}

// A restart for an uncertain call ends the process that had it, and not the one
// that another provider's restart has made meanwhile.
func TestRestartIsForOneProcess(t *testing.T) {
	h := newHost(t)
	a, b := provider(h, "rogue", "hangs"), provider(h, "rogue", "hangs")
	pid(t, h, "rogue") // it has started, so the calls reach it
	for _, p := range []*Provider{a, b} {
		ctx, cancel := contextWithTimeout(t, time.Second)
		if _, err := p.Create(ctx, request("k1")); core.KindOf(err) != core.Uncertain {
			t.Fatalf("%v: want Uncertain", err)
		}
		cancel()
	}
	first := pid(t, h, "rogue")
	if err := a.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := pid(t, h, "rogue")
	if second == first || alive(first) {
		t.Errorf("process %d before, %d after the first restart", first, second)
	}
	if err := b.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if third := pid(t, h, "rogue"); third != second {
		t.Errorf("the second restart ended process %d, which had no uncertain call", second)
	}
	if err := b.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if fourth := pid(t, h, "rogue"); fourth == second {
		t.Error("a restart without an uncertain call did nothing")
	}
}

// A flood of log lines costs the host no memory worth speaking of, and the
// plugin no answers; what was dropped is counted.
func TestLogFlood(t *testing.T) {
	logged, log := newRecords()
	h := newHost(t, func(o *Options) { o.Log, o.LogLines = log, 50 })
	p := provider(h, "rogue", "logflood")
	before := rss(t)
	ask(t, p)
	for range 20 {
		pid(t, h, "rogue")
	}
	line := logged.waitFor(t, 20*time.Second, "log lines dropped", "plugin=rogue")
	if !strings.Contains(line, "limit_per_second=50") {
		t.Errorf("%q does not name the limit", line)
	}
	runtime.GC()
	if grown := rss(t) - before; grown > 32<<20 {
		t.Errorf("the host grew by %d MiB: want at most 32", grown>>20)
	}
}

func rss(t testing.TB) int {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// What a plugin prints is drained into the log, and does not block it.
func TestPrintedOutputIsLogged(t *testing.T) {
	logged, log := newRecords()
	h := newHost(t, func(o *Options) { o.Log = log })
	ask(t, provider(h, "rogue", "stdout"))
	logged.waitFor(t, 5*time.Second, "printed by mistake")
	ask(t, provider(h, "rogue", "stdout"))
	logged.waitFor(t, 5*time.Second, "printed on purpose")
}
