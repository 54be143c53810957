package target

import (
	"fmt"
	"slices"
	"testing"

	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
)

// Every family of the conformance suite passes through our targets, with password
// and access control, as far as it passes on tgt at all.
func TestConformance(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h := testHost(t)
	families := targettest.Families(t)
	ran, failed := make(chan int, len(families)), make(chan []string, len(families))
	slots := make(chan struct{}, 6)
	// Most of their time they wait, so more run at once than there are cores.
	for i, family := range families {
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			n, names := conformFamily(t, h, i, family)
			ran <- n
			failed <- names
		}()
	}
	total, got := 0, []string(nil)
	for range families {
		total += <-ran
		got = append(got, <-failed...)
	}
	slices.Sort(got)
	if want := targettest.KnownFailures(); !slices.Equal(got, want) {
		t.Errorf("failed %q, want %q", got, want)
	}
	if total != 230 || len(families) != 51 {
		t.Errorf("%d tests of %d families ran, want 230 of 51", total, len(families))
	}
}

func conformFamily(t *testing.T, h *Host, i int, family string) (ran int, failed []string) {
	v := testVolume(t, 128<<20)
	v.Key = fmt.Sprintf("cu%d", i)
	if _, err := h.Ensure(t.Context(), v); err != nil {
		return 0, []string{family + ": " + err.Error()}
	}
	out, ran, failed := targettest.Conform(t, v.login(0), family)
	if ran == 0 {
		failed = append(failed, family+" ran nothing: "+out)
	}
	if err := h.Stop(t.Context(), v.Key); err != nil {
		failed = append(failed, family+": "+err.Error())
	}
	return ran, failed
}
