package host

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// The six hazards of go-plugin, each first as it is without a defence, so that
// the test of the defence is known to be one that can fail.

// Hazard 1: Kill waits for ever for a plugin that is stopped. The defence is to
// kill the group before go-plugin's Kill; without proc.kill in endProcess the
// host's Close would not be in time.
func TestKillOfStoppedPluginReturns(t *testing.T) {
	t.Run("undefended", func(t *testing.T) {
		const gone = "the hazard is gone, and so may be its defence"
		asked := make(chan bool, 1)
		client := naive("plain", func(c *goplugin.ClientConfig) {
			c.GRPCDialOptions = append(c.GRPCDialOptions, grpc.WithChainUnaryInterceptor(
				func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
					if strings.HasSuffix(method, "/Shutdown") {
						_, bounded := ctx.Deadline()
						asked <- bounded
					}
					return invoke(ctx, method, req, reply, conn, opts...)
				}))
		})
		// A call first: nothing but the plugin's answer must be waited for then.
		if _, err := pb.NewPluginClient(naiveConn(t, client)).Check(t.Context(), &pb.CheckRequest{Provider: "env"}); err != nil {
			t.Fatal(err)
		}
		id, _ := strconv.Atoi(client.ID())
		stop(t, id)
		killed := make(chan struct{})
		go func() { client.Kill(); close(killed) }()
		select {
		case bounded := <-asked:
			if bounded {
				t.Fatal("go-plugin's Kill bounds its question: " + gone)
			}
		case <-killed:
			t.Fatal("go-plugin's Kill asked nothing: " + gone)
		}
		// Longer than the 2 s that Kill gives a plugin that has answered.
		select {
		case <-killed:
			t.Fatal("go-plugin's Kill returned: " + gone)
		case <-time.After(3 * time.Second):
		}
		_ = syscall.Kill(id, syscall.SIGKILL)
		<-killed
	})
	t.Run("defended", func(t *testing.T) {
		h := newHost(t)
		id := pid(t, h, "rogue")
		stop(t, id)
		begun := time.Now()
		if err := h.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("Close took %s: want at most 3s", took)
		}
		if alive(id) {
			t.Errorf("process %d is still there", id)
		}
	})
}

// Hazard 2: a plugin outlives a host that is killed. The defence is the lifeline;
// "orphan" is the same plugin without a look at it, and lives on. The descriptor
// must be held by nobody else: the second plugin of that host was started while
// the first one's was open, and would keep it so if it had inherited it.
func TestPluginDiesWithKilledHost(t *testing.T) {
	runtimeDir := shortDir(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleEnv+"=host", "MESON_HOST_TEST_RUNTIME="+runtimeDir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	pids := make([]int, 3) // rogue, orphan, and one written with the SDK
	for i := range pids {
		line, _ := lines.ReadString('\n')
		if pids[i], err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
			_ = cmd.Process.Kill()
			t.Fatalf("the host said %q", line)
		}
	}
	t.Cleanup(func() { _ = syscall.Kill(-pids[1], syscall.SIGKILL) })
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if pids[2] == 0 {
		t.Error("the plugin that is written with the SDK was not found")
	}
	eventually(t, 3*time.Second, "the plugins end with their host", func() bool { return !alive(pids[0]) && !alive(pids[2]) })
	if !alive(pids[1]) {
		t.Error("the plugin that does not look at its lifeline ended too: the hazard is gone, and so may be its defence")
	}

	// What the killed host left is removed by the next one, a minute later.
	left, _ := filepath.Glob(filepath.Join(runtimeDir, "h*"))
	if len(left) != 1 {
		t.Fatalf("the killed host left %v: want one directory", left)
	}
	old := time.Now().Add(-2 * time.Minute)
	if err := os.Chtimes(left[0], old, old); err != nil {
		t.Fatal(err)
	}
	h := newHost(t, func(o *Options) { o.RuntimeDir = runtimeDir })
	pid(t, h, "rogue")
	if _, err := os.Stat(left[0]); err == nil {
		t.Errorf("%s is still there", left[0])
	}
}

// Hazard 3: one line on standard error ends the host. The defence is that no
// such line reaches go-plugin's parser.
func TestLogLineCannotCrashHost(t *testing.T) {
	t.Run("undefended", func(t *testing.T) {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), roleEnv+"=naive-logs")
		out, err := cmd.CombinedOutput()
		if !bytes.Contains(out, []byte("interface conversion")) {
			t.Fatalf("go-plugin survived the line (%v): the hazard is gone, and so may be its defence\n%.500s", err, out)
		}
	})
	t.Run("defended", func(t *testing.T) {
		logged, log := newRecords()
		h := newHost(t, func(o *Options) { o.Log = log })
		pid(t, h, "noisy")
		all := logged.waitFor(t, 5*time.Second, "truncated=true", "plugin=noisy")
		if len(all) > sdk.MaxLogLineBytes+500 {
			t.Errorf("a line of %d bytes was kept: want at most %d", len(all), sdk.MaxLogLineBytes)
		}
	})
}

// Hazard 4: a plugin gets the host's whole environment. The defence is
// SkipHostEnv and the list in environment.
func TestPluginGetsNoSecretsOfTheHost(t *testing.T) {
	t.Setenv("CLOUD_SECRET", "hunter2")
	t.Setenv("SSH_AUTH_SOCK", "/run/agent")
	t.Setenv("HTTPS_PROXY", "http://proxy.example:3128")
	t.Setenv("LC_TIME", "C")
	t.Setenv("ONLY_FOR_ROGUE", "yes")
	t.Run("undefended", func(t *testing.T) {
		conn := naiveConn(t, naive("plain"))
		answer, err := pb.NewPluginClient(conn).Check(t.Context(), &pb.CheckRequest{Provider: "env"})
		if err != nil || !strings.Contains(answer.GetItems()[0].GetText(), "CLOUD_SECRET=hunter2") {
			t.Fatalf("the secret was not inherited (%v): the hazard is gone, and so may be its defence", err)
		}
	})
	t.Run("defended", func(t *testing.T) {
		h := newHost(t, func(o *Options) { o.PassEnv = map[string][]string{"rogue": {"ONLY_FOR_*"}} })
		env := " " + ask(t, provider(h, "rogue", "env")) + " "
		for _, no := range []string{"CLOUD_SECRET", "hunter2", "SSH_AUTH_SOCK", dirEnv} {
			if strings.Contains(env, no) {
				t.Errorf("the plugin's environment has %s", no)
			}
		}
		for _, yes := range []string{" PATH=", " HTTPS_PROXY=http://proxy.example:3128 ", " LC_TIME=C ", " ONLY_FOR_ROGUE=yes "} {
			if !strings.Contains(env, yes) {
				t.Errorf("the plugin's environment lacks %q: %s", yes, env)
			}
		}
		if env := ask(t, provider(h, "second", "env")); strings.Contains(env, "ONLY_FOR_ROGUE") {
			t.Error("what is passed to one plugin reached another")
		}
		// Nor descriptors: standard input is nothing, and beyond the lifeline there
		// are only the plugin's own.
		files := " " + ask(t, provider(h, "rogue", "files")) + " "
		if !strings.Contains(files, " 0=/dev/null ") || !strings.Contains(files, " 3=pipe:") {
			t.Errorf("descriptors %s: want /dev/null at 0 and the lifeline at 3", files)
		}
		for _, fd := range strings.Fields(files) {
			if strings.Contains(fd, "meson-host-test") || strings.Contains(fd, "/h") {
				t.Errorf("the plugin inherited %s", fd)
			}
		}
	})
}

// Hazard 5: go-plugin's checksum is right once; and what is run is whatever the
// path leads to after the check. The defence is binary.
func TestChecksumHoldsForEveryStart(t *testing.T) {
	sum := sumOfFile(t, filepath.Join(pluginDir(), "real"))
	t.Run("undefended", func(t *testing.T) {
		raw, _ := hex.DecodeString(sum)
		secure := &goplugin.SecureConfig{Checksum: raw, Hash: sha256.New()}
		use := func(c *goplugin.ClientConfig) { c.SecureConfig = secure }
		naiveConn(t, naive("plain", use))
		if _, err := naive("plain", use).Start(); !errors.Is(err, goplugin.ErrChecksumsDoNotMatch) {
			t.Fatalf("second start: %v: the hazard is gone, and so may be its defence", err)
		}
		// And between check and exec there is time: a hash that swaps the file as
		// it is asked for its sum stands for whoever is quicker.
		dir := t.TempDir()
		path := installCopy(t, dir, "rogue")
		swap := &swapper{Hash: sha256.New(), then: func() { script(t, path, "exit 42") }}
		_, err := naive("plain", func(c *goplugin.ClientConfig) {
			c.Cmd = exec.Command(path)
			c.SecureConfig = &goplugin.SecureConfig{Checksum: raw, Hash: swap}
		}).Start()
		if err == nil || errors.Is(err, goplugin.ErrChecksumsDoNotMatch) {
			t.Fatalf("%v: want the swapped file to have been run", err)
		}
	})
	t.Run("restarts run what was checked", func(t *testing.T) {
		dir := t.TempDir()
		path := installCopy(t, dir, "rogue")
		h := newHost(t, func(o *Options) {
			o.Finder.Dirs = []string{dir}
			o.SHA256 = map[string]string{"rogue": strings.ToUpper(sum)}
		})
		first := pid(t, h, "rogue")
		// Another file takes its place, as an upgrade or an attacker would do it.
		script(t, path, "exit 42")
		for range 2 {
			if err := provider(h, "rogue", "pid").Restart(t.Context()); err != nil {
				t.Fatalf("restart: %v", err)
			}
			now := pid(t, h, "rogue")
			if now == first {
				t.Error("it was not restarted")
			}
			if ran := sumOfFile(t, fmt.Sprintf("/proc/%d/exe", now)); ran != sum {
				t.Errorf("sha256 %s runs: %s was checked", ran, sum)
			}
		}
	})
	t.Run("a swapped binary is refused", func(t *testing.T) {
		dir := t.TempDir()
		script(t, installCopy(t, dir, "rogue"), "exit 42")
		h := newHost(t, func(o *Options) {
			o.Finder.Dirs = []string{dir}
			o.SHA256 = map[string]string{"rogue": sum}
		})
		_, err := h.Plugin(t.Context(), "rogue")
		if core.KindOf(err) != core.Denied || !strings.Contains(fmt.Sprint(err), sum) {
			t.Errorf("%v: want Denied with the sum that is pinned", err)
		}
	})
	t.Run("bytes written in place are refused", func(t *testing.T) {
		dir := t.TempDir()
		path := installCopy(t, dir, "rogue")
		h := newHost(t, func(o *Options) { o.Finder.Dirs = []string{dir} })
		p, err := h.Plugin(t.Context(), "rogue")
		if err != nil {
			t.Fatal(err)
		}
		s, _ := p.session(t.Context())
		s.stop() // a file that runs cannot be written
		if err := os.WriteFile(path, []byte("#!/bin/sh\nexit 42\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := p.Restart(t.Context()); core.KindOf(err) != core.Denied || !strings.Contains(fmt.Sprint(err), "changed since") {
			t.Errorf("%v: want Denied, since it was changed", err)
		}
	})
}

type swapper struct {
	hash.Hash
	then func()
}

func (s *swapper) Sum(b []byte) []byte {
	s.then()
	return s.Hash.Sum(b)
}

// Hazard 6: messages without bound. An answer of 64 MiB is refused before memory
// is taken for it; a request of 5 MiB, which gRPC refuses by default, passes.
func TestMessagesAreBounded(t *testing.T) {
	t.Run("undefended", func(t *testing.T) {
		conn := naiveConn(t, naive("plain"))
		answer, err := pb.NewPluginClient(conn).PriceList(t.Context(), &pb.PriceListRequest{Provider: "huge"})
		if err != nil || len(answer.GetList().GetSource()) != 64<<20 {
			t.Errorf("an answer of 64 MiB: %v: the hazard is gone, and so may be its defence", err)
		}
		_, err = pb.NewComputeClient(conn).Create(t.Context(), &pb.CreateRequest{Login: &pb.Login{UserData: make([]byte, 5<<20)}})
		if status.Code(err) != codes.ResourceExhausted {
			t.Errorf("a request of 5 MiB: %v: the hazard is gone, and so may be its defence", err)
		}
	})
	t.Run("defended", func(t *testing.T) {
		h := newHost(t)
		huge := provider(h, "plain", "huge") // whose own side has no limit
		ask(t, huge)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := huge.PriceList(t.Context())
		runtime.ReadMemStats(&after)
		if core.KindOf(err) != core.Internal || !strings.Contains(fmt.Sprint(err), "too large") {
			t.Errorf("an answer of 64 MiB: %v: want Internal, too large", err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("an answer of 64 MiB took %d MiB of memory: want at most 16", took>>20)
		}
		// The plugin is as good as before.
		req := request("k1")
		req.Pledge.UserData = core.NewSecret(strings.Repeat("x", 5<<20))
		in, err := provider(h, "rogue", "good").Create(t.Context(), req)
		if err != nil || !strings.Contains(in.Message, strconv.Itoa(5<<20)) {
			t.Errorf("a request of 5 MiB: %v, %s", err, in.Message)
		}
		req.Pledge.UserData = core.NewSecret(strings.Repeat("x", 17<<20))
		if _, err := provider(h, "rogue", "good").Create(t.Context(), req); core.KindOf(err) != core.Invalid {
			t.Errorf("a request of 17 MiB: %v: want Invalid, since nothing was sent", err)
		}
	})
}

func installCopy(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, sdk.BinaryPrefix+name)
	if err := copyFile(path, filepath.Join(pluginDir(), "real")); err != nil {
		t.Fatal(err)
	}
	return path
}

// script puts a shell script at path, by renaming.
func script(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func sumOfFile(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// request is a request that the rogue plugin's offers satisfy.
func request(key string) core.CreateRequest {
	return core.CreateRequest{
		Owner:  core.Owner{Broker: "b1", Allocation: "a1", Key: key, Request: "r1"},
		Name:   "web1",
		Pledge: pledge(),
		Offer:  core.Offer{ID: "a", VCPUs: 4, MemoryMiB: 4096, Arch: "x86_64"},
	}
}

func pledge() core.Pledge {
	return core.Pledge{
		Slots: 2, MemoryMiB: 2048, Archs: []core.Arch{core.ArchX8664, core.ArchARM8},
		Login: core.Login{Username: "ada", Password: core.NewSecret("s3cret")},
	}
}
