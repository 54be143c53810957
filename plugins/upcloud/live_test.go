package upcloud

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

// livePrice is the most that the first hour of a live test's machine may cost, in
// the account's currency.
const livePrice = "0.02"

// TestLive makes and removes real servers at UpCloud, one or two at a time, about
// twenty of them, which costs money. It runs only if MESON_LIVE is upcloud,
// MESON_LIVE_TOKEN_FILE names the file of a token that nobody else can read, and
// MESON_LIVE_ZONE the zone to do it in:
//
//	MESON_LIVE=upcloud MESON_LIVE_TOKEN_FILE=~/upcloud.token MESON_LIVE_ZONE=fi-hel1 \
//		go test ./plugins/upcloud -run TestLive -timeout 90m -v
func TestLive(t *testing.T) {
	if os.Getenv("MESON_LIVE") != "upcloud" {
		t.Skip("NOT RUN against UpCloud: without MESON_LIVE=upcloud and a token nothing of this plugin is seen on the real service")
	}
	file, zone := os.Getenv("MESON_LIVE_TOKEN_FILE"), os.Getenv("MESON_LIVE_ZONE")
	info, err := os.Stat(file)
	if err != nil || zone == "" {
		t.Fatalf("MESON_LIVE_TOKEN_FILE and MESON_LIVE_ZONE must be set as well: %v", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		t.Fatalf("%s can be read by others: chmod 600 %s", file, file)
	}
	token, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	config := `{"zones":["` + zone + `"],"server_prefix":"meson-live-","custom_sizes":"never"}`
	c, err := sdk.DecodeConfig[Config]([]byte(config), map[string][]byte{"token": token})
	if err != nil {
		t.Fatal(err)
	}
	p, err := open("up", c, slog.New(slog.DiscardHandler), Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	affordable(t, p)
	before := everything(t, p)
	t.Cleanup(func() { nothingNew(t, p, before) })
	big := with(nil).GetPledge()
	big.MemoryMib = 1 << 24
	plugin := sdktest.FromDefinition(Definition(Hooks{}), slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = plugin.Drain(context.Background()) })
	sdktest.Run(t, sdktest.Target{
		Connect: func(context.Context) (sdktest.Plugin, error) { return plugin, nil },
		Config:  config, Secrets: map[string][]byte{"token": token},
		Fits: with(nil).GetPledge(), TooBig: big,
		Login:   &pb.Login{Hostname: "meson-live", SshKeys: []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA nobody"}},
		Running: 5 * time.Minute, Call: 5 * time.Minute,
	})
}

// affordable ends the test if the cheapest machine is dearer than it may be.
func affordable(t *testing.T, p *Provider) {
	t.Helper()
	ask := with(nil)
	ask.Limit, ask.ForHours = 1, 1
	offers := ask1(t, p, ask).GetOffers()
	list, err := p.PriceList(t.Context())
	if err != nil || len(offers) == 0 {
		t.Fatalf("%d offers, %v", len(offers), err)
	}
	var quantities []pricing.Quantity
	for _, q := range offers[0].GetQuantities() {
		quantities = append(quantities, pricing.Quantity{SKU: q.GetSku(), Amount: q.GetAmount(), Divisor: int64(q.GetDivisor()), Included: q.GetIncluded()})
	}
	quote, err := list.Quoter(1).Quote(quantities)
	if err != nil {
		t.Fatal(err)
	}
	most, err := pricing.NewMoney(livePrice, quote.Total.Currency())
	if err != nil {
		t.Fatal(err)
	}
	if c, err := quote.Total.Cmp(most); err != nil || c > 0 {
		t.Fatalf("%s costs %s an hour, more than %s: %v", offers[0].GetId(), quote.Total, most, err)
	}
	t.Logf("%s at %s an hour", offers[0].GetId(), quote.Total)
}

// everything is what the account has that can cost, by UUID.
func everything(t *testing.T, p *Provider) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	servers, err := p.api.GetServers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	storages, err := p.api.GetStorages(ctx, &request.GetStoragesRequest{Access: "private"})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, s := range servers.Servers {
		all[s.UUID] = "server " + s.Title + " in " + s.Zone
	}
	for _, s := range storages.Storages {
		all[s.UUID] = s.Type + " " + s.Title + " in " + s.Zone
	}
	return all
}

// nothingNew looks for anything that the test has left.
func nothingNew(t *testing.T, p *Provider, before map[string]string) {
	for uuid, what := range everything(t, p) {
		if _, old := before[uuid]; !old {
			t.Errorf("NEW AND BILLED: %s: %s", uuid, what)
		}
	}
}

// What guards the live test works, as far as that is seen without UpCloud.
func TestLiveGuards(t *testing.T) {
	cl := newCloud(t, atOnce())
	p := cl.provider(t, Hooks{})
	affordable(t, p)
	before := everything(t, p)
	until1(t, p, order1(t, p, nil))
	if n := len(everything(t, p)) - len(before); n != 2 {
		t.Errorf("%d new things, want a server and its disk", n)
	}
}
