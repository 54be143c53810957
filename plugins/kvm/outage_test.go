package kvm

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// A host that cannot be reached is a reason in the answer and spoils nothing of
// the others'; about what may be on it nothing is claimed.
func TestUnreachableHost(t *testing.T) {
	l := theLab(t)
	config := l.config("boot", l.hosts()[0])
	config.Groups[0].Hosts = append(config.Groups[0].Hosts, HostConfig{
		URI: "qemu:///system?socket=" + filepath.Join(t.TempDir(), "nobody"), Name: "away",
	})
	p := openProvider(t, config, Hooks{})
	began := time.Now()
	var offers []*pb.Offer
	var reasons []*pb.Reason
	err := p.Offer(t.Context(), &pb.OfferRequest{Pledge: bootPledge(), ForHours: 730}, func(r *pb.OfferResponse) error {
		offers, reasons = append(offers, r.GetOffers()...), append(reasons, r.GetReasons()...)
		return nil
	})
	if err != nil || len(offers) != 1 || len(reasons) != 1 || reasons[0].GetCandidate() != "away" {
		t.Errorf("offers %v, reasons %v, error %v", offers, reasons, err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the answer took %v", took)
	}
	broker := unique(t)
	key := &pb.Owner{Broker: broker, Key: "k"}
	if _, err := p.Get(t.Context(), &pb.GetRequest{Owner: key}); sdk.KindOf(err) != sdk.Unavailable {
		t.Errorf("Get of what may be on the host: %v, want Unavailable", err)
	}
	if _, err := p.Get(t.Context(), &pb.GetRequest{Owner: key, Zone: l.hosts()[0]}); sdk.KindOf(err) != sdk.NotFound {
		t.Errorf("Get with the zone of a host that answers: %v, want NotFound", err)
	}
	if err := p.Delete(t.Context(), &pb.DeleteRequest{Owner: key}); sdk.KindOf(err) != sdk.Unavailable {
		t.Errorf("Delete: %v, want Unavailable", err)
	}
	if err := p.Delete(t.Context(), &pb.DeleteRequest{Owner: key, Zone: l.hosts()[0]}); err != nil {
		t.Errorf("Delete with the zone of a host that answers: %v", err)
	}
	if err := p.List(t.Context(), &pb.ListRequest{Broker: broker}, func(*pb.Instance) error { return nil }); sdk.KindOf(err) != sdk.Unavailable {
		t.Errorf("List: %v, want Unavailable", err)
	}
	req := plainRequest(broker, broker+"-x", "away", bootPledge())
	if _, err := p.Create(t.Context(), req); sdk.KindOf(err) != sdk.Unavailable {
		t.Errorf("Create on it: %v, want Unavailable", err)
	}
	items, err := p.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	failures := 0
	for _, i := range items {
		if i.GetVerdict() == pb.CheckItem_VERDICT_FAILED {
			failures++
			if !strings.Contains(i.GetSubject(), "away") || i.GetHint() == "" {
				t.Errorf("failed: %v", i)
			}
		}
	}
	if failures != 1 || len(items) < 6 {
		t.Errorf("Check answers %v", items)
	}
}

// The host's daemon is killed after each step of a Create. The error, if any, is
// that the outcome is not known; when the daemon is back,
// the same provider and the same Create end in one machine.
func TestDaemonCrash(t *testing.T) {
	l := privateHost(t)
	host := l.hosts()[0]
	for _, step := range []string{"claim.defined", "claim.held", "disk.made", "seed.made", "machine.started"} {
		t.Run(step, func(t *testing.T) {
			crashed := false
			p := openProvider(t, l.config("boot", host), Hooks{Step: func(name string) {
				if name != step || crashed {
					return
				}
				crashed = true
				if _, err := private.kvm("crash", host); err != nil {
					t.Error(err)
				}
			}})
			broker := unique(t)
			req := plainRequest(broker, broker+"-c", host, bootPledge())
			away(t, p, req.GetOwner())
			if _, err := p.Create(t.Context(), req); err != nil && sdk.KindOf(err) != sdk.Uncertain {
				t.Errorf("Create while the daemon dies: %v, want Uncertain: something is there", err)
			}
			if _, err := private.kvm("restart", host); err != nil {
				t.Fatal(err)
			}
			in := untilThrough(t, p, req, func() {
				if _, err := private.kvm("restart", host); err != nil {
					t.Error(err)
				}
			})
			if err := p.Delete(t.Context(), &pb.DeleteRequest{Owner: req.GetOwner()}); err != nil {
				t.Fatal(err)
			}
			if left := remains(t, l, in.GetId()); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// untilThrough repeats a Create through what a broker repeats it through. revive
// is called where the host does not answer for a while: libvirtd 9.0 can die by
// itself while it comes back, and a host's init starts it again.
func untilThrough(t *testing.T, p *Provider, req *pb.CreateRequest, revive func()) *pb.Instance {
	t.Helper()
	quiet := time.Now().Add(10 * time.Second)
	for give := time.Now().Add(time.Minute); ; {
		in, err := p.Create(t.Context(), req)
		if in.GetState() == pb.InstanceState_INSTANCE_STATE_RUNNING {
			return in
		}
		if err != nil && sdk.KindOf(err) != sdk.Uncertain && sdk.KindOf(err) != sdk.Unavailable || time.Now().After(give) {
			t.Fatalf("%v, %v", in, err)
		}
		if time.Now().After(quiet) {
			t.Logf("no answer for 10 s, the daemon is started again: %v", err)
			revive()
			quiet = time.Now().Add(10 * time.Second)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// A daemon that hangs costs its own answer, not the others', and when it goes
// on so does the provider.
func TestDaemonHangs(t *testing.T) {
	shared := theLab(t)
	l := privateHost(t)
	host := l.hosts()[0]
	config := l.config("boot", host)
	config.Groups[0].Hosts = append(config.Groups[0].Hosts, HostConfig{URI: shared.uri(shared.hosts()[1]), Name: "other"})
	config.Groups[0].Hosts[0].Name = "hung"
	p := openProvider(t, config, Hooks{})
	count := func() (offers int, took time.Duration) {
		began := time.Now()
		ctx, cancel := contextFor(t, 2*time.Second)
		defer cancel()
		err := p.Offer(ctx, &pb.OfferRequest{Pledge: bootPledge(), ForHours: 730}, func(r *pb.OfferResponse) error {
			offers += len(r.GetOffers())
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		return offers, time.Since(began)
	}
	if n, _ := count(); n != 2 {
		t.Fatalf("%d offers, want 2", n)
	}
	pid := daemonOf(t, l, host)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	time.Sleep(roomTTL)
	if n, took := count(); n != 1 || took > 2*time.Second {
		t.Errorf("while one host hangs: %d offers after %v, want 1 within 2s", n, took)
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	give := time.Now().Add(20 * time.Second)
	for n, _ := count(); n != 2; n, _ = count() {
		if time.Now().After(give) {
			t.Fatal("the host that hung is not offered again")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// daemonOf finds the libvirtd of a lab host, from outside its namespaces.
func daemonOf(t *testing.T, l lab, host string) int {
	t.Helper()
	netns, err := os.Stat(filepath.Join("/run/netns", l["MESON_LAB_"+strings.ToUpper(host)+"_NETNS"]))
	if err != nil {
		t.Skip(err)
	}
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range procs {
		name, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err != nil || strings.TrimSpace(string(name)) != "libvirtd" {
			continue
		}
		own, err := os.Stat(filepath.Join(dir, "ns", "net"))
		if err != nil || !os.SameFile(own, netns) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil {
			return pid
		}
	}
	t.Fatalf("no libvirtd on host %s", host)
	return 0
}
