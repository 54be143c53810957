package iscsi

import (
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk/pb"
)

// longKillCases are those of what takes long, and of what is done meanwhile.
func longKillCases() map[string]func(t *testing.T, s *site, p *Provider) work {
	return map[string]func(t *testing.T, s *site, p *Provider) work{
		"send raw":   sent("raw"),
		"send qcow2": sent("qcow2"),
		"copy": func(t *testing.T, s *site, p *Provider) work {
			_, v := filled(t, p, "raw")
			req := order(t, p, "raw", 1<<27)
			req.Origin = &pb.CreateVolumeRequest_VolumeId{VolumeId: v.GetId()}
			return work{[]proto.Message{req}, func(t *testing.T, p *Provider) {
				t.Helper()
				holdsStamp(req)(t, p)
				noReadings(t, s, p)
			}}
		},
		"attach beside an export": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "qcow2")
			out := startSending(t, p, &pb.ExportVolumeRequest{Id: v.GetId(), Format: "raw"})
			x := export(req.GetOwner(), v.GetId(), "a1", there(1))
			return work{[]proto.Message{x}, func(t *testing.T, p *Provider) {
				t.Helper()
				served(x)(t, p)
				stampAlone(t, out.rest(), 1<<27)
			}}
		},
		"force beside an export": func(t *testing.T, _ *site, p *Provider) work {
			req, v := filled(t, p, "qcow2")
			out := startSending(t, p, &pb.ExportVolumeRequest{Id: v.GetId(), Format: "raw"})
			if _, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1))); err != nil {
				t.Fatal(err)
			}
			return work{[]proto.Message{&pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1", Force: true}}, func(t *testing.T, p *Provider) {
				t.Helper()
				stampAlone(t, out.rest(), 1<<27)
				free(req)(t, p)
			}}
		},
	}
}

// sent is an export's bytes, in a format that takes space of the vault meanwhile or
// in one that does not.
func sent(format string) func(t *testing.T, s *site, p *Provider) work {
	return func(t *testing.T, s *site, p *Provider) work {
		req, v := filled(t, p, "raw")
		return work{[]proto.Message{&pb.ExportVolumeRequest{Id: v.GetId(), Format: format}}, func(t *testing.T, p *Provider) {
			t.Helper()
			noReadings(t, s, p)
			x := export(req.GetOwner(), v.GetId(), "a1", there(1))
			if _, err := p.Export(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			served(x)(t, p)
			if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}); err != nil {
				t.Fatal(err)
			}
			holdsStamp(req)(t, p)
		}}
	}
}

// noReadings fails if anything is left of those who have read, once their daemons
// have noticed that they are gone, for whoever looks next.
func noReadings(t *testing.T, s *site, p *Provider) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		for _, at := range p.store.vaults {
			if err := at.vault.SweepReadings(); err != nil {
				t.Error(err)
			}
		}
		left, _ := filepath.Glob(filepath.Join(s.vault, ".meson", "reading", "*"))
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%q is left", left)
		}
	}
}
