package kvm

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/sdk/pb"
)

func TestConsoleLogPath(t *testing.T) {
	for uri, logged := range map[string]bool{
		"qemu:///system": true, "qemu+ssh://root@kvm1/system": true, "qemu:///system?socket=/run/x/session": true,
		"qemu:///session": false, "qemu+ssh://ann@kvm1/session?socket=/system": false, "test:///default": false,
	} {
		if have := consoleLog(uri, "id"); (have != "") != logged || logged && have != "/var/log/libvirt/qemu/meson-id-console.log" {
			t.Errorf("%s: %q", uri, have)
		}
	}
}

// A machine's console log goes with it, and what was rotated of it, and no
// other's; also where several are removed at once, and where one that was killed
// has left its pool behind.
func TestConsoleLogRemoved(t *testing.T) {
	l := privateHost(t)
	host := l.hosts()[0]
	dir := filepath.Join(l["MESON_LAB_"+strings.ToUpper(host)+"_LOG_DIR"], "qemu")
	p := openProvider(t, l.config("boot", host), Hooks{})
	broker := unique(t)
	var made []*pb.Instance
	for _, name := range []string{"a", "b", "c"} {
		req := plainRequest(broker, broker+name, host, bootPledge())
		away(t, p, req.GetOwner())
		made = append(made, until(t, p, req))
	}
	for _, in := range made {
		log := filepath.Join(dir, consoleName(in.GetId()))
		if _, err := os.Stat(log); err != nil {
			t.Fatalf("no console log: %v", err)
		}
		if err := os.WriteFile(log+".0", []byte("rotated"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	others := filepath.Join(dir, consoleName(made[0].GetId())+"-of-another")
	if err := os.WriteFile(others, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(others)
	remove := func(in *pb.Instance) {
		if err := p.Delete(t.Context(), &pb.DeleteRequest{Owner: in.GetOwner(), Zone: host}); err != nil {
			t.Error(err)
		}
	}
	var wg sync.WaitGroup
	for _, in := range made[:2] {
		wg.Go(func() { remove(in) })
	}
	wg.Wait()
	at := p.places[0]
	err := at.host.Do(t.Context(), "leave a pool", func(c *libvirt.Connect) error {
		pool, err := logsPool(c, false)
		if err == nil {
			err = pool.Free()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	remove(made[2])
	for _, in := range made {
		logs, _ := filepath.Glob(filepath.Join(dir, consoleName(in.GetId())+"*"))
		for _, log := range logs {
			if log != others {
				t.Errorf("left behind: %s", log)
			}
		}
	}
	if _, err := os.Stat(others); err != nil {
		t.Errorf("a file of another name: %v", err)
	}
	err = at.host.Do(context.Background(), "look for the pool", func(c *libvirt.Connect) error {
		_, err := c.LookupStoragePoolByName(consolePool)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("the pool is still there: %v", err)
	}
}
