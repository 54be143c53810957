package kvm

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// A real guest boots from a unit of iSCSI with a password, sees its volumes by their
// serials, those too that are attached while it runs, sees one grow, and lets go of
// it when it is asked to; what it wrote is in the volume then.
func TestGuestVolumes(t *testing.T) {
	l := theLab(t)
	config := l.config("tiny", l.hosts()[1])
	p := openProvider(t, config, Hooks{})
	from := consumerOf(t, p).GetInitiatorIqn()
	root := startTarget(t, l, blank(t, l["MESON_LAB_GUEST_RAW"], 80<<20), from)
	broker := unique(t)
	req := withVolumes(broker, broker+"-tiny", l.hosts()[1], booting(root.attachment("root", from)), fileAttachment(t, p, "data", blank(t, "", 8<<20), "raw", false))
	req.Pledge.MemoryMib = 192
	away(t, p, req.GetOwner())
	in := until(t, p, req)
	s, _ := openScreen(t, p, in, false)
	line := s.until(t, "MESON-GUEST ready", 3*time.Minute)
	t.Log(line)
	for _, want := range []string{"hostname=" + req.GetName(), "vda:root", "vdc:data", "vda:80M", "vdc:8M"} {
		if !strings.Contains(line, want) {
			t.Errorf("the guest says %q, want %s in it", line, want)
		}
	}
	round := 0
	look := func() string {
		t.Helper()
		round++
		s.keys <- fmt.Sprintf("ready | sed s/MESON-GUEST/LOOK%d/\r", round)
		return s.until(t, fmt.Sprintf("LOOK%d ready", round), time.Minute)
	}
	saw := func(want ...string) {
		t.Helper()
		var line string
		for range 20 {
			line = look()
			seen := true
			for _, w := range want {
				no, absent := strings.CutPrefix(w, "no ")
				seen = seen && (strings.Contains(line, no) != absent)
			}
			if seen {
				return
			}
			time.Sleep(200 * time.Millisecond)
		}
		t.Errorf("the guest says %q, want %v", line, want)
	}

	hot := startTarget(t, l, blank(t, "", 16<<20), from)
	attach(t, p, in, hot.attachment("hot-1", from))
	saw("vdd:hot-1", "vdd:16M")
	hot.grow(24 << 20)
	attach(t, p, in, hot.attachment("hot-1", from))
	saw("vdd:hot-1", "vdd:24M")
	s.keys <- "echo written by the guest > /dev/vdd; sync; echo do''ne\r"
	s.until(t, "done", time.Minute)
	began := time.Now()
	if _, err := tryDetach(t.Context(), p, in, "hot-1"); err != nil {
		t.Fatal(err)
	}
	t.Logf("the guest let go within %v", time.Since(began))
	if have := wiredAs(t, p, in.GetId(), "hot-1"); have != (wired{}) {
		t.Errorf("after Detach: %+v", have)
	}
	if hot.connected() {
		t.Error("the machine is still connected to what was detached")
	}
	saw("no hot-1", "vda:root", "vdc:data")
	data, err := os.ReadFile(hot.file)
	if err != nil || !strings.HasPrefix(string(data[:64]), "written by the guest") {
		t.Errorf("the volume begins with %q, %v", data[:32], err)
	}
	// What was attached before its first start is let go like the rest. A guest that
	// has no agent does not even keep what it has mounted, as the README warns.
	s.keys <- "mke2fs /dev/vdc >/dev/null; mkdir /m; mount -t ext4 /dev/vdc /m && echo mou''nted\r"
	s.until(t, "mounted", time.Minute)
	if _, err := tryDetach(t.Context(), p, in, "data"); err != nil {
		t.Error(err)
	}
	saw("no vdc:data", "vda:root")
	if err := p.Delete(t.Context(), &pb.DeleteRequest{Owner: req.GetOwner()}); err != nil {
		t.Fatal(err)
	}
	if left := append(remains(t, l, in.GetId()), secretsOf(t, p, in.GetId())...); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// agentScript is user data that make the tiny guest mount its volume at /srv and
// answer to libvirt as a guest agent does.
func agentScript(t *testing.T, l lab) []byte {
	t.Helper()
	packages, _ := filepath.Glob(filepath.Join(l["MESON_LAB_STATE"], "cache", "debs", "linux-image-*.deb"))
	if len(packages) == 0 {
		if required("guest") {
			t.Fatal("the kernel's package of the lab's guest is not kept: lab/guest build fetches it")
		}
		t.Skip("the kernel of the lab's guest is not kept here")
	}
	script, err := os.ReadFile(filepath.Join("testdata", "agent.sh"))
	if err != nil {
		t.Fatal(err)
	}
	// The last is that of the guest, which is built anew with every new kernel.
	get := `dpkg-deb --fsys-tarfile "$0" | tar -xO --wildcards '*/virtio_console.ko' >"$1" && strip --strip-debug "$1" && gzip -9nc "$1" | base64`
	module, err := exec.Command("sh", "-c", get, packages[len(packages)-1], filepath.Join(t.TempDir(), "m")).Output()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Replace(script, []byte("MODULE\n"), module, 1)
}

// A disk whose file systems the guest has mounted is not taken from it: the refusal
// says where they are. When they are unmounted, it is, but not while the agent is there
// and does not say so.
func TestDetachOfMountedDisk(t *testing.T) {
	l := theLab(t)
	p := openProvider(t, l.config("tiny", l.hosts()[2]), Hooks{})
	broker := unique(t)
	req := withVolumes(broker, broker+"-agent", l.hosts()[2], fileAttachment(t, p, "data", blank(t, "", 8<<20), "raw", false))
	req.Pledge.MemoryMib = 192
	req.Login.UserData = agentScript(t, l)
	away(t, p, req.GetOwner())
	in := until(t, p, req)
	s, _ := openScreen(t, p, in, false)
	t.Log(s.until(t, "MESON-GUEST ready", 3*time.Minute))
	s.keys <- "grep srv /proc/mounts && echo mou''nted\r"
	s.until(t, "mounted", time.Minute)
	var err error
	for range 100 { // libvirt hears that there is an agent when the guest opens the port
		m, lost := p.places[0].read(t.Context(), in.GetId())
		if lost != nil {
			t.Fatal(lost)
		}
		if m.agent {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	_, err = tryDetach(t.Context(), p, in, "data")
	if sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), "/srv") {
		t.Errorf("Detach of what is mounted: %v, want Busy and /srv", err)
	}
	if have := wiredAs(t, p, in.GetId(), "data"); have != (wired{true, true, false, true}) {
		t.Errorf("after the refusal: %+v", have)
	}
	s.keys <- "umount /srv && echo unmou''nted\r"
	s.until(t, "unmounted", time.Minute)
	s.keys <- "kill -STOP $(cat /run/agent.pid) && echo sto''pped\r"
	s.until(t, "stopped", time.Minute)
	_, err = tryDetach(t.Context(), p, in, "data")
	if sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), "agent") {
		t.Errorf("Detach while the agent does not answer: %v, want Busy and why", err)
	}
	if have := wiredAs(t, p, in.GetId(), "data"); have != (wired{true, true, false, true}) {
		t.Errorf("after that: %+v", have)
	}
	s.keys <- "kill -CONT $(cat /run/agent.pid) && echo go''es on\r"
	s.until(t, "goes on", time.Minute)
	// libvirt may still wait for the answer to its former question.
	for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if _, err = tryDetach(t.Context(), p, in, "data"); sdk.KindOf(err) != sdk.Busy || time.Since(begun) > time.Minute {
			break
		}
	}
	if err != nil {
		t.Error(err)
	}
}
