package iscsi

import (
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
	"github.com/mesoncloud/meson/sdk/pb"
)

// written is how much of a volume the writers of a history go around in: little, so
// that blocks are written again and again.
const written = 4 << 20

// raw is what a volume that nobody serves holds, as far as it is written.
func raw(t *testing.T, v *pb.Volume, format string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "raw")
	cmd := exec.Command("qemu-img", "dd", "-f", format, "-O", "raw", "bs=1M", "count=4", "if="+filepath.Join(v.GetPlace(), "data.img"), "of="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// machine connects one and has it write.
func machine(t *testing.T, c *pb.Connection, history *targettest.History, epoch uint64) (*targettest.Initiator, *targettest.Running) {
	t.Helper()
	in := targettest.MustConnect(t, loginOf(c))
	in.Size = written
	return in, targettest.Write(t, in.Disk, history, epoch)
}

// killedBroker is a process with its own plugin that exports a volume again and again,
// and is killed somewhere in that; before it, it gives the volume a name, as a sign.
func (s *site) killedBroker(t *testing.T, p *Provider, x *pb.ExportRequest) {
	t.Helper()
	sign := unique()
	job := task{Settings: s.config(), Calls: []wiredCall{callOf(&pb.RenameVolumeRequest{Id: x.GetVolumeId(), Name: sign})}}
	for range 1000 {
		job.Calls = append(job.Calls, callOf(x))
	}
	c := startChild(t, job)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		v, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: x.GetVolumeId()})
		if err == nil && v.GetName() == sign {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the broker does nothing: %v, %v", v, err)
		}
	}
	time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
	_ = c.cmd.Process.Kill()
	if !c.wait(t) {
		t.Fatal("the broker ended by itself")
	}
}

// taken is the takeover of a volume by other brokers' force: one is killed at a step
// of it, and the next one goes through.
func (s *site) taken(t *testing.T, v *pb.Volume, holder, dieAt string) {
	t.Helper()
	for _, at := range []string{dieAt, ""} {
		force := &pb.UnlockVolumeRequest{Id: v.GetId(), Holder: holder, Force: true}
		if killed := startChild(t, task{Settings: s.config(), Calls: []wiredCall{callOf(force)}, DieAt: at, Die: 1}).wait(t); killed != (at != "") {
			t.Fatalf("to be killed at %q, it was: %v", at, killed)
		}
	}
}

// A volume is written, and everything is killed under it: the broker with its plugin,
// whose exports stay, and tgtd, which the next one starts again. Then the machine hangs,
// and another broker takes the volume by force and gives it to its own; that machine
// is killed, and a third takes over. No answered write is lost, and no block of an old
// epoch lands after a takeover, also when the machine that hung wakes up.
func TestHistoryOfTakeovers(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon")
	for _, format := range []string{"raw", "qcow2"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s, history := newSite(t, nil), targettest.NewHistory()
			p := s.provider(Hooks{})
			req, v := volume(t, p, format, 1<<27)

			x := export(req.GetOwner(), v.GetId(), "a1", there(1))
			s.killedBroker(t, p, x)
			c, err := p.Export(t.Context(), x)
			if err != nil {
				t.Fatal(err)
			}
			hung, w1 := machine(t, c.GetConnection(), history, 1)
			s.killedBroker(t, p, x)
			w1.GoesOn(t, 200)
			s.killTgtd()
			s.killedBroker(t, p, x)
			if _, err := p.Export(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			w1.GoesOn(t, 200)

			hung.Freeze()
			s.taken(t, v, "b-2", "vault.fence")
			if err := history.Fenced(1, raw(t, v, format)); err != nil {
				t.Fatal(err)
			}
			c, err = p.Export(t.Context(), export(owner(), v.GetId(), "a2", there(2)))
			if err != nil || c.GetEpoch() != 2 {
				t.Fatalf("%v, %v", c, err)
			}
			killed, w2 := machine(t, c.GetConnection(), history, 2)
			hung.Thaw()
			w2.GoesOn(t, 200)
			killed.Kill()
			if w2.Ended() == nil {
				t.Error("the writes of a machine that was killed ended well")
			}

			s.taken(t, v, "b-3", "vault.note id")
			if err := history.Fenced(2, raw(t, v, format)); err != nil {
				t.Fatal(err)
			}
			c, err = p.Export(t.Context(), export(owner(), v.GetId(), "a3", there(3)))
			if err != nil || c.GetEpoch() != 3 {
				t.Fatalf("%v, %v", c, err)
			}
			_, w3 := machine(t, c.GetConnection(), history, 3)
			w3.Finish(t)
			time.Sleep(2 * time.Second) // the one that woke up tries to log in again
			if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a3"}); err != nil {
				t.Fatal(err)
			}
			history.MustBeRight(t, raw(t, v, format))
			s.empty(p)
		})
	}
}
