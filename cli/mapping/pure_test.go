package mapping

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mesoncloud/meson/core"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestBackend(t *testing.T) {
	secret := core.NewSecret("0123456789abcdef")
	for name, tt := range map[string]struct {
		way        core.Connection
		node, want string // node as JSON, or what the error says
	}{
		"file": {
			way: core.Connection{Kind: core.ConnectFile, File: &core.FileConnection{File: "/v/a,b=c.img", Format: "qcow2"}},
			node: `{"driver":"qcow2","discard":"unmap","file":{"driver":"file","filename":"/v/a,b=c.img","discard":"unmap"},
				"node-name":"volume","read-only":false}`,
		},
		"iscsi": {
			way: core.Connection{Kind: core.ConnectISCSI, ReadOnly: true, ISCSI: &core.ISCSIConnection{
				Portals: []string{"10.0.0.1:3260"}, TargetIQN: "iqn.t", LUN: 1, InitiatorIQN: "iqn.i", CHAPUser: "u", CHAPPassword: secret,
			}},
			node: `{"driver":"iscsi","transport":"tcp","portal":"10.0.0.1:3260","target":"iqn.t","lun":1,"initiator-name":"iqn.i",
				"user":"u","password-secret":"chap","node-name":"volume","read-only":true}`,
		},
		"nbd": {
			way: core.Connection{Kind: core.ConnectNBD, NBD: &core.NBDConnection{URI: "nbd://[fd00::1]:10810/x/y"}},
			node: `{"driver":"nbd","reconnect-delay":60,"export":"x/y","server":{"type":"inet","host":"fd00::1","port":"10810"},
				"node-name":"volume","read-only":false}`,
		},
		"nbd over tls": {
			way: core.Connection{Kind: core.ConnectNBD, NBD: &core.NBDConnection{URI: "nbds://h", TLSPSK: secret}},
			node: `{"driver":"nbd","reconnect-delay":60,"server":{"type":"inet","host":"h","port":"10809"},"tls-creds":"tls",
				"node-name":"volume","read-only":false}`,
		},
		"a format that would be probed": {
			way:  core.Connection{Kind: core.ConnectFile, File: &core.FileConnection{File: "/x"}},
			want: "want raw or qcow2",
		},
		"no portal": {way: core.Connection{Kind: core.ConnectISCSI, ISCSI: &core.ISCSIConnection{}}, want: "no portal"},
		"http":      {way: core.Connection{Kind: core.ConnectNBD, NBD: &core.NBDConnection{URI: "http://ann:pw@h/"}}, want: "want nbd://"},
		"a kind without its field": {
			way: core.Connection{Kind: core.ConnectISCSI}, want: "cannot be mapped",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := newBackend(tt.way, "/run/m")
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "pw") {
					t.Errorf("%v; want %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(b.Node)
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			if err := json.Unmarshal([]byte(tt.node), &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("want -, got +\n%s", d)
			}
			if strings.Contains(string(text), secret.Reveal()) {
				t.Error("the node holds the secret")
			}
		})
	}
}

func TestMountInfo(t *testing.T) {
	for line, want := range map[string]string{
		`217 27 0:61 / /tmp/q/mnt rw,nosuid,nodev,relatime - fuse /dev/fuse rw,user_id=0`:            "/tmp/q/mnt",
		`217 27 0:61 / /tmp/a\040b\134c rw,relatime shared:7 - fuse.x /dev/fuse rw`:                  `/tmp/a b\c`,
		`21 27 0:20 / /sys rw,nosuid,nodev,noexec,relatime - sysfs sysfs rw`:                         "",
		`30 21 0:27 / /sys/fs/fuse/connections rw,nosuid,nodev,noexec,relatime - fusectl fusectl rw`: "",
		``: "",
	} {
		if got, _ := fuseMountPoint(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func FuzzMountInfo(f *testing.F) {
	f.Add(`217 27 0:61 / /tmp/a\040b rw - fuse /dev/fuse rw`)
	f.Fuzz(func(t *testing.T, line string) {
		if at, ok := fuseMountPoint(line); !ok && at != "" {
			t.Errorf("%q: %q", line, at)
		}
	})
}
