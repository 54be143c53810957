package share

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// What the server was told is read as it was meant.
func TestServed(t *testing.T) {
	dir := t.TempDir()
	open := func(address string) *Server {
		s, err := Open(Options{Dir: dir, Address: netip.MustParseAddrPort(address)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open("10.0.0.7:2049")
	if all, alike, err := s.Served(); err != nil || !alike || len(all) != 0 {
		t.Errorf("of nothing: %v, %v, %v", all, alike, err)
	}
	want := []Export{
		{Attachment: "a-1", Dir: "/srv/a b; }/data", Clients: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("10.1.0.9/32"), netip.MustParsePrefix("fd00::/64")}},
		{Attachment: "b", Dir: "/srv/CLIENT { Clients = 1; /data", Clients: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, ReadOnly: true},
	}
	config := s.base()
	for i, e := range want {
		config += e.block(uint16(i + 1))
		want[i].Kept = true
	}
	if err := os.WriteFile(filepath.Join(dir, configFile), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	got, alike, err := s.Served()
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); d != "" || !alike || err != nil {
		t.Errorf("%v, %v; want -, got +\n%s", alike, err, d)
	}
	if _, alike, err := open("10.0.0.8:2049").Served(); alike || err != nil {
		t.Errorf("for another address: %v, %v", alike, err)
	}
}
