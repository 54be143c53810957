package upcloud

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func TestOfferByID(t *testing.T) {
	p := provider(t, newFake(t).URL, nil, Hooks{})
	for id, want := range map[string]string{
		"fi-hel1/STARTER-2xCPU-4GB/30g":   "",
		"fi-hel1/custom-1xCPU-1024MB/10g": "",
		"fi-hel1/STARTER-2xCPU-4GB/31g":   "not made any more",
		"fi-hel9/STARTER-2xCPU-4GB/30g":   "not made any more",
		"fi-hel1/2xCPU-4GB/80g":           "discontinued",
	} {
		req := with(nil)
		req.OfferId = id
		got := ask1(t, p, req)
		switch {
		case want == "" && ids1(got.GetOffers()) != id:
			t.Errorf("%s: %v", id, got)
		case want != "" && (len(got.GetOffers()) > 0 || len(got.GetReasons()) != 1 || !strings.Contains(got.GetReasons()[0].GetText(), want)):
			t.Errorf("%s: %v, want a reason with %q", id, got, want)
		}
	}
}

func TestLimitAndHorizon(t *testing.T) {
	p := provider(t, newFake(t).URL, nil, Hooks{})
	all := ask1(t, p, with(nil)).GetOffers()
	req := with(nil)
	req.Limit = 3
	if got := ask1(t, p, req).GetOffers(); ids1(got) != ids1(all[:3]) {
		t.Errorf("%s", ids1(got))
	}
	for _, hours := range []uint32{1, 2, 744, 8760} {
		req := with(nil)
		req.ForHours = hours
		fair(t, p, req, ask1(t, p, req).GetOffers())
	}
}

// Many offers cost one reading of each list, and what limits the account is read
// again after seconds.
func TestRequestsAreFew(t *testing.T) {
	now := time.Now()
	f := newFake(t)
	p := provider(t, f.URL, nil, Hooks{Now: func() time.Time { return now }})
	ask1(t, p, with(nil))
	first := f.asked()
	slices.Sort(first)
	want := []string{"GET /account", "GET /plan", "GET /price", "GET /server", "GET /server_size", "GET /storage/normal", "GET /storage/template", "GET /zone"}
	if !slices.Equal(first, want) {
		t.Errorf("the first offer asks %v, want %v", first, want)
	}
	for range 5 {
		ask1(t, p, with(nil))
	}
	if more := f.asked(); len(more) > 0 {
		t.Errorf("the next ones ask %v", more)
	}
	now = now.Add(21 * time.Second)
	ask1(t, p, with(nil))
	more := f.asked()
	slices.Sort(more)
	if !slices.Equal(more, []string{"GET /account", "GET /server", "GET /storage/normal"}) {
		t.Errorf("after seconds: %v", more)
	}
	now = now.Add(10 * time.Minute)
	ask1(t, p, with(nil))
	if more = f.asked(); len(more) != len(want) {
		t.Errorf("after minutes: %v", more)
	}
}

// What cannot be asked is an error of its kind; what only limits is not.
func TestOfferFails(t *testing.T) {
	for path, want := range map[string]sdk.Kind{
		"/plan": sdk.Denied, "/price": sdk.Denied, "/zone": sdk.Denied, "/storage/template": sdk.Denied,
		"/account": "", "/server": "", "/storage/normal": "", "/server_size": "", "/device/availability": "",
	} {
		f := newFake(t)
		f.on(path, legacy(http.StatusForbidden, "ACTION_FORBIDDEN", "no"))
		err := provider(t, f.URL, nil, Hooks{}).Offer(t.Context(), with(l40s), func(r *pb.OfferResponse) error {
			if len(r.GetOffers()) != 1 {
				t.Errorf("%s: %v", path, r)
			}
			return nil
		})
		if sdk.KindOf(err) != want {
			t.Errorf("%s forbidden: %v of kind %q, want %q", path, err, sdk.KindOf(err), want)
		}
	}
}

// What an offer can do without does not keep it waiting for longer than half of
// the caller's time.
func TestOfferDoesNotWaitForLimits(t *testing.T) {
	f := newFake(t)
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	hang := func(http.ResponseWriter, *http.Request) { <-done }
	f.on("/account", hang)
	f.on("/ip_address", hang)
	f.on("/device/availability", hang)
	p := provider(t, f.URL, nil, Hooks{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	offers := 0
	err := p.Offer(ctx, with(func(p *pb.Pledge) { l40s(p); p.PublicIpv4 = true }), func(r *pb.OfferResponse) error {
		offers += len(r.GetOffers())
		return nil
	})
	if err != nil || offers != 1 || ctx.Err() != nil {
		t.Errorf("%d offers, %v, %v", offers, err, ctx.Err())
	}
}

// The token is this plugin's, and whole.
func TestToken(t *testing.T) {
	for _, m := range []*machine{
		{Zone: "fi-hel1", Cores: 1, MemoryMiB: 1, Template: "01000000-0000-4000-8000-000030240200", Title: "plain (x)", DiskGiB: 1, Tier: "maxiops"},
		{
			Zone: "fi-hel1", Plan: "1xCPU-1GB", Cores: 4096, MemoryMiB: 1 << 26, Template: "01000000-0000-4000-8000-000030240200",
			Title: "\"quoted\" \\ <b>&\x00 \u2028 ä 日本", DiskGiB: 4096, Tier: "standard", PublicIPv4: true, Networks: []string{"a", "b\n"},
		},
	} {
		got, err := m.token()
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for _, bad := range []string{"", "{}", "null", `{"zone":"a","cores":1,"memory_mib":1,"disk_gib":1,"tier":"maxiops","template":"x"}`, `{"zone":"a"`} {
		if _, err := machineOf([]byte(bad)); sdk.KindOf(err) != sdk.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Two providers of equal settings give equal answers.
func TestOffersAreStable(t *testing.T) {
	now := time.Now()
	f := newFake(t)
	hooks := Hooks{Now: func() time.Time { return now }}
	a, b := ask1(t, provider(t, f.URL, nil, hooks), with(nil)), ask1(t, provider(t, f.URL, nil, hooks), with(nil))
	if !proto.Equal(a, b) {
		t.Errorf("%v\n%v", a, b)
	}
}

// A listing in another order is the same to users.
func TestOrderOfListingsDoesNotMatter(t *testing.T) {
	body, err := os.ReadFile("testdata/api/plan.json")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(body)), "\n")
	plans := lines[1 : len(lines)-1]
	slices.Reverse(plans)
	plans[0] += ","
	plans[len(plans)-1] = strings.TrimSuffix(plans[len(plans)-1], ",")
	f := newFake(t)
	before := ask1(t, provider(t, f.URL, nil, Hooks{}), with(nil))
	f.on("/plan", reply(200, "application/json", strings.Join(lines, "\n")))
	after := ask1(t, provider(t, f.URL, nil, Hooks{}), with(nil))
	if ids1(before.GetOffers()) != ids1(after.GetOffers()) || before.GetOffers()[0].GetPriceListRevision() != after.GetOffers()[0].GetPriceListRevision() {
		t.Errorf("%s\n%s", ids1(before.GetOffers()), ids1(after.GetOffers()))
	}
}
