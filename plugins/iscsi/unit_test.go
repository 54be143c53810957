package iscsi

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The unit keeps what the plugin counts on: daemons that outlive it and are found
// again, by sockets where it looks for them, in one set of mounts.
func TestUnitDirectives(t *testing.T) {
	unit := readPage(t, filepath.Join("dist", "meson-plugin-iscsi.service"))
	has := map[string]string{}
	for line := range strings.Lines(unit) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			has[key] = value
		}
	}
	c := Config{}
	t.Setenv("XDG_RUNTIME_DIR", "")
	for key, want := range map[string]string{
		"KillMode": "process", "Restart": "always", "RuntimeDirectory": strings.TrimPrefix(c.runtimeDir(), "/run/"),
		"RuntimeDirectoryMode": "0700", "RuntimeDirectoryPreserve": "yes", "UMask": "0077", "TasksMax": "infinity", "WantedBy": "multi-user.target",
	} {
		if has[key] != want {
			t.Errorf("%s=%s, want %s", key, has[key], want)
		}
	}
	for _, key := range []string{
		"User", "DynamicUser", "PrivateTmp", "PrivateMounts", "PrivateDevices", "PrivateNetwork", "ProtectSystem", "ProtectHome", "ReadWritePaths",
		"ReadOnlyPaths", "InaccessiblePaths", "BindPaths", "RootDirectory", "MountFlags", "ProtectKernelTunables", "ProtectKernelModules", "ProtectControlGroups",
	} {
		if value, ok := has[key]; ok {
			t.Errorf("%s=%s: daemons that live on, and the next plugin, would not have the same mounts", key, value)
		}
	}
}

// systemd takes the unit, where there is one to ask: every key is known, in its place.
func TestUnitVerifies(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze")
	}
	unit := readPage(t, filepath.Join("dist", "meson-plugin-iscsi.service"))
	verify := func(text string) string {
		t.Helper()
		file := filepath.Join(t.TempDir(), "meson-test-unit.service")
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "/usr/local/lib/meson/plugins/meson-plugin-iscsi", os.Args[0])), 0o600); err != nil {
			t.Fatal(err)
		}
		out, _ := exec.CommandContext(t.Context(), tool, "--man=no", "verify", file).CombinedOutput()
		var about []string
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "meson-test-unit") {
				about = append(about, line)
			}
		}
		return strings.Join(about, "")
	}
	if got := verify(unit + "KillMod=process\n"); !strings.Contains(got, "KillMod") {
		t.Skipf("systemd-analyze does not tell what is wrong: %q", got)
	}
	if got := verify(unit); got != "" {
		t.Errorf("systemd says:\n%s", got)
	}
}
