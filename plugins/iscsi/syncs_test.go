package iscsi

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/plugins/iscsi/target"
	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
	"github.com/mesoncloud/meson/sdk/pb"
)

// strace is how it is told to write down what becomes durable and what gets a name,
// with the files' paths: a line for each call, before the process goes on.
func strace(file string, what ...string) []string {
	return append([]string{"strace", "-f", "-y", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2", "-e", "signal=none", "-o", file}, what...)
}

// syncs are the calls of a process, and of its threads, that strace writes down.
type syncs string

// syncsOf watches a process from now on.
func syncsOf(t *testing.T, pid int) syncs {
	t.Helper()
	file := filepath.Join(t.TempDir(), "calls")
	args := strace(file, "-p", fmt.Sprint(pid))
	cmd := exec.Command(args[0], args[1:]...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(unix.SIGTERM)
		_ = cmd.Wait()
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if traced(pid) {
			return syncs(file)
		}
		if time.Now().After(end) {
			t.Fatal("strace does not attach itself")
		}
	}
}

// traced reports whether every thread of a process is.
func traced(pid int) bool {
	all, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, status := range all {
		text, err := os.ReadFile(status)
		if err == nil && strings.Contains(string(text), "TracerPid:\t0\n") {
			return false
		}
	}
	return len(all) > 0
}

// syncsDone are the flushes that have ended well, by path.
var syncsDone = regexp.MustCompile(`f(?:data)?sync\(\d+<([^>]*)>\)? .*= 0$`)

// done is how often a file was flushed by now.
func (s syncs) done(t *testing.T, path string) int {
	t.Helper()
	n := 0
	for _, line := range s.lines(t) {
		if m := syncsDone.FindStringSubmatch(line); m != nil && m[1] == path {
			n++
		}
	}
	return n
}

// lines are the calls, in the order in which they ended; one during which another
// thread did something is put together of its two halves.
func (s syncs) lines(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(string(s))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	begun := map[string]string{}
	for line := range strings.Lines(string(text)) {
		pid, call, _ := strings.Cut(strings.TrimSpace(line), " ")
		call = strings.TrimSpace(call)
		if first, cut := strings.CutSuffix(call, "<unfinished ...>"); cut {
			begun[pid] = first
			continue
		}
		if _, second, resumed := strings.Cut(call, "resumed>"); resumed {
			call = begun[pid] + second
		}
		all = append(all, call)
	}
	return all
}

// What a guest flushes is on the disk when the answer comes: each of its flushes is
// one of the volume's own file, in the process that writes it, which for a raw volume
// is tgtd, and for one that is not the storage daemon behind it. A write alone is none.
func TestGuestsFlushReachesTheVolumesFile(t *testing.T) {
	t.Parallel()
	needs(t, "tgtd", "qemu-img", "qemu-storage-daemon", "strace")
	for _, format := range []string{"raw", "qcow2"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			p := s.provider(Hooks{})
			req, v := volume(t, p, format, 1<<27)
			x, err := p.Export(t.Context(), export(req.GetOwner(), v.GetId(), "a1", there(1)))
			if err != nil {
				t.Fatal(err)
			}
			in := targettest.MustConnect(t, loginOf(x.GetConnection()))
			write := func() {
				t.Helper()
				if _, err := in.WriteAt(make([]byte, 4096), 1<<20); err != nil {
					t.Fatal(err)
				}
			}
			flush := func() {
				t.Helper()
				if err := in.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			write() // the first one also makes room in a qcow2
			flush()
			calls, file := syncsOf(t, s.writerOf(t, format)), filepath.Join(v.GetPlace(), "data.img")
			for n := range 5 {
				write()
				if got := calls.done(t, file); got != n {
					t.Errorf("after %d flushes and one more write the file was flushed %d times", n, got)
				}
				flush()
				if got := calls.done(t, file); got != n+1 {
					t.Errorf("when the flush %d was answered the file had been flushed %d times:\n%s", n+1, got, strings.Join(calls.lines(t), "\n"))
				}
			}
		})
	}
}

// writerOf is the process that writes the file of the site's only volume.
func (s *site) writerOf(t *testing.T, format string) int {
	t.Helper()
	if format == "qcow2" {
		dirs, _ := filepath.Glob(filepath.Join(s.runtime, "f", "*"))
		if len(dirs) != 1 {
			t.Fatalf("storage daemons: %v", dirs)
		}
		return daemonOf(t, dirs[0])
	}
	h, err := target.New(target.Options{Dir: filepath.Join(s.runtime, "t")})
	if err != nil {
		t.Fatal(err)
	}
	all, err := h.List(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	return all[0].Pid
}

// loginOf is how an initiator of the tests is told a connection.
func loginOf(c *pb.Connection) targettest.Login {
	i := c.GetIscsi()
	return targettest.Login{
		Portal: i.GetPortals()[0], IQN: i.GetTargetIqn(), Initiator: i.GetInitiatorIqn(),
		User: i.GetChapUser(), Password: string(i.GetChapPassword()), ReadOnly: c.GetReadOnly(),
	}
}

// A new volume has its name when all of it is on the disk, and is said to be made when
// its name is: what is in its folder is flushed, then the folder, it is renamed, and
// then the vault. A kill cannot show that, the kernel writes everything in the end.
func TestNewVolumeIsOnDiskBeforeItHasItsName(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-img", "strace")
	for _, format := range []string{"raw", "qcow2"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			p := s.provider(Hooks{})
			req := order(t, p, format, 1<<27)
			file := filepath.Join(t.TempDir(), "calls")
			if startChild(t, task{Settings: s.config(), Calls: []wiredCall{callOf(req)}}, strace(file)...).wait(t) {
				t.Fatal("the child was killed")
			}
			v, err := p.GetVolume(t.Context(), &pb.GetVolumeRequest{Owner: req.GetOwner()})
			if err != nil {
				t.Fatal(err)
			}
			lines := syncs(file).lines(t)
			last := func(before int, call string) int {
				t.Helper()
				form := regexp.MustCompile(call)
				for i := before - 1; i >= 0; i-- {
					if form.MatchString(lines[i]) {
						return i
					}
				}
				t.Fatalf("there is no %s before call %d:\n%s", call, before, strings.Join(lines, "\n"))
				return 0
			}
			flushed := func(path string) string { return `^fsync\(\d+<` + regexp.QuoteMeta(path) + `>\) += 0` }
			inVault := `\d+<` + regexp.QuoteMeta(s.vault) + `>`
			vault := last(len(lines), flushed(s.vault))
			named := last(vault, `^renameat2?\(`+inVault+`, "[^"]*", `+inVault+`, "`+regexp.QuoteMeta(filepath.Base(v.GetPlace()))+`".* = 0`)
			aside := filepath.Join(s.vault, strings.Split(lines[named], `"`)[1])
			folder := last(named, flushed(aside))
			last(folder, flushed(filepath.Join(aside, "data.img")))
			private := last(folder, flushed(filepath.Join(aside, ".meson")))
			last(private, flushed(filepath.Join(aside, ".meson", "lock")))
			meta := last(folder, flushed(filepath.Join(aside, "meta.json")))
			last(meta, `^renameat\(.*"meta.new", .*"meta.json"\) = 0`)
			for _, line := range lines[folder:named] {
				if strings.HasPrefix(line, "rename") {
					t.Errorf("after the folder was flushed: %s", line)
				}
			}
		})
	}
}
