package kvm

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/sdk/pb"
)

// The process is killed just after every step of a Create. Repeated, the Create
// ends in one machine; deleted instead, nothing is left. The same for a Delete.
func TestKill(t *testing.T) {
	l := theLab(t)
	host := l.hosts()[0]
	for _, step := range Steps() {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(step, "delete.") {
				killInDelete(t, l, host, step)
				return
			}
			t.Run("repeat", func(t *testing.T) { killInCreate(t, l, host, step, true) })
			t.Run("delete", func(t *testing.T) { killInCreate(t, l, host, step, false) })
		})
	}
}

// The process is killed by another at any instant of a Create.
func TestKillAnyTime(t *testing.T) {
	l := theLab(t)
	host := l.hosts()[0]
	seed := uint64(time.Now().UnixNano())
	random := mathrand.New(mathrand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	for range 6 {
		after := time.Duration(random.IntN(500)) * time.Millisecond
		t.Run(after.String(), func(t *testing.T) {
			config := ownImage(t, l, host, 3<<20)
			p := openProvider(t, config, Hooks{})
			broker := unique(t)
			req := plainRequest(broker, broker+"-k", host, bootPledge())
			away(t, p, req.GetOwner())
			c := startChild(t, task{Config: config, Creates: [][]byte{mustMarshal(req)}})
			time.Sleep(after)
			_ = c.cmd.Process.Kill()
			_, _ = c.cmd.Process.Wait()
			in := until(t, p, req)
			if have := remains(t, l, in.GetId()); len(have) != 4 {
				t.Errorf("after the repeated Create there is %v, want a domain, two volumes and a log", have)
			}
			if err := p.Delete(t.Context(), &pb.DeleteRequest{Owner: req.GetOwner()}); err != nil {
				t.Fatal(err)
			}
			if left := remains(t, l, in.GetId()); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func killInCreate(t *testing.T, l lab, host, step string, repeat bool) {
	config := ownImage(t, l, host, 3<<20)
	p := openProvider(t, config, Hooks{})
	broker := unique(t)
	req := plainRequest(broker, broker+"-k", host, bootPledge())
	id := machineUUID(broker, req.GetOwner().GetKey())
	away(t, p, req.GetOwner())
	if _, killed := startChild(t, task{Config: config, Creates: [][]byte{mustMarshal(req)}, DieAt: step}).wait(t); !killed {
		t.Fatalf("the child came to no step %s", step)
	}
	if repeat {
		in := until(t, p, req)
		if in.GetId() != id {
			t.Errorf("machine %s, want %s", in.GetId(), id)
		}
		have := remains(t, l, id)
		want := []string{host + ": domain " + id, host + ": volume " + diskName(id), host + ": volume " + seedName(id), host + ": log " + consoleName(id)}
		if !sameSet(have, want) {
			t.Errorf("after the repeated Create there is %v, want %v", have, want)
		}
	}
	if err := p.Delete(t.Context(), &pb.DeleteRequest{Owner: req.GetOwner()}); err != nil {
		t.Fatal(err)
	}
	// What the killed process had sent may still be carried out.
	time.Sleep(100 * time.Millisecond)
	if err := p.Delete(t.Context(), &pb.DeleteRequest{Owner: req.GetOwner()}); err != nil {
		t.Fatal(err)
	}
	if left := remains(t, l, id); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func killInDelete(t *testing.T, l lab, host, step string) {
	config := ownImage(t, l, host, 1<<20)
	p := openProvider(t, config, Hooks{})
	broker := unique(t)
	req := plainRequest(broker, broker+"-k", host, bootPledge())
	id := machineUUID(broker, req.GetOwner().GetKey())
	away(t, p, req.GetOwner())
	until(t, p, req)
	del := &pb.DeleteRequest{Owner: req.GetOwner(), Zone: host}
	if _, killed := startChild(t, task{Config: config, Deletes: [][]byte{mustMarshal(del)}, DieAt: step}).wait(t); !killed {
		t.Fatalf("the child came to no step %s", step)
	}
	if err := p.Delete(t.Context(), del); err != nil {
		t.Fatal(err)
	}
	if left := remains(t, l, id); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func sameSet(a, b []string) bool {
	count := map[string]int{}
	for _, s := range a {
		count[s]++
	}
	for _, s := range b {
		count[s]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// ownImage is a configuration whose image no pool has yet: the boot sector with
// so many random bytes after it. It is removed from the pools with the test.
func ownImage(t *testing.T, l lab, host string, size int) *Config {
	t.Helper()
	boot, err := os.ReadFile(l["MESON_LAB_BOOTSECTOR_IMAGE"])
	if err != nil {
		t.Fatal(err)
	}
	tail := make([]byte, size)
	if _, err := rand.Read(tail); err != nil {
		t.Fatal(err)
	}
	image := append(boot, tail...)
	path := filepath.Join(t.TempDir(), "image.raw")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(image)
	c := l.config("boot", host)
	c.Images[0] = Image{OSFamily: "linux", File: path, Format: "raw", SHA256: hex.EncodeToString(sum[:])}
	t.Cleanup(func() { dropImage(t, l, host, &c.Images[0]) })
	return c
}

func dropImage(t *testing.T, l lab, host string, im *Image) {
	h := hosts.Open(hosts.Options{Name: host, URI: l.uri(host), Log: testLog(t)})
	defer h.Close()
	at := &place{Site: Site{Zone: host}, host: h}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	names, err := hosts.Ask(ctx, h, "list volumes", func(c *libvirt.Connect) ([]string, error) {
		pool, err := c.LookupStoragePoolByName("meson")
		if err != nil {
			return nil, err
		}
		defer pool.Free()
		return pool.ListStorageVolumes()
	})
	if err != nil {
		t.Error(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "meson-base-"+im.SHA256[:16]+".") {
			if err := at.discard(ctx, "meson", name); err != nil {
				t.Error(err)
			}
		}
	}
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
