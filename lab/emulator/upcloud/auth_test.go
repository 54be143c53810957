package upcloud_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/client"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/service"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

func TestWhoMayCall(t *testing.T) {
	c := start(t, upcloud.Options{Credentials: []upcloud.Credential{
		{Username: "emulator", Token: "ucat_all", Password: "secret"},
		{Username: "reader", Token: "ucat_read", ReadOnly: true},
		{Username: "poor", Token: "ucat_poor", NoBilling: true},
	}})
	as := func(with client.ConfigFn) *service.Service {
		return service.New(client.New("", "", with, client.WithBaseURL(c.url)))
	}
	for _, one := range []struct {
		name    string
		with    client.ConfigFn
		zones   int // status of reading
		create  int
		prices  int
		credits bool
	}{
		{"token", client.WithBearerAuth("ucat_all"), 200, 202, 200, true},
		{"user and password", client.WithBasicAuth("emulator", "secret"), 200, 202, 200, true},
		{"read-only token", client.WithBearerAuth("ucat_read"), 200, 403, 200, true},
		{"token without billing", client.WithBearerAuth("ucat_poor"), 200, 202, 403, false},
		{"wrong token", client.WithBearerAuth("ucat_al"), 401, 401, 401, false},
		{"wrong password", client.WithBasicAuth("emulator", "ucat_all"), 401, 401, 401, false},
		{"password of another", client.WithBasicAuth("reader", "secret"), 401, 401, 401, false},
		{"token as a user", client.WithBasicAuth("ucat_all", ""), 401, 401, 401, false},
		{"empty password of who has none", client.WithBasicAuth("reader", ""), 401, 401, 401, false},
	} {
		t.Run(one.name, func(t *testing.T) {
			s := as(one.with)
			got := func(err error, fine int) int {
				if err == nil {
					return fine
				}
				return problem(t, err).Status
			}
			_, err := s.GetZones(t.Context())
			if n := got(err, 200); n != one.zones {
				t.Errorf("zones: %d, want %d", n, one.zones)
			}
			_, err = s.GetPricesByZone(t.Context())
			if n := got(err, 200); n != one.prices {
				t.Errorf("prices: %d, want %d", n, one.prices)
			}
			_, err = s.CreateServer(t.Context(), wanted("fi-hel1", "STARTER-1xCPU-1GB"))
			if n := got(err, 202); n != one.create {
				t.Errorf("create: %d, want %d", n, one.create)
			}
			a, err := s.GetAccount(t.Context())
			if got(err, 200) == 200 && (a.Credits > 0) != one.credits {
				t.Errorf("credits: %v", a.Credits)
			}
		})
	}
	if status, _ := call(t, &cloud{url: c.url}, http.MethodGet, "/1.3/zone", ""); status != http.StatusUnauthorized {
		t.Errorf("the default token of another server: %d", status)
	}
}

func TestSecretsAreNotTold(t *testing.T) {
	var log strings.Builder
	c := start(t, upcloud.Options{Log: textLog(&log), Credentials: []upcloud.Credential{{Username: "emulator", Token: upcloud.DefaultToken, Password: "hush-hush"}}})
	_, _ = c.CreateServer(t.Context(), wanted("fi-hel1", "STARTER-1xCPU-1GB"))
	text := log.String()
	for _, path := range []string{"/1.3/account", "/1.3/account/details/emulator", "/1.3/account/list", "/1.3/account/tokens", "/1.3/permission", "/1.3/server"} {
		_, body := call(t, c, http.MethodGet, path, "")
		text += body
	}
	for _, secret := range []string{upcloud.DefaultToken, "hush-hush"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is told", secret)
		}
	}
}

func TestTokensOfClients(t *testing.T) {
	c := start(t, upcloud.Options{Clock: manual()})
	made, err := c.CreateToken(t.Context(), &request.CreateTokenRequest{Name: "ci", ExpiresAt: c.Clock().Now().Add(time.Hour)})
	if err != nil || !strings.HasPrefix(made.APIToken, "ucat_") || !strings.HasPrefix(made.ID, "0c") {
		t.Fatalf("%+v, %v", made, err)
	}
	s := service.New(client.New("", "", client.WithBearerAuth(made.APIToken), client.WithBaseURL(c.url)))
	if _, err := s.CreateServer(t.Context(), wanted("fi-hel1", "STARTER-1xCPU-1GB")); err != nil {
		t.Errorf("the token does not open: %v", err)
	}
	if one, err := c.GetTokenDetails(t.Context(), &request.GetTokenDetailsRequest{ID: made.ID}); err != nil || one.APIToken != "" || one.LastUsed == nil {
		t.Errorf("%+v, %v", one, err)
	}
	c.Clock().Step(time.Hour)
	if _, err := s.GetZones(t.Context()); problem(t, err).Status != 401 {
		t.Errorf("after it expired: %v", err)
	}
	if err := c.DeleteToken(t.Context(), &request.DeleteTokenRequest{ID: made.ID}); err != nil {
		t.Fatal(err)
	}
	if all, err := c.GetTokens(t.Context(), &request.GetTokensRequest{}); err != nil || len(*all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := c.GetTokenDetails(t.Context(), &request.GetTokenDetailsRequest{ID: made.ID}); problem(t, err).ErrorCode() != "RESOURCE_NOT_FOUND" {
		t.Errorf("%v", err)
	}
	for _, bad := range []request.CreateTokenRequest{{ExpiresAt: c.Clock().Now().Add(time.Hour)}, {Name: "x"}} {
		_, err := c.CreateToken(t.Context(), &bad)
		if p := problem(t, err); p.Status != 400 || len(p.InvalidParams) == 0 {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
