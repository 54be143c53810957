package core_test

import (
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
)

func TestReach(t *testing.T) {
	host := core.Consumer{
		Kinds: []core.ConnectionKind{core.ConnectFile, core.ConnectISCSI, core.ConnectNFS}, Host: "h1",
		Networks: []string{"san"}, Provider: "lab", Zone: "kvm1",
	}
	mounts := host
	mounts.GuestMounts = true
	file, iscsi := core.Exposure{Kind: core.ConnectFile, Host: "h1"}, core.Exposure{Kind: core.ConnectISCSI, Network: "san", Rank: 1}
	nfs := core.Exposure{Kind: core.ConnectNFS}
	for name, c := range map[string]struct {
		who       core.Consumer
		exposures []core.Exposure
		want      core.ConnectionKind
		why       string
	}{
		"the fastest":         {host, []core.Exposure{iscsi, file}, core.ConnectFile, ""},
		"another host":        {host, []core.Exposure{{Kind: core.ConnectFile, Host: "h2"}, iscsi}, core.ConnectISCSI, ""},
		"no such kind":        {host, []core.Exposure{{Kind: core.ConnectRBD}}, "", "the machine cannot use rbd"},
		"no such network":     {host, []core.Exposure{{Kind: core.ConnectISCSI, Network: "b"}}, "", "only on storage network b"},
		"no such host":        {host, []core.Exposure{{Kind: core.ConnectFile, Host: "h2"}}, "", "only from host h2"},
		"nothing exported":    {host, nil, "", "exports it in no way"},
		"a guest that mounts": {mounts, []core.Exposure{nfs}, core.ConnectNFS, ""},
		"one that does not":   {host, []core.Exposure{nfs}, "", "nfs needs a guest"},
		"another provider":    {core.Consumer{Kinds: []core.ConnectionKind{core.ConnectNative}, Provider: "a"}, []core.Exposure{{Kind: core.ConnectNative, Provider: "b"}}, "", "only machines of b"},
		"another zone":        {core.Consumer{Kinds: []core.ConnectionKind{core.ConnectNative}, Zone: "a"}, []core.Exposure{{Kind: core.ConnectNative, Zone: "b"}}, "", "only machines in zone b"},
		"no consumer":         {core.Consumer{}, []core.Exposure{file, iscsi}, "", "cannot use file; the machine cannot use iscsi"},
	} {
		got, err := c.who.Reach(c.exposures)
		if got.Kind != c.want || (err != nil) != (c.why != "") || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %q, %v: want %q, %q", name, got.Kind, err, c.want, c.why)
		}
	}
}
