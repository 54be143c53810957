package kvm

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// qemuImg works on images as a provider of volumes does.
func qemuImg(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "qemu-img", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("qemu-img %v: %v\n%s", args, err, out)
	}
}

// overlaid is a folder of a volume in files that stand on each other by relative
// names, the lowest raw.
func overlaid(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	qemuImg(t, dir, "create", "-q", "-f", "raw", "snap-1.img", "1M")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "snap-1.img", "snap-2.img")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "snap-2.img", "data.img")
	return dir
}

// opened are the files that a machine's QEMU has open.
func opened(t *testing.T, id string) (files []string) {
	t.Helper()
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range all {
		args, err := os.ReadFile(path)
		program, rest, _ := strings.Cut(string(args), "\x00")
		if err != nil || !strings.HasPrefix(filepath.Base(program), "qemu-system") || !strings.Contains(rest, id) {
			continue
		}
		fds, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "fd", "*"))
		for _, fd := range fds {
			if to, err := os.Readlink(fd); err == nil {
				files = append(files, to)
			}
		}
	}
	if len(files) == 0 {
		t.Fatalf("no QEMU of %s", id)
	}
	return files
}

func isOpen(t *testing.T, id, file string) bool {
	t.Helper()
	for _, f := range opened(t, id) {
		if strings.HasPrefix(f, file) {
			return true
		}
	}
	return false
}

// statedAs are the files of a disk, as the running machine or its definition says.
func statedAs(t *testing.T, p *Provider, id, attachment string, live bool) string {
	t.Helper()
	w, err := p.places[0].wiring(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	disks := w.config
	if live {
		disks = w.live
	}
	d := link.Find(disks, attachment)
	if d == nil {
		return ""
	}
	all := []string{filepath.Base(d.Source.File) + " " + d.Driver.Format}
	for b := d.Backing; ; b = b.Backing {
		switch {
		case b == nil:
			return strings.Join(append(all, "?"), ", ")
		case b.Source.File == "":
			return strings.Join(all, ", ")
		}
		all = append(all, filepath.Base(b.Source.File)+" "+b.Format.Type)
	}
}

// A machine is given every file that its volume stands on: while it runs, when it is
// started, and as they are after what was done to them while it was off.
func TestAttachChain(t *testing.T) {
	l := theLab(t)
	p, in := machineOn(t, l, 0)
	dir := overlaid(t)
	data := filepath.Join(dir, "data.img")
	attach(t, p, in, fileAttachment(t, p, "c-1", data, "qcow2", false))
	const want = "data.img qcow2, snap-2.img qcow2, snap-1.img raw"
	if live, config := statedAs(t, p, in.GetId(), "c-1", true), statedAs(t, p, in.GetId(), "c-1", false); live != want || config != want {
		t.Errorf("it runs with %s and will with %s, want %s", live, config, want)
	}
	attach(t, p, in, fileAttachment(t, p, "c-1", data, "qcow2", false))
	setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP_HARD)

	if err := os.Rename(data, filepath.Join(dir, "snap-3.img")); err != nil {
		t.Fatal(err)
	}
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "snap-3.img", "data.img")
	setPower(t, p, in, pb.SetPowerRequest_ACTION_START)
	const then = "data.img qcow2, snap-3.img qcow2, snap-2.img qcow2, snap-1.img raw"
	if live, config := statedAs(t, p, in.GetId(), "c-1", true), statedAs(t, p, in.GetId(), "c-1", false); live != then || config != then {
		t.Errorf("after a snapshot it runs with %s and will with %s, want %s", live, config, then)
	}
	setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP_HARD)
	qemuImg(t, dir, "rebase", "-q", "-f", "qcow2", "-b", "", "data.img")
	attach(t, p, in, fileAttachment(t, p, "c-1", data, "qcow2", false))
	if config := statedAs(t, p, in.GetId(), "c-1", false); config != "data.img qcow2" {
		t.Errorf("after it was flattened it will have %s", config)
	}
	setPower(t, p, in, pb.SetPowerRequest_ACTION_START)
	if isOpen(t, in.GetId(), filepath.Join(dir, "snap-")) {
		t.Error("it has files open that its volume does not stand on")
	}
	if !isOpen(t, in.GetId(), data) {
		t.Error("it does not have its volume's file open")
	}
}

// What a volume stands on may be merged between the look at its files and the moment
// that a machine opens them: it is looked again.
func TestOpenWhileMerged(t *testing.T) {
	l := theLab(t)
	var merge func()
	host := l.hosts()[1]
	p := openProvider(t, l.config("boot", host), Hooks{Step: func(step string) {
		if do := merge; step == "files.seen" && do != nil {
			merge = nil
			do()
		}
	}})
	volume := func(id string) *pb.Attachment {
		return fileAttachment(t, p, id, filepath.Join(overlaid(t), "data.img"), "qcow2", false)
	}
	mergeNext := func(a *pb.Attachment) {
		dir := filepath.Dir(a.GetConnection().GetFile().GetFile())
		merge = func() {
			cmd := exec.CommandContext(t.Context(), "qemu-img", "rebase", "-q", "-f", "qcow2", "-F", "raw", "-b", "snap-1.img", "data.img")
			cmd.Dir = dir
			if err := errors.Join(cmd.Run(), os.Remove(filepath.Join(dir, "snap-2.img"))); err != nil {
				t.Error(err)
			}
		}
	}
	opens := func(what, id, attachment string) {
		t.Helper()
		const want = "data.img qcow2, snap-1.img raw"
		if merge != nil {
			t.Errorf("%s: nothing was merged", what)
		}
		if live, config := statedAs(t, p, id, attachment, true), statedAs(t, p, id, attachment, false); live != want || config != want {
			t.Errorf("%s: it runs with %s and will with %s, want %s", what, live, config, want)
		}
	}
	broker := unique(t)
	first := volume("m-1")
	req := withVolumes(broker, broker+"-m", host, first)
	away(t, p, req.GetOwner())
	mergeNext(first)
	in := until(t, p, req)
	opens("made with it", in.GetId(), "m-1")

	second := volume("m-2")
	mergeNext(second)
	attach(t, p, in, second)
	opens("attached while it runs", in.GetId(), "m-2")

	setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP_HARD)
	third := volume("m-3")
	attach(t, p, in, third)
	mergeNext(third)
	setPower(t, p, in, pb.SetPowerRequest_ACTION_START)
	opens("started", in.GetId(), "m-3")

	// One that is gone for good is told as such.
	lost := volume("m-4")
	if err := os.Remove(filepath.Join(filepath.Dir(lost.GetConnection().GetFile().GetFile()), "snap-1.img")); err != nil {
		t.Fatal(err)
	}
	if _, err := tryAttach(t.Context(), p, in, lost); sdk.KindOf(err) != sdk.Unavailable || !strings.Contains(err.Error(), "snap-1.img") {
		t.Errorf("%v", err)
	}
}

// What a machine reads is not written by others: QEMU keeps them from every file that
// it stands on, so that a merge into one of them is refused while it runs.
func TestReaderKeepsItsChain(t *testing.T) {
	l := theLab(t)
	p, in := machineOn(t, l, 1)
	dir := overlaid(t)
	attach(t, p, in, fileAttachment(t, p, "r-1", filepath.Join(dir, "data.img"), "qcow2", true))
	for _, step := range []string{"attached", "started with it"} {
		for _, args := range [][]string{
			{"qemu-io", "-f", "raw", "-c", "write 0 512", "snap-1.img"},
			{"qemu-img", "commit", "-q", "-f", "qcow2", "snap-2.img"},
			{"qemu-img", "commit", "-q", "-f", "qcow2", "data.img"},
			{"qemu-img", "rebase", "-q", "-f", "qcow2", "-b", "", "data.img"},
		} {
			cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); !strings.Contains(string(out), "lock") {
				t.Errorf("%s: %v under who reads: %v\n%s", step, args, err, out)
			}
		}
		setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP_HARD)
		setPower(t, p, in, pb.SetPowerRequest_ACTION_START)
	}
}

// hostile are images that name a file of the host which is no volume, each by another
// way, and links to it.
func hostile(t *testing.T, victim string) map[string]func(path string) {
	t.Helper()
	img := func(args ...string) func(string) {
		return func(path string) {
			_ = os.Remove(path)
			qemuImg(t, filepath.Dir(path), append(append([]string{"create", "-q", "-f", "qcow2"}, args...), path, "1M")...)
		}
	}
	return map[string]func(string){
		"backing file": img("-u", "-F", "raw", "-b", victim),
		"json":         img("-u", "-F", "raw", "-b", `json:{"driver":"raw","file":{"driver":"file","filename":"`+victim+`"}}`),
		"protocol":     img("-u", "-F", "raw", "-b", "file:"+victim),
		"data file": func(path string) {
			// qemu-img would make the file that it names: it is made another one after that.
			made := filepath.Join(filepath.Dir(path), strings.Repeat("x", len(victim)-len(filepath.Dir(path))-1))
			img("-o", "data_file="+made+",data_file_raw=on")(path)
			b, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(b), made) {
				t.Fatalf("%v: no data file in %s", err, path)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(string(b), made, victim, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"link": func(path string) {
			_ = os.Remove(path)
			if err := os.Symlink(victim, path); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// Who provides a volume gets no machine to open a file of the host that is no volume:
// not with its way, not with what an image names, and not with what one names later.
func TestAttachHostileImage(t *testing.T) {
	l := theLab(t)
	p, in := machineOn(t, l, 2)
	victim := filepath.Join(l["MESON_LAB_STATE"], unique(t)+strings.Repeat("-", 80))
	if err := os.WriteFile(victim, []byte(strings.Repeat("secret\n", 1<<17)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(victim) })
	for name, spoil := range hostile(t, victim) {
		path := filepath.Join(t.TempDir(), "data.img")
		spoil(path)
		_, err := tryAttach(t.Context(), p, in, fileAttachment(t, p, "h-1", path, "qcow2", true))
		if sdk.KindOf(err) != sdk.Denied {
			t.Errorf("%s: %v, want Denied", name, err)
		}
		if have := wiredAs(t, p, in.GetId(), "h-1"); have != (wired{}) {
			t.Errorf("%s leaves %+v", name, have)
		}
		broker := unique(t)
		req := withVolumes(broker, broker+"-h", l.hosts()[2], fileAttachment(t, p, "h-1", path, "qcow2", false))
		away(t, p, req.GetOwner())
		if _, err := p.Create(t.Context(), req); sdk.KindOf(err) != sdk.Denied {
			t.Errorf("%s, of a machine that is to be made: %v, want Denied", name, err)
		}
		if left := remains(t, l, machineUUID(broker, req.GetOwner().GetKey())); len(left) > 0 {
			t.Errorf("%s: left behind: %v", name, left)
		}
	}

	// One that was good when it was attached, and is none when the machine starts.
	path := filepath.Join(t.TempDir(), "data.img")
	for name, spoil := range hostile(t, victim) {
		_ = os.Remove(path)
		qemuImg(t, filepath.Dir(path), "create", "-q", "-f", "qcow2", path, "1M")
		setPower(t, p, in, pb.SetPowerRequest_ACTION_STOP_HARD)
		attach(t, p, in, fileAttachment(t, p, "h-2", path, "qcow2", false))
		spoil(path)
		_, err := p.SetPower(t.Context(), &pb.SetPowerRequest{Id: in.GetId(), Action: pb.SetPowerRequest_ACTION_START})
		if sdk.KindOf(err) != sdk.Denied {
			t.Errorf("%s: start: %v, want Denied", name, err)
		}
		if name == "link" || name == "data file" {
			continue // nobody but who looks before can see to that
		}
		// Behind our back, what its header names is not opened all the same.
		if err := p.places[0].change(context.Background(), "start", in.GetId(), func(d *libvirt.Domain) error { return d.Create() }); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if isOpen(t, in.GetId(), victim) || !isOpen(t, in.GetId(), path) {
			t.Errorf("%s: QEMU has open %v", name, opened(t, in.GetId()))
		}
	}
}
