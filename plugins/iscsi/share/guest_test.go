package share

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/plugins/kvm/seed"
	"github.com/mesoncloud/meson/sdk/pb"
)

// guest is the lab's machine with a kernel's own NFS client, on the network of
// one of the clients.
type guest struct {
	t     *testing.T
	name  string
	stdin *os.File

	mu      sync.Mutex
	console bytes.Buffer
}

// newGuest boots a machine in client i's namespace that is told by its vendor
// data, as plugins/kvm writes it, to mount an attachment at /mnt/data.
func newGuest(t *testing.T, n *network, i int, attachment string) *guest {
	t.Helper()
	needs(t, "qemu-system-x86_64", "qemu-img")
	out, err := exec.CommandContext(t.Context(), "../../../lab/guest", "env").Output()
	image := ""
	for line := range strings.Lines(string(out)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "MESON_LAB_GUEST_IMAGE="); ok {
			image = value
		}
	}
	if image == "" && required("guest") {
		t.Fatalf("lab/guest env: %v; lab/guest build makes it", err)
	}
	if image == "" {
		t.Skipf("no guest: lab/guest env: %v", err)
	}
	script := link.Script([]link.Link{{ID: attachment, Name: "data", NFS: &link.NFS{
		Host: n.Server.Addr().String(), Port: fmt.Sprint(n.Server.Port()), Export: Path(attachment), Version: "4.2",
	}}})
	name := fmt.Sprintf("guest%d", i)
	iso, err := seed.Image(seed.Data{InstanceID: "i-" + name, Login: &pb.Login{Hostname: name}, Vendor: script})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "seed.iso"), iso, 0o600); err != nil {
		t.Fatal(err)
	}
	n.run("qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "qcow2", filepath.Join(dir, "disk.qcow2"))
	in, stdin, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	g := &guest{t: t, name: name, stdin: stdin}
	cmd := exec.Command("ip", "netns", "exec", n.ns(i), "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "160", "-nodefaults", "-no-reboot",
		"-display", "none", "-serial", "stdio", "-drive", "if=virtio,file="+filepath.Join(dir, "disk.qcow2"),
		"-drive", "if=virtio,format=raw,readonly=on,file="+filepath.Join(dir, "seed.iso"), "-nic", "user,model=virtio,hostname="+name)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, g, g
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = stdin.Close()
		if t.Failed() {
			t.Logf("%s's console:\n%s", name, strings.ToValidUTF8(g.said(), "?"))
		}
	})
	return g
}

// Write takes what the console says.
func (g *guest) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.console.Write(b)
}

func (g *guest) said() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.console.String()
}

// await waits for the console to say words after its first from bytes, and
// returns the line's rest.
func (g *guest) await(from int, words string, patience time.Duration) string {
	g.t.Helper()
	for give := time.Now().Add(patience); time.Now().Before(give); time.Sleep(50 * time.Millisecond) {
		if _, rest, ok := strings.Cut(g.said()[from:], words); ok {
			if line, _, whole := strings.Cut(rest, "\n"); whole {
				return strings.TrimSpace(line)
			}
		}
	}
	g.t.Fatalf("%s did not say %q within %v", g.name, words, patience)
	return ""
}

// ask runs a command in the guest and returns what its last line said.
func (g *guest) ask(command string) string {
	g.t.Helper()
	from := len(g.said())
	// What is typed is echoed: the answer's mark is not in it as it is printed.
	if _, err := fmt.Fprintf(g.stdin, "echo \"AN\"SWER $( %s )\n", command); err != nil {
		g.t.Fatal(err)
	}
	return g.await(from, "ANSWER ", time.Minute)
}

func (g *guest) wants(command, want string) {
	g.t.Helper()
	if got := g.ask(command); got != want {
		g.t.Errorf("%s: %s: %q, want %q", g.name, command, got, want)
	}
}

// Two machines mount a directory, each by an attachment of its own, because
// their vendor data says so. They see each other's writes and locks, go on after
// the server was killed, and the one whose attachment ends is cut off from what
// it has open, while the other does not notice.
func TestGuestsShareADirectory(t *testing.T) {
	n := newNetwork(t)
	s := n.server(t.TempDir())
	// Machines that are emulated on a busy host are not heard of for seconds.
	s.opts.Lease = 20 * time.Second
	t.Cleanup(func() {
		if log, _ := os.ReadFile(s.file(logFile)); t.Failed() {
			t.Logf("the server's log:\n%s", log)
		}
	})
	data := t.TempDir()
	one := Export{Attachment: "web-1", Dir: data, Clients: only(n.Clients[0])}
	two := Export{Attachment: "web-2", Dir: data, Clients: only(n.Clients[1])}
	n.ensure(s, one, two)
	a, b := newGuest(t, n, 1, "web-1"), newGuest(t, n, 2, "web-2")
	for _, g := range []*guest{a, b} {
		if line := g.await(0, "MESON-GUEST ready", 3*time.Minute); !strings.Contains(line, "vendor_data_exit=0 nfs=/mnt/data ") {
			t.Fatalf("%s mounted nothing: %s", g.name, line)
		}
	}
	a.wants("echo from a >/mnt/data/a && sync && echo done", "done")
	b.wants("cat /mnt/data/a; echo from b >/mnt/data/b", "from a")
	a.wants("cat /mnt/data/b", "from b")
	if text, err := os.ReadFile(filepath.Join(data, "b")); err != nil || string(text) != "from b\n" {
		t.Errorf("the directory has %q, %v", text, err)
	}

	a.wants("(flock /mnt/data/lock sleep 9999 >/dev/null 2>&1 &) ; sleep 1; echo held", "held")
	locked := "flock -n /mnt/data/lock true; echo $?"
	b.wants(locked, "1")

	// A kill in the middle: what was held is held, what waits goes on.
	if err := syscall.Kill(status(t, s).PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	n.ensure(s, one, two)
	a.wants("echo more >>/mnt/data/a; sync; cat /mnt/data/b", "from b")
	b.wants("tail -n 1 /mnt/data/a", "more")
	b.wants(locked, "1")
	if peers := status(t, s).Peers; fmt.Sprint(peers) != fmt.Sprint(n.Clients) {
		t.Errorf("peers %v, want %v", peers, n.Clients)
	}

	// The end of an attachment, with a file open for writing.
	a.wants("(while sleep 0.1; do date || break; done >/mnt/data/open 2>/dev/null &) ; sleep 2; echo started", "started")
	n.inside(func() {
		if _, err := s.Ensure(t.Context(), func(context.Context) ([]Export, error) { return []Export{two}, nil }); err != nil {
			t.Error(err)
		}
	})
	before := size(t, filepath.Join(data, "open"))
	if got := a.ask("echo no >/mnt/data/no 2>/dev/null || cat /mnt/data/b 2>/dev/null || echo refused"); got != "refused" {
		t.Errorf("after the end of its attachment: %q", got)
	}
	time.Sleep(2 * time.Second)
	if now := size(t, filepath.Join(data, "open")); now != before || before == 0 {
		t.Errorf("the open file had %d bytes at the end of the attachment, and has %d", before, now)
	}
	// Its lock went with it.
	b.wants("flock -w 50 /mnt/data/lock true; echo $?; echo still >/mnt/data/b", "0")
}

func size(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
