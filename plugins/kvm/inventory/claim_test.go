package inventory_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/plugins/kvm/inventory"
)

func aClaim() *inventory.Claim {
	return &inventory.Claim{
		Broker: "b-1", Allocation: "a-1", Key: "k-1", Request: "0f", Name: `web<1>"&'`, Zone: "kvm1", Shape: "2t-2048m-s2",
		State: inventory.Claimed, CreatedAt: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), Overprovision: 2, Units: []int{1, 2, 3, 7},
		Image: "linux/debian12", Pool: "default", DiskMiB: 10240, Volumes: []string{"web1.qcow2", "a b&<c>\".iso"},
	}
}

func TestClaimRoundTrip(t *testing.T) {
	for name, write := range map[string]func(*inventory.Claim) (string, error){
		"in a definition": (*inventory.Claim).Metadata,
		// What libvirt makes of the bare element: see virDomainSetMetadata.
		"set later": func(c *inventory.Claim) (string, error) {
			s, err := c.Element()
			s = strings.ReplaceAll(strings.ReplaceAll(s, "<claim ", "<m:claim xmlns:m='"+inventory.Namespace+"' "), "</claim>", "</m:claim>")
			return strings.ReplaceAll(strings.ReplaceAll(s, "<volume ", "<m:volume "), "</volume>", "</m:volume>"), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, whole := range []bool{true, false} {
				want := aClaim()
				want.WholeCores = whole
				text, err := write(want)
				if err != nil {
					t.Fatal(err)
				}
				got, err := inventory.ParseClaim("<metadata><x xmlns='urn:other'><claim/></x>" + text + "</metadata>")
				if err != nil {
					t.Fatalf("%v in %s", err, text)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s\n%s", diff, text)
				}
			}
		})
	}
}

func TestElementHasNoNamespaceOfItsOwn(t *testing.T) {
	// virDomainSetMetadata refuses an element that declares the prefix again.
	s, err := aClaim().Element()
	if err != nil || strings.Contains(s, "xmlns") || strings.Contains(s, inventory.Prefix+":") {
		t.Errorf("%s, %v", s, err)
	}
}

func TestForeignMetadataIsNoClaim(t *testing.T) {
	for _, text := range []string{
		"", "   ", "<metadata/>", "<libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'/>",
		"<claim broker='b'/>", "broken <", "<x xmlns='https://meson.cloud/xmlns/domain/2'/>",
		"<meson:other xmlns:meson='https://meson.cloud/xmlns/domain/1'/>",
	} {
		if c, err := inventory.ParseClaim(text); c != nil || err != nil {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}

func TestDamagedClaimIsAnErrorWithEveryFault(t *testing.T) {
	good, err := aClaim().Metadata()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, old, new, want string }{
		{"cut", "</meson:claim>", "", "metadata|claim"},
		{"units", `units="1-3,7"`, `units="9-1"`, "CPU set"},
		{"no units", `units="1-3,7"`, ``, "CPU set"},
		{"share", `overprovision="2"`, `overprovision="-4"`, "overprovision -4"},
		{"state", `state="claimed"`, `state="maybe"`, "state"},
		{"counts", `counts="threads"`, `counts="all"`, "counts"},
		{"broker", `broker="b-1"`, `broker="B 1"`, "broker"},
		{"time", `created="2026-03-01T10:00:00Z"`, `created="yesterday"`, "yesterday"},
		{"disk", `disk-mib="10240"`, `disk-mib="99999999999999999999"`, "out of range"},
		{"huge", "<meson:volume", strings.Repeat(" ", 1<<20) + "<meson:volume", "bytes of metadata"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bad := strings.Replace(good, test.old, test.new, 1)
			if bad == good {
				t.Fatalf("%q is not in %s", test.old, good)
			}
			c, err := inventory.ParseClaim(bad)
			if err == nil {
				t.Fatalf("%+v", c)
			}
			found := false
			for want := range strings.SplitSeq(test.want, "|") {
				found = found || strings.Contains(err.Error(), want)
			}
			if !found {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
	both := strings.Replace(strings.Replace(good, `units="1-3,7"`, `units="x"`, 1), `state="claimed"`, `state="x"`, 1)
	if _, err := inventory.ParseClaim(both); err == nil || !strings.Contains(err.Error(), "units") || !strings.Contains(err.Error(), "state") {
		t.Errorf("not every fault: %v", err)
	}
}

func TestClaimThatCannotBeReadBackIsNotWritten(t *testing.T) {
	_, err := (&inventory.Claim{Broker: "B", State: "x", Units: []int{-1}}).Metadata()
	for _, want := range []string{"broker", "allocation", "key", "request", "state", "creation", "overprovision", "unit -1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: nothing about %s", err, want)
		}
	}
}

func FuzzParseClaim(f *testing.F) {
	good, err := aClaim().Metadata()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("<a xmlns='" + inventory.Namespace + "'><claim xmlns=''/></a>")
	f.Add("<claim xmlns='" + inventory.Namespace + "' units='0-65535'/>")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := inventory.ParseClaim(text)
		if err != nil || c == nil {
			return
		}
		again, err := c.Metadata()
		if err != nil {
			t.Fatalf("read and not written: %v", err)
		}
		same, err := inventory.ParseClaim(again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, same); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCPUSet(t *testing.T) {
	for text, want := range map[string][]int{
		"0": {0}, "0-3": {0, 1, 2, 3}, "0-3,^2": {0, 1, 3}, "8,0-1": {0, 1, 8}, "1,1": {1}, " 4 , 5": {4, 5},
		"": nil, "-": nil, "3-1": nil, "a": nil, "0-": nil, "^0": nil, "0,^0": nil, "70000": nil, "0--2": nil, "+1": nil,
	} {
		got, err := inventory.ParseCPUSet(text)
		if (err == nil) != (want != nil) || cmp.Diff(want, got) != "" {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if got := inventory.FormatCPUSet([]int{9, 3, 2, 1, 7, 2}); got != "1-3,7,9" {
		t.Error(got)
	}
}

func TestAddress(t *testing.T) {
	for text, ok := range map[string]bool{"0000:01:00.0": true, "10000:e1:1f.7": true, "1:0.0": false, "": false, "0000:01:00.0 ": false, "0000:01:00.g": false} {
		a, err := inventory.ParseAddress(text)
		if (err == nil) != ok || (ok && a.String() != text) {
			t.Errorf("%q: %v, %v", text, a, err)
		}
	}
}
