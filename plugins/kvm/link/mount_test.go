package link

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The guest is told one line for each volume, after the script that does it, which
// every shell reads.
func TestScript(t *testing.T) {
	v4, err := Read("x", nfs("10.77.0.254:2049", "/NAME"), Host{})
	if err != nil {
		t.Fatal(err)
	}
	v6, err := Read("x", nfs("[fd00::1]:2050", "/other"), Host{})
	if err != nil {
		t.Fatal(err)
	}
	v6.Name, v6.ReadOnly = "other", true
	script := string(Script([]Link{v4, {ID: "f", File: &File{}}, v6}))
	for _, want := range []string{
		"share '10.77.0.254:/NAME' '/mnt/share' 'vers=4.2,proto=tcp,port=2049,addr=10.77.0.254,hard,rw'\n",
		"share '[fd00::1]:/other' '/mnt/other' 'vers=4.2,proto=tcp6,port=2050,addr=fd00::1,hard,ro'\n",
	} {
		if !strings.HasPrefix(script, "#!/bin/sh\n") || strings.Count(script, want) != 1 {
			t.Errorf("want %q once in\n%s", want, script)
		}
	}
	path := filepath.Join(t.TempDir(), "vendor-data")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", "-n", path).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if Script([]Link{{ID: "f", File: &File{}}}) != nil {
		t.Error("a machine without anything to mount is told something")
	}
	if want := "mount -i -t nfs4 -o vers=4.2,proto=tcp,port=2049,addr=10.77.0.254,hard,rw 10.77.0.254:/NAME /mnt/share"; v4.MountCommand() != want {
		t.Errorf("%s, want %s", v4.MountCommand(), want)
	}
}
