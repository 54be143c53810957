package target

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
)

// What tgt 1.0.85 fails of libiscsi 1.19's suite, whoever asks and with no access
// control at all: 10 of 230. The README says so; nothing of Meson needs it.
func knownFailures() []string {
	return []string{
		"GetLBAStatus.BeyondEol", "GetLBAStatus.UnmapSingle",
		"PrinServiceactionRange.Range",
		"ProutReserve.OwnershipEA", "ProutReserve.OwnershipEARO", "ProutReserve.OwnershipWE", "ProutReserve.OwnershipWERO",
		"Reserve6.2Initiators",
		"Unmap.ZeroBlocks",
		"iSCSIdatasn.iSCSIDataSnInvalid",
	}
}

// Every family of the conformance suite passes through our targets, with password
// and access control, as far as it passes on tgt at all.
func TestConformance(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h := testHost(t)
	families := cuFamilies(t)
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
	if want := knownFailures(); !slices.Equal(got, want) {
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
	out, ran, failed := conform(t, v.login(0), family)
	if ran == 0 {
		failed = append(failed, family+" ran nothing: "+out)
	}
	if err := h.Stop(t.Context(), v.Key); err != nil {
		failed = append(failed, family+": "+err.Error())
	}
	return ran, failed
}

// cuFamilies are those that the suite lists.
func cuFamilies(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "iscsi-test-cu", "-l").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "ALL."); ok && !strings.Contains(name, ".") {
			all = append(all, name)
		}
	}
	return all
}

var (
	cuSummary = regexp.MustCompile(`(?m)^\s*tests\s+\d+\s+(\d+)\s+\d+\s+\d+`)
	cuFailure = regexp.MustCompile(`Suite (\S+), Test (\S+) had failures`)
)

// conform runs one family: what it said, how many tests ran, and which failed. It
// logs in as one initiator twice where a test needs two: no other is admitted.
func conform(t *testing.T, l targettest.Login, family string) (out string, ran int, failed []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	b, err := exec.CommandContext(ctx, "iscsi-test-cu", "-i", l.Initiator, "-I", l.Initiator, "-d", "-n", "-S", "-t", "ALL."+family, url(l)).CombinedOutput()
	for _, m := range cuFailure.FindAllSubmatch(b, -1) {
		failed = append(failed, string(m[1])+"."+string(m[2]))
	}
	if m := cuSummary.FindSubmatch(b); m != nil {
		ran, _ = strconv.Atoi(string(m[1]))
	}
	if err != nil && len(failed) == 0 {
		failed = append(failed, family+": "+err.Error())
	}
	return string(b), ran, failed
}
