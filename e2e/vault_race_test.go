package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// Fifty requests of two users for one volume, to attach it and to deploy a machine
// with it: one gets it, all others are told who that is.
func TestOneOfFiftyGetsTheVolume(t *testing.T) {
	t.Parallel()
	w, v := withVault(t, "kvm1")
	users := []*world{w, v.another("kvm2")}
	w.must("volume", "create", "data", "--size", "128MiB")
	vid := w.volumeNamed("data").VID
	type request struct {
		by         *world
		args       []string
		said, errs string
		code       int
	}
	var requests []*request
	for i, u := range users {
		u.write("v.json", strings.Replace(bootSpec, `"slots"`, fmt.Sprintf(`"volumes":[{"vid":%q}],"slots"`, vid), 1))
		for n := range 5 {
			name := fmt.Sprintf("m%d-%d", i, n)
			u.must("deploy", u.spec, "--cheapest", "--name", name)
			for range 4 {
				requests = append(requests, &request{by: u, args: []string{"volume", "attach", "data", name}})
			}
			requests = append(requests, &request{by: u, args: []string{"deploy", filepath.Join(u.home, "v.json"), "--cheapest", "--name", "d" + name[1:]}})
		}
	}

	rand.Shuffle(len(requests), func(i, k int) { requests[i], requests[k] = requests[k], requests[i] })
	gate := make(chan struct{}, 8) // at once; more than the machine has cores for
	var wg sync.WaitGroup
	for _, r := range requests {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			r.said, r.errs, r.code = r.by.meson(r.args...)
		})
	}
	wg.Wait()

	holder := regexp.MustCompile("writes to it|in use by|has had it since")
	won := map[string]bool{}
	for _, r := range requests {
		what := strings.Join(r.args, " ")
		switch {
		case r.code == 0:
			won[what] = true
		case !holder.MatchString(r.errs):
			t.Errorf("%s: exit %d, does not say who has it:\n%s%s", what, r.code, r.said, r.errs)
		}
	}
	if len(won) != 1 {
		t.Errorf("got it: %v", won)
	}
	if uses := w.volumeNamed("data").Uses; len(uses) != 1 || !uses[0].Writable {
		t.Errorf("uses %+v", uses)
	}
	for _, u := range users {
		u.must("resume")
		for _, a := range u.list() {
			if a.State == "running" {
				u.must("rm", a.Name)
			}
		}
	}
	if got := w.volumeNamed("data"); got.State != "available" || len(got.Uses) > 0 {
		t.Errorf("after all machines went: %+v", got)
	}
	w.must("volume", "rm", "data", "--yes")
	v.empty(t)
}
