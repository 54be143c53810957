package upcloud_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// skipped are the recordings that are not compared, by how the path begins, and why.
var skipped = []struct{ prefix, why string }{
	{"/database", "other service"},
	{"/load-balancer", "other service"},
	{"/object-storage", "other service"},
	{"/gateway", "other service"},
	{"/kubernetes", "other service"},
	{"/file-storage", "other service"},
	{"/router", "routers"},
	{"/tag", "tags"},
	{"/server/{}/tag", "tags"},
	{"/server/{}/untag", "tags"},
	{"/server/{}/firewall_rule", "firewall"},
	{"/server-group", "server groups"},
	{"/server/{}/relocate", "relocation"},
	{"/host", "hosts"},
	{"/timezone", "time zones"},
	{"/account/sub", "sub-accounts"},
	{"/permission/", "sub-accounts"},
	{"/partner", "partners"},
}

func (r recording) skip() string {
	_, path, _ := strings.Cut(r.kind(), " ")
	for _, s := range skipped {
		if strings.HasPrefix(path, s.prefix) {
			return s.why
		}
	}
	return ""
}

// What is compared may only grow, and what is skipped only shrink: of all
// recordings so many, of so many kinds of requests, and so many by reason.
const (
	recordedAll   = 1473
	compared      = 247
	comparedKinds = 55
)

func skippedByReason() map[string]int {
	return map[string]int{
		"other service": 1140, "routers": 29, "tags": 25, "firewall": 7, "server groups": 10, "relocation": 1, "hosts": 4, "time zones": 1,
		"sub-accounts": 7, "partners": 2,
	}
}

// Every recorded request of a kind that the emulator serves is sent to it again,
// in the order and with the identifiers of its cassette, and the answer has the
// recorded status, content type, keys and types.
func TestRepliesAreAsRecorded(t *testing.T) {
	all := recordings(t)
	known := map[string]bool{}
	for _, tape := range all {
		for _, r := range tape {
			if r.skip() == "" {
				paths(values(t, r.got), "", known)
			}
		}
	}
	done, kinds, skips := 0, map[string]int{}, map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			p := newPlayer(t)
			for _, r := range all[name] {
				if why := r.skip(); why != "" {
					skips[why]++
					continue
				}
				done++
				kinds[r.kind()]++
				p.play(r, known)
			}
		})
	}
	if done < compared || len(kinds) < comparedKinds {
		t.Errorf("%d recordings of %d kinds are compared, want %d of %d at least", done, len(kinds), compared, comparedKinds)
	}
	total := done
	for why, n := range skips {
		total += n
		if n > skippedByReason()[why] {
			t.Errorf("%d recordings are skipped because of %q, want %d at most", n, why, skippedByReason()[why])
		}
	}
	if total != recordedAll {
		t.Errorf("there are %d recordings, not %d", total, recordedAll)
	}
	t.Logf("%d recordings of %d kinds compared, skipped: %v", done, len(kinds), skips)
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		t.Logf("%3d × %s", kinds[k], k)
	}
}
