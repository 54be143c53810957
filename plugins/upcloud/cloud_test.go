package upcloud

import (
	"crypto/rand"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
	"github.com/mesoncloud/meson/sdk/pb"
)

// cloud is an emulated UpCloud of a test's own.
type cloud struct {
	*upcloud.Server
	url string
}

// quick is a clock on which a server is made within a second.
func quick() *upcloud.Clock { return upcloud.NewClock(upcloud.ClockOptions{Speed: 200}) }

// atOnce is one on which nothing takes time.
func atOnce() *upcloud.Clock { return upcloud.NewClock(upcloud.ClockOptions{}) }

func newCloud(t testing.TB, clock *upcloud.Clock) *cloud {
	t.Helper()
	s := upcloud.NewServer(upcloud.Options{
		Clock: clock, Seed: 7, Credentials: []upcloud.Credential{{Username: "emulator", Token: testToken}},
	})
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		web.Close()
	})
	return &cloud{s, web.URL}
}

// hasty makes a provider less patient: of the emulator it is known that what was
// done is listed at once.
func hasty(p *Provider) *Provider {
	*p.timing = timing{
		first: 5 * time.Millisecond, most: 20 * time.Millisecond, calm: 50 * time.Millisecond, window: 100 * time.Millisecond,
		// The API takes whole seconds.
		stop: time.Second, hard: 100 * time.Millisecond, fault: 300 * time.Millisecond,
	}
	return p
}

// provider is a provider of the cloud.
func (c *cloud) provider(t testing.TB, hooks Hooks) *Provider {
	t.Helper()
	return hasty(provider(t, c.url, nil, hooks))
}

// empty fails the test if anything is left that costs.
func (c *cloud) empty(t testing.TB) {
	t.Helper()
	st := c.Stats()
	if n := st.Servers + st.Storages + st.Backups + st.Templates + st.PublicIPv4 + st.PublicIPv6; n != 0 || len(st.Charges) != 0 {
		t.Errorf("left behind: %d servers %v, %d storages, %d backups, %d IPv4, %d IPv6; charges %v",
			st.Servers, st.States, st.Storages, st.Backups, st.PublicIPv4, st.PublicIPv6, st.Charges)
	}
}

// holds fails the test unless so many servers are there, each with its disk.
func (c *cloud) holds(t testing.TB, servers int) {
	t.Helper()
	if st := c.Stats(); st.Servers != servers || st.Storages != servers {
		t.Errorf("%d servers and %d storages: want %d of each", st.Servers, st.Storages, servers)
	}
}

// requests are those since the last look, without reading what is sold.
func (c *cloud) requests(t testing.TB, since map[upcloud.Operation]int) map[upcloud.Operation]int {
	t.Helper()
	now := c.Stats().Requests
	out := map[upcloud.Operation]int{}
	for op, n := range now {
		if d := n - since[op]; d > 0 {
			out[op] = d
		}
	}
	return out
}

func unique() string { return strings.ToLower(rand.Text()[:10]) }

// order1 is a Create of the cheapest offer for a pledge.
func order1(t testing.TB, p *Provider, change func(*pb.Pledge)) *pb.CreateRequest {
	t.Helper()
	ask := with(change)
	ask.Limit = 1
	found := ask1(t, p, ask)
	if len(found.GetOffers()) == 0 {
		t.Fatalf("no offer: %v", found.GetReasons())
	}
	name := "t" + unique()
	return &pb.CreateRequest{
		Provider: "up", Name: name, Pledge: ask.GetPledge(), Offer: found.GetOffers()[0],
		Owner: &pb.Owner{Broker: "b-" + name, Allocation: "a-" + name, Key: "k-" + name, Request: "r-" + name},
		Login: &pb.Login{Hostname: name, Username: "ann", SshKeys: []string{"ssh-ed25519 AAAA ann@home"}, UserData: []byte("#cloud-config\n{}\n")},
	}
}

// until repeats a Create as a broker does, until the machine runs.
func until1(t testing.TB, p *Provider, req *pb.CreateRequest) *pb.Instance {
	t.Helper()
	for give := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		in, err := p.Create(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if in.GetState() == pb.InstanceState_INSTANCE_STATE_RUNNING {
			return in
		}
		if time.Now().After(give) {
			t.Fatalf("still not running: %v", in)
		}
	}
}

func remove1(t testing.TB, p *Provider, req *pb.CreateRequest) {
	t.Helper()
	if err := p.Delete(t.Context(), &pb.DeleteRequest{Owner: req.GetOwner()}); err != nil {
		t.Fatal(err)
	}
}
