package sdk_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
	"github.com/mesoncloud/meson/sdk/sdktest"
)

// TestHosted starts a plugin as go-plugin's own client does, with AutoMTLS, and
// lets its lifeline go.
func TestHosted(t *testing.T) {
	binary := sdktest.BuildPlugin(t, "mem")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "sdk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cmd := exec.Command(binary)
	cmd.ExtraFiles = []*os.File{read}
	cmd.Env = []string{
		fmt.Sprintf("%s=%d", sdk.LifelineEnv, sdk.LifelineFD), "PLUGIN_UNIX_SOCKET_DIR=" + dir, "TMPDIR=" + dir,
	}
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: sdk.Handshake(), VersionedPlugins: sdk.VersionedPlugins(nil), Cmd: cmd, SkipHostEnv: true,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, AutoMTLS: true, Logger: hclog.NewNullLogger(),
	})
	t.Cleanup(client.Kill)
	conn, err := client.Client()
	if err != nil {
		t.Fatal(err)
	}
	_ = read.Close()
	raw, err := conn.Dispense(sdk.PluginSet)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := raw.(*sdk.Client)
	if !ok {
		t.Fatalf("dispensed a %T", raw)
	}
	d, err := c.Describe(t.Context())
	if err != nil || d.GetName() != "mem" {
		t.Fatalf("%v, %v", d, err)
	}

	// Ctrl-C in the terminal is for the host to act on.
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	time.Sleep(30 * time.Millisecond)
	if _, err := c.Configure(t.Context(), &pb.ConfigureRequest{Provider: "m", ConfigJson: "{}"}); err != nil {
		t.Fatalf("after SIGINT: %v", err)
	}

	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	for range 400 {
		if client.Exited() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("the plugin outlives its host")
}

func TestStartedByAPerson(t *testing.T) {
	binary := sdktest.BuildPlugin(t, "mem")
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "This is a plugin of Meson"},
		{[]string{"serv"}, 2, "did you mean serve?"},
		{[]string{"serve"}, 2, "want unix:PATH"},
		{[]string{"serve", "--listen", "tcp:1"}, 2, "want unix:PATH"},
		{[]string{"describe", "more"}, 2, "takes no arguments"},
		{[]string{"config-docs"}, 0, "| `state_dir` | text |"},
	} {
		cmd := exec.CommandContext(t.Context(), binary, tt.args...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != tt.code || !strings.Contains(string(out), tt.want) {
			t.Errorf("%v: exit code %d, want %d with %q:\n%s", tt.args, code, tt.code, tt.want, out)
		}
	}
}

func TestServeSocket(t *testing.T) {
	binary := sdktest.BuildPlugin(t, "mem")
	dir, err := os.MkdirTemp("", "sdk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	// What a killed predecessor leaves.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()

	cmd := exec.Command(binary, "serve", "--listen", "unix:"+socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	awaitSocket(t, socket)
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", info.Mode(), err)
	}
	second := exec.CommandContext(t.Context(), binary, "serve", "--listen", "unix:"+socket)
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), "served by another process") {
		t.Errorf("a second one on the same socket: %v\n%s", err, out)
	}
	if _, err := sdktest.Dial(t, socket).Describe(t.Context()); err != nil {
		t.Errorf("after the second one: %v", err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}

func awaitSocket(t *testing.T, socket string) {
	t.Helper()
	for range 1000 {
		if conn, err := net.Dial("unix", socket); err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("nobody serves %s", socket)
}

func TestDebug(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, sdktest.BuildPlugin(t, "mem"), "debug")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	attach, ok := strings.CutPrefix(line, sdk.ReattachEnv+"=")
	var addresses map[string]string
	if err := json.Unmarshal([]byte(attach), &addresses); !ok || err != nil {
		t.Fatalf("printed %q: %v", line, err)
	}
	socket := strings.TrimPrefix(addresses["mem"], "unix:")
	if info, err := os.Stat(filepath.Dir(socket)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory of the socket: %v, %v", info, err)
	}
	if _, err := sdktest.Dial(t, socket).Describe(ctx); err != nil {
		t.Error(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(socket)); !os.IsNotExist(err) {
		t.Errorf("the directory is left: %v", err)
	}
}
