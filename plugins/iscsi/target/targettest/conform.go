package targettest

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// KnownFailures are what tgt 1.0.85 fails of libiscsi 1.19's suite, whoever asks and
// with no access control at all: 10 of 230. The README of target says so; nothing of
// Meson needs it.
func KnownFailures() []string {
	return []string{
		"GetLBAStatus.BeyondEol", "GetLBAStatus.UnmapSingle",
		"PrinServiceactionRange.Range",
		"ProutReserve.OwnershipEA", "ProutReserve.OwnershipEARO", "ProutReserve.OwnershipWE", "ProutReserve.OwnershipWERO",
		"Reserve6.2Initiators",
		"Unmap.ZeroBlocks",
		"iSCSIdatasn.iSCSIDataSnInvalid",
	}
}

// Families are those that the suite lists.
func Families(tb testing.TB) []string {
	tb.Helper()
	out, err := exec.CommandContext(tb.Context(), "iscsi-test-cu", "-l").Output()
	if err != nil {
		tb.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "ALL."); ok && !strings.Contains(name, ".") {
			all = append(all, name)
		}
	}
	return all
}

// URL is how libiscsi's tools are told a login.
func (l Login) URL() string {
	chap := ""
	if l.User != "" {
		chap = l.User + "%" + l.Password + "@"
	}
	return fmt.Sprintf("iscsi://%s%s/%s/1", chap, l.Portal, l.IQN)
}

// Conform runs one family: what it said, how many tests ran, and which failed. It
// logs in as one initiator twice where a test needs two: no other is admitted.
func Conform(tb testing.TB, l Login, family string) (out string, ran int, failed []string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 5*time.Minute)
	defer cancel()
	b, err := exec.CommandContext(ctx, "iscsi-test-cu", "-i", l.Initiator, "-I", l.Initiator, "-d", "-n", "-S", "-t", "ALL."+family, l.URL()).CombinedOutput()
	for _, m := range regexp.MustCompile(`Suite (\S+), Test (\S+) had failures`).FindAllSubmatch(b, -1) {
		failed = append(failed, string(m[1])+"."+string(m[2]))
	}
	if m := regexp.MustCompile(`(?m)^\s*tests\s+\d+\s+(\d+)\s+\d+\s+\d+`).FindSubmatch(b); m != nil {
		ran, _ = strconv.Atoi(string(m[1]))
	}
	if err != nil && len(failed) == 0 {
		failed = append(failed, family+": "+err.Error())
	}
	return string(b), ran, failed
}
