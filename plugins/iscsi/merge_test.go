package iscsi

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/sdk/pb"
)

// slowMerges has a provider's merges take minutes.
func slowMerges(t *testing.T, p *Provider) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "qemu-img")
	if err := os.WriteFile(path, []byte("#!/bin/bash\nif [ \"$1\" = rebase ]; then read -t 100 <> <(:); fi\nexec qemu-img \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.store.images = slowEngine(path, p.step)
}

// slowEngine is one with a program in the place of qemu-img.
func slowEngine(path string, step func(string)) *image.Engine {
	return image.New(image.Options{QEMUImg: path, MergeSpeed: 64 << 10, Step: func(name string) { step("image." + name) }})
}

// layered is a volume of two snapshots, each of which holds some MiB of its own; the
// first of them is returned.
func layered(t *testing.T, p *Provider, format string) (*pb.CreateVolumeRequest, *pb.Volume, *pb.Snapshot) {
	t.Helper()
	req, v := filled(t, p, format)
	var first *pb.Snapshot
	for i, writes := range [][]string{{"write -P 1 16M 16M"}, {"write -P 2 32M 12M"}, {"write -P 3 48M 8M"}} {
		id := "l" + string(rune('0'+i))
		x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), id, here()))
		if err != nil {
			t.Fatal(err)
		}
		if out, err := qemuIO(t.Context(), x.GetConnection(), append(writes, "flush")...); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: id}); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			break
		}
		shot, err := p.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: id})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = shot
		}
	}
	return req, v, first
}

// holdsLayers reads, by a connection, what all layers together hold.
func holdsLayers(t *testing.T, c *pb.Connection) {
	t.Helper()
	if out, err := qemuIO(t.Context(), c, "read -P 0x6d 0 1", "read -P 1 16M 16M", "read -P 2 32M 12M", "read -P 3 48M 8M", "read -P 0 64M 8M"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// underWay waits until a merge is under way that takes minutes.
func underWay(t *testing.T, p *Provider, v *pb.Volume) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		now, err := p.store.find(t.Context(), v.GetId())
		if err != nil {
			t.Fatal(err)
		}
		if now.State.Pending != nil && p.store.merging(t.Context(), now) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no merge is under way")
		}
	}
	time.Sleep(300 * time.Millisecond)
}

// Whoever wants a volume whose layers are being merged has it at once; by force its
// writer is cut off at once. The merge is put off, and nothing is lost by that.
func TestMergesYield(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon", "qemu-io")
	// What stands on a raw layer has another format: it is copied, and not pushed.
	for kind, format := range map[string]string{"push": "qcow2", "pull": "raw"} {
		for _, way := range []string{"idle", "detach", "unlock"} {
			t.Run(kind+" "+way, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, nil)
				p, other := s.provider(Hooks{}), s.provider(Hooks{})
				req, v, first := layered(t, p, format)
				x := export(req.GetOwner(), v.GetId(), "a1", there(1))
				if way != "idle" {
					if _, err := p.Export(t.Context(), x); err != nil {
						t.Fatal(err)
					}
				}
				fast := p.store.images
				slowMerges(t, p)
				if err := p.DeleteSnapshot(t.Context(), &pb.DeleteSnapshotRequest{VolumeId: v.GetId(), Id: first.GetId()}); err != nil {
					t.Fatal(err)
				}
				underWay(t, p, v)
				var err error
				switch way {
				case "detach":
					err = promptly(t, way, func() error {
						return other.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1", Force: true})
					})
				case "unlock":
					err = promptly(t, way, func() error {
						_, err := other.UnlockVolume(t.Context(), &pb.UnlockVolumeRequest{Id: v.GetId(), Holder: "b-2", Force: true})
						return err
					})
				}
				if err != nil {
					t.Fatal(err)
				}
				x.AttachmentId = "a2"
				var c *pb.ExportResponse
				err = promptly(t, "attach", func() (err error) {
					c, err = other.Export(t.Context(), x)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				holdsLayers(t, c.GetConnection())
				if err := other.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a2"}); err != nil {
					t.Error(err)
				}
				f, err := other.store.find(t.Context(), v.GetId())
				if err != nil {
					t.Fatal(err)
				}
				p.wg.Wait()
				p.store.images = fast
				p.store.compact(t.Context(), f)
				if f, err = p.store.find(t.Context(), v.GetId()); err != nil || f.State.Pending != nil || len(f.State.Snapshots) != 1 || f.State.Snapshots[0].Hidden {
					t.Errorf("its space was not won back: %+v, %v", f.State, err)
				}
				x.AttachmentId = "a3"
				if c, err = p.Export(t.Context(), x); err != nil {
					t.Fatal(err)
				}
				holdsLayers(t, c.GetConnection())
				s.empty(p)
			})
		}
	}
}

// A resident part that looks whether volumes are served does not end merges by that,
// while they are.
func TestLooksDoNotEndMerges(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon", "qemu-io")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	req, v, first := layered(t, p, "qcow2")
	if _, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1))); err != nil {
		t.Fatal(err)
	}
	slowMerges(t, p)
	if err := p.DeleteSnapshot(t.Context(), &pb.DeleteSnapshotRequest{VolumeId: v.GetId(), Id: first.GetId()}); err != nil {
		t.Fatal(err)
	}
	underWay(t, p, v)
	other := s.provider(Hooks{})
	pending := func() string {
		f, err := p.store.find(t.Context(), v.GetId())
		if err != nil || f.State.Pending == nil {
			t.Fatalf("the merge ended, %v", err)
		}
		return f.State.Pending.ID
	}
	before := pending()
	k := &keeper{store: other.store, next: map[string]*delay{}, at: map[string]time.Time{}}
	k.look(t.Context())
	time.Sleep(300 * time.Millisecond)
	if now := pending(); now != before {
		t.Error("another merge is under way")
	}
	s.killTgtd()
	k.look(t.Context())
	p.wg.Wait()
	c, err := other.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1)))
	if err != nil {
		t.Fatal(err)
	}
	holdsLayers(t, c.GetConnection())
	s.empty(other)
}

// Killed while it puts a merge off, or before it does, a process leaves what the next
// one goes on with.
func TestKilledMerges(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon", "qemu-io")
	for _, at := range []string{"change.noted", "image.begun", "image.pushing", "image.undone", "change.unmade"} {
		for _, live := range []bool{false, true} {
			name := at
			if live {
				name += " live"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				killAt(t, func(t *testing.T, _ *site, p *Provider) work {
					req, v, first := layered(t, p, "qcow2")
					x := export(req.GetOwner(), v.GetId(), "a1", there(1))
					if live {
						if _, err := p.Export(t.Context(), x); err != nil {
							t.Fatal(err)
						}
					}
					calls := []proto.Message{
						&pb.DeleteSnapshotRequest{VolumeId: v.GetId(), Id: first.GetId()},
						&pb.RenameVolumeRequest{Id: v.GetId(), Name: "renamed"},
					}
					return work{calls, func(t *testing.T, p *Provider) {
						t.Helper()
						c, err := p.Export(t.Context(), x)
						if err != nil {
							t.Fatal(err)
						}
						holdsLayers(t, c.GetConnection())
						if f, err := p.store.find(t.Context(), v.GetId()); err != nil || f.Meta.Name != "renamed" {
							t.Errorf("%v, %v", f, err)
						}
					}}
				}, point{at, 1}, func(j *task) { j.Slow = true })
			})
		}
	}
}
