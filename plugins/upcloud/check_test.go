package upcloud

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// said are the items as text, one to a line.
func said(items []*pb.CheckItem) string {
	var b strings.Builder
	for _, i := range items {
		fmt.Fprintf(&b, "%s: %s: %s\n", i.GetSubject(), strings.ToLower(strings.TrimPrefix(i.GetVerdict().String(), "VERDICT_")), i.GetText())
	}
	return b.String()
}

func check(t *testing.T, p *Provider) string {
	t.Helper()
	items, err := p.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return said(items)
}

func TestCheck(t *testing.T) {
	const network = "034c12bc-cf15-4b19-97b2-0ab4e51bb98d"
	subaccount := `{"account": {"main_account": "m", "type": "sub", "username": "tester", "roles": {"role": ["technical"]},
		"server_access": {"server": [%s]}, "storage_access": {"storage": ["*"]}}}`
	for _, c := range []struct {
		name   string
		config map[string]any
		on     map[string]http.HandlerFunc
		want   []string
	}{
		{"all is well", nil, nil, []string{
			"credentials: ok: account tester at 127.0.0.1:", ", 9972.2324 credits\n",
			"rights: ok: the main account",
			"limits: ok: cores 2 of 20, memory 4096 of 131072, gpus 0 of 1, storage_maxiops 0 of 1024, storage_standard 20 of 1024,",
			"zones: ok: fi-hel1, fi-hel2\n",
			"prices: ok: 20 prices in EUR, up to 6 plans in a zone\n",
			"zone de-fra1: warning: ", "zone uk-tst1: warning: ",
			"public templates: ok: Debian GNU/Linux 12 (Bookworm), Ubuntu Server 24.04 LTS (Noble Numbat), Rocky Linux 9\n",
		}},
		{"denied", nil, map[string]http.HandlerFunc{"/account": legacy(401, "AUTHENTICATION_FAILED", "Authentication failed.")}, []string{
			"credentials: failed: read account: AUTHENTICATION_FAILED: Authentication failed. (HTTP 401)\n",
		}},
		{"all limits used", nil, map[string]http.HandlerFunc{
			"/account": reply(200, "application/json", `{"account": {"username": "tester", "resource_limits": {"cores": 2}}}`),
		}, []string{"credentials: ok: account tester at 127.0.0.1:", "limits: warning: cores 2 of 2\n"}},
		{"no limits", nil, map[string]http.HandlerFunc{
			"/account": reply(200, "application/json", `{"account": {"username": "tester"}}`),
		}, []string{"limits: warning: not known"}},
		{"a whole subaccount", nil, map[string]http.HandlerFunc{
			"/account/details/tester": reply(200, "application/json", fmt.Sprintf(subaccount, `{"uuid": "*", "storage": "yes"}`)),
		}, []string{"rights: ok: a subaccount with the roles technical, for all servers and storages\n"}},
		{"a narrow subaccount", nil, map[string]http.HandlerFunc{
			"/account/details/tester": reply(200, "application/json", fmt.Sprintf(subaccount, `{"uuid": "00c78863-db86-44ea-af70-d6edc4d162bf"}`)),
		}, []string{"rights: warning: a subaccount with the roles technical, for some servers or storages only\n"}},
		{"rights not told", nil, map[string]http.HandlerFunc{"/account/details/tester": legacy(403, "ACTION_FORBIDDEN", "no")}, []string{
			"rights: warning: not known: read account details: ACTION_FORBIDDEN: no (HTTP 403)\n",
		}},
		{"no zone", map[string]any{"zones": []string{"mars-1"}}, nil, []string{"zones: failed: none to offer\n", "zone mars-1: warning: mars-1: the account sees no such zone, but de-fra1, fi-hel1"}},
		{"no prices", nil, map[string]http.HandlerFunc{"/price": legacy(403, "ACTION_FORBIDDEN", "no")}, []string{"prices: failed: read prices: ACTION_FORBIDDEN: no (HTTP 403)\n"}},
		{"images", map[string]any{"images": []map[string]any{
			{"os_family": "linux", "os_flavour": "golden", "template": "golden .*"}, {"os_family": "bsd", "template": "FreeBSD.*"},
		}}, nil, []string{"image linux/golden: ok: golden 2\n", "image bsd: failed: no template has a title that matches FreeBSD.*\n"}},
		{"no templates", nil, map[string]http.HandlerFunc{"/storage/template": reply(200, "application/json", `{"storages": {"storage": []}}`)}, []string{
			"public templates: failed: none that Meson knows",
		}},
		{"a network", map[string]any{"private_network": network}, nil, []string{"private network: ok: " + network + " in fi-hel2"}},
		{"another's network", map[string]any{"private_network": strings.Replace(network, "0", "1", 1)}, nil, []string{"private network: failed: the account has no private network"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			for path, h := range c.on {
				f.on(path, h)
			}
			got := check(t, provider(t, f.URL, c.config, Hooks{}))
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not said:\n%s", want, got)
				}
			}
			for _, r := range f.asked() {
				if !strings.HasPrefix(r, "GET ") {
					t.Errorf("a check does %s", r)
				}
			}
		})
	}
}

func TestCheckWithoutCredentials(t *testing.T) {
	config, err := sdk.DecodeConfig[Config](nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := open("up", config, slog.New(slog.DiscardHandler), Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := check(t, p), "credentials: warning: none: offers can be quoted and not bought\nprices: ok: 39 list prices in EUR, of book-2026-10-28\n"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
