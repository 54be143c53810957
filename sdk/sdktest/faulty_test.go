package sdktest

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// hostFaulty starts meson-plugin-faulty as a host does.
func hostFaulty(t *testing.T, binary string) (*sdk.Client, *exec.Cmd) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sdk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cmd := exec.Command(binary)
	cmd.Env = []string{"PLUGIN_UNIX_SOCKET_DIR=" + dir, "TMPDIR=" + dir}
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: sdk.Handshake(), VersionedPlugins: sdk.VersionedPlugins(nil), Cmd: cmd, SkipHostEnv: true,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, Logger: hclog.NewNullLogger(),
	})
	// A plugin that stopped itself would hold up go-plugin's own Kill for ever.
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	conn, err := client.Client()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := conn.Dispense(sdk.PluginSet)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := raw.(*sdk.Client)
	if !ok {
		t.Fatalf("dispensed a %T", raw)
	}
	return c, cmd
}

// The client of the SDK ends every lie in an error of its own, in time.
func TestClientSurvivesFaultyPlugin(t *testing.T) {
	binary := BuildPlugin(t, "faulty")
	for _, tt := range []struct {
		mode string
		call string // offer, create, prices
		want sdk.Kind
	}{
		{"", "offer", ""},
		{"", "create", ""},
		{"", "prices", ""},
		{"huge", "offer", sdk.Unavailable},
		{"endless", "offer", sdk.Internal},
		{"reasons", "offer", sdk.Unavailable},
		{"hang", "offer", sdk.Unavailable},
		{"stop", "offer", sdk.Unavailable},
		{"die", "offer", sdk.Unavailable},
		{"stop-create", "create", sdk.Uncertain},
		{"hang-create", "create", sdk.Uncertain},
		{"die-create", "create", sdk.Uncertain},
		{"price-negative", "prices", sdk.Internal},
		{"price-zero", "prices", sdk.Internal},
		{"price-nan", "prices", sdk.Internal},
		{"price-missing-currency", "prices", sdk.Internal},
		{"price-mixed", "prices", sdk.Internal},
		{"price-unit", "prices", sdk.Internal},
		{"price-huge", "prices", sdk.Internal},
		{"billing-negative", "prices", sdk.Internal},
		{"billing-nowhere", "prices", sdk.Internal},
		{"control", "offer", ""},
	} {
		t.Run(tt.mode+" "+tt.call, func(t *testing.T) {
			c, _ := hostFaulty(t, binary)
			config := `{"mode":"` + tt.mode + `"}`
			if _, err := c.Configure(t.Context(), &pb.ConfigureRequest{Provider: "f", ConfigJson: config}); err != nil {
				t.Fatal(err)
			}
			// The 64 MiB take the plugin a while to make; what never ends is
			// given less.
			limit := 10 * time.Second
			if strings.HasPrefix(tt.mode, "hang") || strings.HasPrefix(tt.mode, "stop") {
				limit = 300 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			err := callFaulty(ctx, t, c, tt.call)
			if sdk.KindOf(err) != tt.want {
				t.Errorf("%v, want kind %q", err, tt.want)
			}
		})
	}
}

func callFaulty(ctx context.Context, t *testing.T, c *sdk.Client, call string) error {
	switch call {
	case "prices":
		_, err := c.PriceList(ctx, "f")
		return err
	case "create":
		_, err := c.Provider("f").Create(ctx, &pb.CreateRequest{
			Owner: &pb.Owner{Broker: "b", Allocation: "a", Key: "k", Request: "r"}, Name: "web1",
			Pledge: fitting(), Offer: &pb.Offer{Id: "zone-a/x", Zone: "zone-a"},
		})
		return err
	}
	return c.Provider("f").Offer(ctx, &pb.OfferRequest{Pledge: fitting(), ForHours: 1}, func(r *pb.OfferResponse) error {
		for _, o := range r.GetOffers() {
			if strings.ContainsAny(o.String(), "\x1b\x07\u202e") || strings.ContainsAny(o.GetRegion(), "\n\x00") {
				t.Errorf("control characters in %q", o)
			}
		}
		return nil
	})
}
