package iscsi

import (
	"strings"
	"testing"

	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Two machines that have the password and the name of one attachment both get in, and
// write: a fault of the volume says so, with where they are, for as long as it is so.
func TestTwoSessionsOfOneAttachment(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon", "qemu-io", "stdbuf")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	req, v := volume(t, p, "raw", 1<<27)
	x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1)))
	if err != nil {
		t.Fatal(err)
	}
	faults := func() string {
		t.Helper()
		one, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: v.GetId()})
		if err != nil {
			t.Fatal(err)
		}
		all := listed(t, p, "")[v.GetId()]
		if got, want := strings.Join(all.GetFaults(), "; "), strings.Join(one.GetFaults(), "; "); got != want {
			t.Errorf("listed with %q, shown with %q", got, want)
		}
		return strings.Join(one.GetFaults(), "; ")
	}
	machine := startGuest(t, x.GetConnection())
	machine.do("write -P 3 1M 64k", "flush")
	if got := faults(); got != "" {
		t.Errorf("one session: %s", got)
	}
	beside := startGuest(t, x.GetConnection())
	beside.do("write -P 4 1M 64k", "flush")
	machine.do("read -P 4 1M 64k")
	for _, want := range []string{"2 sessions write by the attachment a1", "from 127.0.0.1 and 127.0.0.1"} {
		if got := faults(); !strings.Contains(got, want) {
			t.Errorf("two sessions: %q, want %q", got, want)
		}
	}
	// The first one was not ended for it.
	machine.do("write -P 5 1M 64k", "flush")
	beside.end()
	if got := faults(); got != "" {
		t.Errorf("after one has ended: %s", got)
	}
	machine.end()
	if err := p.Unexport(t.Context(), &pb.UnexportRequest{VolumeId: v.GetId(), AttachmentId: "a1"}); err != nil {
		t.Error(err)
	}
}

func TestDoubled(t *testing.T) {
	t.Parallel()
	two := []string{"10.0.0.4", "10.0.0.5"}
	for name, c := range map[string]struct {
		use   vault.Use
		peers []string
		want  bool
	}{
		"nobody is connected": {vault.Use{Writable: true}, nil, false},
		"one session":         {vault.Use{Writable: true}, two[:1], false},
		"two that write":      {vault.Use{Writable: true}, two, true},
		"two that read":       {vault.Use{}, two, false},
	} {
		if got := doubled(&c.use, c.peers); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
