package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/mesoncloud/meson/lab/emulator/upcloud"
)

// upcloudWorld is one user with a ledger of their own and accounts at emulated
// UpClouds.
type upcloudWorld struct {
	*world
	clouds []*upcloud.Server
}

const upcloudSpec = `{"slots":1,"allowSMT":true,"ramsize":1024,"misc":{"os_family":"linux","os_flavour":"debian"}}`

// newUpCloud is a user with one provider for each list of zones, called up1, up2,
// …, each an account of its own.
func newUpCloud(t *testing.T, zones ...[]string) *upcloudWorld {
	t.Helper()
	w := &upcloudWorld{world: &world{t: t, home: t.TempDir(), bin: build(t)}}
	w.spec = filepath.Join(w.home, "spec.json")
	w.write("spec.json", upcloudSpec)
	w.write("token", upcloud.DefaultToken)
	for i, z := range zones {
		s := upcloud.NewServer(upcloud.Options{Clock: upcloud.NewClock(upcloud.ClockOptions{Speed: 100}), Seed: uint64(i + 1)})
		web := httptest.NewServer(s)
		t.Cleanup(func() {
			s.Close()
			web.Close()
		})
		w.clouds = append(w.clouds, s)
		name := fmt.Sprintf("up%d", i+1)
		config, err := json.Marshal(map[string]any{"api_url": web.URL, "zones": z})
		if err != nil {
			t.Fatal(err)
		}
		w.write(name+".json", string(config))
		w.must("provider", "add", name, "--plugin", "upcloud", "--config", filepath.Join(w.home, name+".json"),
			"--secret", "token="+filepath.Join(w.home, "token"))
	}
	t.Cleanup(func() { w.empty("at the end") })
	return w
}

// held is what all clouds hold: servers, and whatever else costs.
func (w *upcloudWorld) held() (servers, others int) {
	for _, c := range w.clouds {
		st := c.Stats()
		servers += st.Servers
		others += st.Storages + st.Backups + st.Templates + st.PublicIPv4 + st.PublicIPv6
	}
	return servers, others
}

// empty fails the test if anything is left that costs.
func (w *upcloudWorld) empty(when string) {
	w.t.Helper()
	for i, c := range w.clouds {
		if st := c.Stats(); st.Servers+st.Storages+st.PublicIPv4 != 0 || len(st.Charges) != 0 {
			w.t.Errorf("%s: left at up%d: %d servers %v, %d storages, charges %v", when, i+1, st.Servers, st.States, st.Storages, st.Charges)
		}
	}
}

// shown is what `meson deploy` and `meson show` say in JSON.
type shown struct {
	ID, Name, State string
	Offer           struct{ Provider, Zone, Shape string }
	Instance        *struct {
		ID        string
		Addresses []struct{ IP string }
	}
}

func (w *upcloudWorld) deploy(args ...string) shown {
	w.t.Helper()
	var s shown
	if err := json.Unmarshal([]byte(w.must(append([]string{"deploy", w.spec, "--cheapest", "-o", "json"}, args...)...)), &s); err != nil {
		w.t.Fatal(err)
	}
	if s.State != "running" || s.Instance == nil {
		w.t.Fatalf("deployed: %+v", s)
	}
	return s
}
