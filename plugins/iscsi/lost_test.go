package iscsi

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/target"
	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// block is what a guest writes.
func block(with byte) []byte {
	b := make([]byte, 64<<10)
	for i := range b {
		b[i] = with
	}
	return b
}

func wrote(t *testing.T, d *targettest.Disk, at int64, with byte, flush bool) {
	t.Helper()
	_, err := d.WriteAt(block(with), at)
	if err == nil && flush {
		err = d.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, d *targettest.Disk, at int64, with byte) {
	t.Helper()
	got := make([]byte, 64<<10)
	if _, err := d.ReadAt(got, at); err != nil || string(got) != string(block(with)) {
		t.Errorf("what was flushed at %d is not there: %v", at, err)
	}
}

// over waits until a volume says that the epoch of its writer is over, and how to go on.
func over(t *testing.T, get func() (*pb.Volume, error)) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		v, err := get()
		if err == nil && strings.Contains(v.GetMessage(), "storage daemon") && strings.Contains(v.GetMessage(), lostHint) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the volume says %q, %v", v.GetMessage(), err)
		}
	}
}

// A storage daemon is killed under a machine that has not flushed all it wrote. No flush
// of that machine succeeds ever after, whoever looks, and whatever else is killed, tgtd
// and the resident part; its attachment has another epoch when it is asked for again,
// and so has a new one; and what was flushed is there.
func TestKilledDaemonEndsTheEpoch(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon")
	for _, who := range []string{"the resident part", "a new resident part after tgtd too", "a command"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			p, r := s.provider(Hooks{}), s.resident()
			if who != "a command" {
				r.dialled()
			}
			req, v := volume(t, p, "qcow2", 1<<27)
			get := func() (*pb.Volume, error) { return p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: v.GetId()}) }
			ask := export(req.GetOwner(), v.GetId(), "a1", there(1))
			x, err := p.Export(t.Context(), ask)
			if err != nil || x.GetEpoch() != 1 {
				t.Fatalf("%v, %v", x, err)
			}
			old := targettest.MustConnect(t, loginOf(x.GetConnection()))
			wrote(t, old.Disk, 0, 1, true)
			wrote(t, old.Disk, 8<<20, 2, false)

			again := who == "a new resident part after tgtd too"
			if again {
				r.kill()
				s.killTgtd()
			}
			s.killDaemons()
			switch {
			case again:
				r.dialled()
			case who == "a command":
				s.command(func(p *sdk.Remote) { _, _ = p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: v.GetId()}) })
			}
			over(t, get)
			time.Sleep(lookEvery + lookEvery/4) // and once more
			flushed := make(chan error, 1)
			go func() {
				_, _ = old.WriteAt(block(3), 16<<20)
				flushed <- old.Flush()
			}()
			if again {
				h, err := target.New(target.Options{Dir: filepath.Join(s.runtime, "t")})
				if err != nil {
					t.Fatal(err)
				}
				if all, err := h.List(t.Context()); err != nil || len(all) > 0 {
					t.Errorf("tgtd serves again: %v, %v", all, err)
				}
			} else {
				if err := <-flushed; err == nil {
					t.Fatal("a flush succeeds, and what was written before is gone")
				}
				if _, err := p.Export(t.Context(), ask); sdk.KindOf(err) != sdk.Conflict || !strings.Contains(err.Error(), lostHint) {
					t.Errorf("the same attachment, while its machine is connected: %v, want Conflict and what to do", err)
				}
				old.Kill()
			}

			x2, err := p.Export(t.Context(), ask)
			for end := time.Now().Add(10 * time.Second); sdk.KindOf(err) == sdk.Conflict && time.Now().Before(end); x2, err = p.Export(t.Context(), ask) {
				time.Sleep(20 * time.Millisecond) // until tgtd knows that it has gone
			}
			if err != nil || x2.GetEpoch() != 2 || x2.GetConnection().GetIscsi().GetTargetIqn() == x.GetConnection().GetIscsi().GetTargetIqn() {
				t.Fatalf("once more: %v, %v, want epoch 2 under another name", x2, err)
			}
			if now, err := get(); err != nil || now.GetMessage() != "" || now.GetEpoch() != 2 {
				t.Errorf("then it says %q, epoch %d, %v", now.GetMessage(), now.GetEpoch(), err)
			}
			next := targettest.MustConnect(t, loginOf(x2.GetConnection()))
			holds(t, next.Disk, 0, 1)
			wrote(t, next.Disk, 0, 4, true)
			if again {
				select {
				case err := <-flushed:
					if err == nil {
						t.Error("a flush of the old epoch succeeds under the new one")
					}
				case <-time.After(2 * time.Second):
					old.Kill()
				}
			}
			if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}); err != nil {
				t.Fatal(err)
			}
			x3, err := p.Export(t.Context(), export(owner(), v.GetId(), "a2", there(2)))
			if err != nil || x3.GetEpoch() != 3 {
				t.Fatalf("another attachment: %v, %v", x3, err)
			}
			last := targettest.MustConnect(t, loginOf(x3.GetConnection()))
			holds(t, last.Disk, 0, 4)
			s.empty(p)
		})
	}
}
