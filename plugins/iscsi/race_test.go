package iscsi

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Of fifty attach requests for one volume, from two processes at once, exactly one
// wins; the others are Busy.
func TestRaceOfTwoBrokers(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img")
	s := newSite(t, nil)
	p := s.provider(Hooks{})
	req, v := volume(t, p, "raw", 1<<27)
	start := filepath.Join(t.TempDir(), "go")
	var brokers []*child
	for b := range 2 {
		job := task{Settings: s.config(), Go: start, AtOnce: true}
		for i := range 25 {
			o := owner()
			job.Calls = append(job.Calls, callOf(export(o, v.GetId(), fmt.Sprintf("b%d-%d", b, i), there(b))))
		}
		brokers = append(brokers, startChild(t, job))
	}
	if err := os.WriteFile(start, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	winner := ""
	for b, c := range brokers {
		if c.wait(t) {
			t.Fatal("a broker was killed")
		}
		for line := range strings.Lines(c.out.String()) {
			i, kind, _ := strings.Cut(strings.TrimSpace(line), " ")
			if kinds[kind]++; kind == "" {
				winner = fmt.Sprintf("b%d-%s", b, i)
			}
		}
	}
	if kinds[""] != 1 || kinds[string(sdk.Busy)] != 49 {
		t.Errorf("of fifty: %v, want one without an error and 49 busy", kinds)
	}
	now, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Id: v.GetId()})
	if err != nil || len(now.GetUses()) != 1 || now.GetUses()[0].GetAttachmentId() != winner || now.GetEpoch() != 1 {
		t.Errorf("%v, %v; want %s alone, of epoch 1", now, err, winner)
	}
	if err := p.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Owner: req.GetOwner()}); sdk.KindOf(err) != sdk.Busy || !strings.Contains(err.Error(), winner) {
		t.Errorf("deleted in use: %v, want Busy and that %s has it", err, winner)
	}
	s.empty(p)
}
