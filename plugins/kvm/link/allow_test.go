package link

import (
	"errors"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Of a host no file or socket becomes a disk but those below its directories for
// volumes, and only where the connection is of that very host.
func TestRefuse(t *testing.T) {
	vault := Host{UUID: "h", Dirs: []string{"/srv/vault", "/run/nbd"}}
	for _, c := range []struct {
		host       Host
		name, file string
		says       string // empty: taken
	}{
		{vault, "h", "/srv/vault/v/data.img", ""},
		{vault, "H", "/run/nbd/s", ""},
		{vault, "h", "/srv/vault/..data", ""},
		{vault, "h", "/srv/vault/x & y's", ""},
		{vault, "", "/srv/vault/v", "no host"},
		{vault, "other", "/srv/vault/v", "another host"},
		{vault, "h", "/etc/shadow", "not below volume_dirs"},
		{vault, "h", "/dev/sda", "not below volume_dirs"},
		{vault, "h", "/srv/vault", "not below volume_dirs"},
		{vault, "h", "/srv/vault2/v", "not below volume_dirs"},
		{vault, "h", "/srv", "not below volume_dirs"},
		{vault, "h", "/srv/vault/", "detours"},
		{vault, "h", "/srv/vault/../../etc/shadow", "detours"},
		{vault, "h", "/srv/vault/..", "detours"},
		{vault, "h", "/srv/vault/./v", "detours"},
		{vault, "h", "//srv/vault/v", "detours"},
		{vault, "h", "srv/vault/v", "absolute"},
		{vault, "h", "", "absolute"},
		{vault, "h", "/srv/vault/a\x00b", "control"},
		{vault, "h", "/srv/vault/a\nb", "control"},
		{vault, "h", "/srv/vault/a\u009bb", "control"},
		{vault, "h", "/srv/vault/\xff", "control"},
		{vault, "h", "/srv/vault/" + strings.Repeat("x", 1024), "absolute"},
		{Host{UUID: "h"}, "h", "/srv/vault/v", "no volume_dirs"},
		{Host{UUID: "h", Dirs: []string{"", "/", "srv", "/a/../etc"}}, "h", "/etc/shadow", "not below volume_dirs"},
		{Host{Dirs: vault.Dirs}, "", "/srv/vault/v", "no UUID"},
		{Host{Dirs: vault.Dirs}, "h", "/srv/vault/v", "no UUID"},
	} {
		why, hint := c.host.refuse(c.name, c.file)
		if (why == "") != (c.says == "") || !strings.Contains(why, c.says) || strings.Contains(hint, "volume_dirs") != (why != "") {
			t.Errorf("%+v, host %q, %q: %q, %q; want %q", c.host, c.name, c.file, why, hint, c.says)
		}
	}
}

// What is refused is Denied, of a machine that is to be made and of one that is.
func TestReadDenied(t *testing.T) {
	host := Host{UUID: "h", Dirs: []string{"/vault"}}
	hostless := file("/vault/v", "raw")
	hostless.GetConnection().GetFile().Host = ""
	for name, c := range map[string]struct {
		host Host
		a    []*pb.Attachment
	}{
		"outside":    {host, []*pb.Attachment{file("/etc/shadow", "raw"), file("/dev/sda", ""), nbd("nbd+unix:///v?socket=/run/s"), nbd("nbd+unix:///v?socket=/vault/../run/s")}},
		"no host":    {host, []*pb.Attachment{hostless}},
		"other host": {Host{UUID: "other", Dirs: host.Dirs}, []*pb.Attachment{file("/vault/v", "raw")}},
		"no dirs":    {Host{UUID: "h"}, []*pb.Attachment{file("/vault/v", "raw"), nbd("nbd+unix:///v?socket=/vault/s")}},
	} {
		for _, a := range c.a {
			_, err := Read("attach volume", a, c.host)
			_, all := ReadAll("create machine", []*pb.Attachment{iscsi(nil), a}, c.host)
			for _, err := range []error{err, all} {
				e, ok := errors.AsType[*sdk.Error](err)
				if !ok || e.Kind != sdk.Denied || e.Subject != "attachment a1-1-0" || !strings.Contains(e.Hint, "volume_dirs") {
					t.Errorf("%s: %v: %v, want Denied", name, a, err)
				}
			}
		}
	}
}
