package iscsi

import (
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// killCases prepare a volume and say what is done to it.
func killCases() map[string]func(t *testing.T, s *site, p *Provider) work {
	return map[string]func(t *testing.T, s *site, p *Provider) work{
		"create": func(t *testing.T, _ *site, p *Provider) work {
			req := order(t, p, "qcow2", 1<<27)
			return work{[]proto.Message{req}, holdsOne(req)}
		},
		"create from an image": func(t *testing.T, s *site, p *Provider) work {
			req := order(t, p, "qcow2", 1<<27)
			path := filepath.Join(s.t.TempDir(), "small.raw")
			if err := os.WriteFile(path, stamped(), 0o600); err != nil {
				t.Fatal(err)
			}
			p.config.ImageSources = []string{filepath.Dir(path)}
			s.settings["image_sources"] = []string{filepath.Dir(path)}
			req.Origin = &pb.CreateVolumeRequest_Image{Image: &pb.ImageOrigin{Url: path}}
			return work{[]proto.Message{req}, holdsStamp(req)}
		},
		"clone": func(t *testing.T, _ *site, p *Provider) work {
			_, v := filled(t, p, "qcow2")
			req := order(t, p, "qcow2", 1<<27)
			req.Origin = &pb.CreateVolumeRequest_VolumeId{VolumeId: v.GetId()}
			return work{[]proto.Message{req}, holdsStamp(req)}
		},
		"export raw":   exportedThere("raw"),
		"export qcow2": exportedThere("qcow2"),
		"export nbd": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "qcow2")
			from := here()
			from.Kinds = []pb.ConnectionKind{pb.ConnectionKind_CONNECTION_KIND_NBD}
			x := export(req.GetOwner(), v.GetId(), "a1", from)
			return work{[]proto.Message{x}, served(x)}
		},
		"export after a killed daemon": func(t *testing.T, s *site, p *Provider) work {
			req, v := filled(t, p, "qcow2")
			x := export(req.GetOwner(), v.GetId(), "a1", there(1))
			if _, err := p.Export(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			s.killDaemons()
			return work{[]proto.Message{x}, func(t *testing.T, p *Provider) {
				served(x)(t, p)
				if v := one(t, p, req.GetOwner()); v.GetEpoch() != 2 || v.GetUses()[0].GetEpoch() != 2 {
					t.Errorf("%v, want epoch 2", v)
				}
			}}
		},
		"unexport": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "qcow2")
			x := export(req.GetOwner(), v.GetId(), "a1", there(1))
			if _, err := p.Export(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			return work{[]proto.Message{&pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}}, free(req)}
		},
		"snapshot in use": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "raw")
			x := export(req.GetOwner(), v.GetId(), "a1", there(1))
			if _, err := p.Export(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			one := &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s1"}
			one.Owner.Broker = req.GetOwner().GetBroker()
			return work{[]proto.Message{one}, func(t *testing.T, p *Provider) {
				snapshots(t, p, v.GetId(), 1)
				served(x)(t, p)
				if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}); err != nil {
					t.Error(err)
				}
				holdsStamp(req)(t, p)
			}}
		},
		"snapshot of a long chain": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "qcow2")
			frozenBy(t, p, v, 7)
			one := &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s1"}
			return work{[]proto.Message{one}, func(t *testing.T, p *Provider) {
				snapshots(t, p, v.GetId(), 8)
				holdsStamp(req)(t, p)
			}}
		},
		"delete snapshot": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "qcow2")
			one, err := p.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s1"})
			if err != nil {
				t.Fatal(err)
			}
			return work{[]proto.Message{&pb.DeleteSnapshotRequest{VolumeId: v.GetId(), Id: one.GetId()}}, func(t *testing.T, p *Provider) {
				snapshots(t, p, v.GetId(), 0)
				holdsStamp(req)(t, p)
			}}
		},
		"revert": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "qcow2")
			one, err := p.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Owner: owner(), VolumeId: v.GetId(), Name: "s1"})
			if err != nil {
				t.Fatal(err)
			}
			return work{[]proto.Message{&pb.RevertVolumeRequest{VolumeId: v.GetId(), SnapshotId: one.GetId()}}, func(t *testing.T, p *Provider) {
				snapshots(t, p, v.GetId(), 1)
				holdsStamp(req)(t, p)
			}}
		},
		"resize in use": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "raw")
			x := export(req.GetOwner(), v.GetId(), "a1", there(1))
			if _, err := p.Export(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			return work{[]proto.Message{&pb.ResizeVolumeRequest{Id: v.GetId(), SizeBytes: 1 << 28}}, func(t *testing.T, p *Provider) {
				now, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: v.GetId()})
				if err != nil || now.GetSpec().GetSizeBytes() != 1<<28 {
					t.Errorf("%v, %v", now, err)
				}
				served(x)(t, p)
				if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}); err != nil {
					t.Error(err)
				}
				holdsStamp(req)(t, p)
			}}
		},
		"raw file that its machine has grown":   grownByMachine("raw"),
		"qcow2 file that its machine has grown": grownByMachine("qcow2"),
		"file that its machine is to grow":      growsWhenFree,
		"unlock by force": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "raw")
			if _, err := p.LockVolume(t.Context(), &pb.LockVolumeRequest{Id: v.GetId(), Lock: &pb.VolumeLock{Holder: req.GetOwner().GetBroker()}}); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1))); err != nil {
				t.Fatal(err)
			}
			return work{[]proto.Message{&pb.UnlockVolumeRequest{Id: v.GetId(), Holder: "b-other", Force: true}}, free(req)}
		},
		"delete": func(t *testing.T, _ *site, p *Provider) work {
			req, _ := filled(t, p, "qcow2")
			return work{[]proto.Message{&pb.DeleteVolumeRequest{Owner: req.GetOwner()}}, func(t *testing.T, p *Provider) {
				if _, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Owner: req.GetOwner()}); sdk.KindOf(err) != sdk.NotFound {
					t.Errorf("%v, want NotFound", err)
				}
			}}
		},
	}
}
