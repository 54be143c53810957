package kvm

import (
	"os"
	"path/filepath"
	"testing"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Libvirt's test driver is a host for trying out: it offers, says that nothing
// runs there, and refuses a Create definitely, since it takes no volumes.
func TestTestDriver(t *testing.T) {
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, []byte("boot"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := openProvider(t, &Config{
		URI: "test:///default", Name: "toy", Currency: "EUR", CoreHour: "0.01", GiBHour: "0.01", DiskGiBMonth: "0.01",
		Pool: "default-pool", Network: "default",
		Images: []Image{{OSFamily: "linux", Arch: "i686", File: image, Format: "raw", SHA256: sha([]byte("boot"))}},
	}, Hooks{})
	// The driver begins with a domain that has more memory than its host.
	err := p.places[0].host.Do(t.Context(), "make room", func(c *libvirt.Connect) error {
		d, err := c.LookupDomainByName("test")
		if err != nil {
			return err
		}
		defer d.Free()
		return d.Destroy()
	})
	if err != nil {
		t.Fatal(err)
	}
	ask := bootPledge()
	ask.Archs = []string{"i686"}
	req := labRequest(t, p, "b", "toy", ask)
	if _, err := p.Create(t.Context(), req); sdk.KindOf(err) != sdk.Unsupported {
		t.Errorf("Create: %v, want Unsupported", err)
	}
	if _, err := p.Get(t.Context(), &pb.GetRequest{Owner: req.GetOwner()}); sdk.KindOf(err) != sdk.NotFound {
		t.Errorf("Get after a definite refusal: %v, want NotFound", err)
	}
	items, err := p.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]pb.CheckItem_Verdict{}
	for _, i := range items {
		verdicts[i.GetSubject()] = i.GetVerdict()
	}
	for _, subject := range []string{"connection", "inventory", "accelerator", "pool default-pool", "network default", "rights"} {
		if verdicts["host toy "+subject] != pb.CheckItem_VERDICT_OK {
			t.Errorf("%s is not all right: %v", subject, items)
		}
	}
}
