package iscsi

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// atOnce is how long what does not wait for a bulk copy may take on a machine that has
// other things to do too. Who waits for a lock in vain does so for ten seconds.
const atOnce = 5 * time.Second

// promptly fails the test if a call takes long.
func promptly(t *testing.T, what string, do func() error) error {
	t.Helper()
	began := time.Now()
	err := do()
	if took := time.Since(began); took > atOnce {
		t.Errorf("%s took %v", what, took)
	}
	return err
}

// sending is an ExportVolume to somebody who takes the first bytes and then no more.
type sending struct {
	t    *testing.T
	got  bytes.Buffer
	took chan struct{}
	gate chan struct{}
	done chan error
	// ended is closed when the call has returned.
	ended chan struct{}
}

// Write waits at the gate after the first bytes.
func (s *sending) Write(b []byte) (int, error) {
	n, _ := s.got.Write(b)
	select {
	case <-s.took:
	default:
		close(s.took)
	}
	<-s.gate
	return n, nil
}

func startSending(t *testing.T, p *Provider, req *pb.ExportVolumeRequest) *sending {
	t.Helper()
	s := &sending{t: t, took: make(chan struct{}), gate: make(chan struct{}), done: make(chan error, 1), ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		s.done <- p.ExportVolume(context.WithoutCancel(t.Context()), req, func(uint64) error { return nil }, s)
	}()
	t.Cleanup(func() {
		s.open()
		<-s.ended
	})
	select {
	case <-s.took:
	case err := <-s.done:
		t.Fatalf("nothing is sent: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("nothing is sent after 20 s")
	}
	return s
}

func (s *sending) open() {
	select {
	case <-s.gate:
	default:
		close(s.gate)
	}
}

// rest lets the others come, and is all that was sent.
func (s *sending) rest() []byte {
	s.t.Helper()
	s.open()
	if err := <-s.done; err != nil {
		s.t.Errorf("the export: %v", err)
	}
	return s.got.Bytes()
}

// stampAlone fails unless raw bytes are those of a filled volume.
func stampAlone(t *testing.T, got []byte, size int) {
	t.Helper()
	if len(got) != size || !bytes.HasPrefix(got, stamped()) || len(bytes.TrimLeft(got[len(stamped()):], "\x00")) > 0 {
		t.Errorf("%d bytes were sent, and not what the volume held when it began", len(got))
	}
}

// tidied fails unless all space is given back that an export or a merge took.
func tidied(t *testing.T, s *site, p *Provider, v *pb.Volume) {
	t.Helper()
	left := func() (names []string) {
		now, err := p.store.find(t.Context(), v.GetId())
		if err != nil {
			t.Fatal(err)
		}
		if now.State.Pending != nil {
			names = append(names, "pending "+now.State.Pending.Op)
		}
		for _, pattern := range []string{filepath.Join(v.GetPlace(), "snap-*"), filepath.Join(v.GetPlace(), ".meson-*"), filepath.Join(s.vault, ".meson", "reading", "*")} {
			more, _ := filepath.Glob(pattern)
			names = append(names, more...)
		}
		return names
	}
	for end := time.Now().Add(20 * time.Second); len(left()) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q is left", left())
		}
	}
}

// While a volume is exported to somebody slow, its machine is taken off and another
// one comes; it is cut off by force; and what was sent is what it held at first.
func TestExportKeepsNobody(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon", "qemu-io")
	for _, way := range []*pb.Consumer{there(1), here()} {
		t.Run(way.GetHost(), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			p, other := s.provider(Hooks{}), s.provider(Hooks{})
			req, v := filled(t, p, "qcow2")
			out := startSending(t, p, &pb.ExportVolumeRequest{Id: v.GetId(), Format: "raw"})
			for _, id := range []string{"a1", "a2"} {
				var x *pb.ExportResponse
				err := promptly(t, "attach", func() (err error) {
					x, err = other.Export(t.Context(), export(req.GetOwner(), v.GetId(), id, way))
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				if text, err := qemuIO(t.Context(), x.GetConnection(), "read -P 0x6d 0 1", "write -P 9 0 1M", "write -P 9 64M 1M", "flush"); err != nil && id == "a1" {
					t.Fatalf("%v: %s", err, text)
				}
				end := &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: id, Force: id == "a2"}
				if err := promptly(t, "detach", func() error { return other.Unexport(t.Context(), end) }); err != nil {
					t.Error(err)
				}
			}
			if _, err := other.LockVolume(t.Context(), &pb.LockVolumeRequest{Id: v.GetId(), Lock: &pb.VolumeLock{Holder: "b-1"}}); err != nil {
				t.Error(err)
			}
			err := promptly(t, "unlock by force", func() error {
				_, err := other.UnlockVolume(t.Context(), &pb.UnlockVolumeRequest{Id: v.GetId(), Holder: "b-2", Force: true})
				return err
			})
			if err != nil {
				t.Error(err)
			}
			err = promptly(t, "delete", func() error { return other.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Id: v.GetId()}) })
			if sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), "an export has been reading it since") {
				t.Errorf("%v, want Busy and why", err)
			}
			stampAlone(t, out.rest(), 1<<27)
			tidied(t, s, p, v)
			s.empty(p)
		})
	}
}

// A raw image cannot be written while it is exported or copied, and who wants to is
// told why; all else goes on, and after a snapshot that goes too.
func TestReadingOfRaw(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon", "qemu-io")
	for _, what := range []string{"an export", "a copy"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			gate, opened := make(chan struct{}), make(chan struct{})
			p := s.provider(Hooks{Step: func(name string) {
				if name == "copy.opened" {
					close(opened)
					<-gate
				}
			}})
			other := s.provider(Hooks{})
			req, v := filled(t, p, "raw")
			var end func()
			if what == "an export" {
				out := startSending(t, p, &pb.ExportVolumeRequest{Id: v.GetId(), Format: "raw"})
				end = func() { stampAlone(t, out.rest(), 1<<27) }
			} else {
				clone := order(t, p, "raw", 1<<27)
				clone.Origin = &pb.CreateVolumeRequest_VolumeId{VolumeId: v.GetId()}
				if _, err := p.CreateVolume(t.Context(), clone); err != nil {
					t.Fatal(err)
				}
				<-opened
				end = func() {
					close(gate)
					until(t, p, clone)
					holdsStamp(clone)(t, p)
				}
			}
			attach := func(id string, readOnly bool) error {
				x := export(req.GetOwner(), v.GetId(), id, there(1))
				x.ReadOnly = readOnly
				return promptly(t, "attach", func() error {
					_, err := other.Export(t.Context(), x)
					return err
				})
			}
			detach := func(id string, force bool) {
				if err := promptly(t, "detach", func() error {
					return other.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: id, Force: force})
				}); err != nil {
					t.Error(err)
				}
			}
			if err := attach("w1", false); sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), what+" has been reading it since") {
				t.Errorf("%v, want Busy and that %s reads it", err, what)
			}
			if err := attach("r1", true); err != nil {
				t.Error(err)
			}
			if err := attach("r2", true); err != nil {
				t.Error(err)
			}
			detach("r1", false)
			detach("r2", true)
			_, err := other.ResizeVolume(t.Context(), &pb.ResizeVolumeRequest{Id: v.GetId(), SizeBytes: 1 << 28})
			if sdk.KindOf(err) != sdk.Busy {
				t.Errorf("growth: %v, want Busy", err)
			}
			if _, err := other.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s1"}); err != nil {
				t.Error(err)
			}
			if err := attach("w2", false); err != nil {
				t.Error(err)
			}
			detach("w2", true)
			end()
			s.empty(p)
		})
	}
}

// A volume is taken from its writer, by force too, while a snapshot of it is sent.
func TestForceWhileSnapshotIsSent(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon")
	for _, by := range []string{"detach", "unlock"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			p, other := s.provider(Hooks{}), s.provider(Hooks{})
			req, v := filled(t, p, "raw")
			if _, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1))); err != nil {
				t.Fatal(err)
			}
			shot, err := p.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s1"})
			if err != nil {
				t.Fatal(err)
			}
			out := startSending(t, p, &pb.ExportVolumeRequest{Id: v.GetId(), SnapshotId: shot.GetId(), Format: "raw"})
			err = promptly(t, by, func() error {
				if by == "detach" {
					return other.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1", Force: true})
				}
				_, err := other.UnlockVolume(t.Context(), &pb.UnlockVolumeRequest{Id: v.GetId(), Holder: "b-2", Force: true})
				return err
			})
			if err != nil {
				t.Error(err)
			}
			if err := other.DeleteSnapshot(t.Context(), &pb.DeleteSnapshotRequest{VolumeId: v.GetId(), Id: shot.GetId()}); err != nil {
				t.Error(err)
			}
			if _, err := other.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a2", there(2))); err != nil {
				t.Error(err)
			}
			stampAlone(t, out.rest(), 1<<27)
			s.empty(p)
		})
	}
}

// A qcow2 that is built to be sent leaves nothing in the vault, whoever is killed.
func TestSentAsQCOW2(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "qemu-storage-daemon")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	_, v := filled(t, p, "raw")
	out := startSending(t, p, &pb.ExportVolumeRequest{Id: v.GetId(), Format: "qcow2"})
	path := filepath.Join(t.TempDir(), "sent.qcow2")
	if err := os.WriteFile(path, out.rest(), 0o600); err != nil {
		t.Fatal(err)
	}
	req := order(t, p, "raw", 1<<27)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = p.ImportVolume(t.Context(), &pb.ImportVolumeHeader{
		Owner: req.GetOwner(), Name: "again", Spec: req.GetSpec(), Offer: req.GetOffer(), Format: "qcow2",
	}, f)
	if err != nil {
		t.Fatal(err)
	}
	holdsStamp(req)(t, p)
	tidied(t, s, p, v)
	s.empty(p)
}
