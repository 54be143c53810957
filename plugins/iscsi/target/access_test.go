package target

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/plugins/iscsi/target/targettest"
)

// The target itself refuses everybody but the one initiator that has the password.
func TestOnlyTheRightInitiatorGetsIn(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	v.Targets = append(v.Targets, testTarget(2, "a2"))
	v.Targets[1].Initiator = authority + ":host2"
	ensure(t, h, v)
	right := v.login(0)
	if err := inquire(t, right); err != nil {
		t.Fatalf("the right one is refused: %v", err)
	}
	other := v.login(1)
	for name, l := range map[string]targettest.Login{
		"wrong password":         {Portal: right.Portal, IQN: right.IQN, Initiator: right.Initiator, User: right.User, Password: "wrongwrongwrong1"},
		"no password":            {Portal: right.Portal, IQN: right.IQN, Initiator: right.Initiator},
		"wrong user":             {Portal: right.Portal, IQN: right.IQN, Initiator: right.Initiator, User: "a9", Password: right.Password},
		"wrong initiator":        {Portal: right.Portal, IQN: right.IQN, Initiator: authority + ":thief", User: right.User, Password: right.Password},
		"initiator's name cut":   {Portal: right.Portal, IQN: right.IQN, Initiator: right.Initiator[:len(right.Initiator)-1], User: right.User, Password: right.Password},
		"another's password":     {Portal: right.Portal, IQN: right.IQN, Initiator: right.Initiator, User: other.User, Password: other.Password},
		"another with its own":   {Portal: right.Portal, IQN: right.IQN, Initiator: other.Initiator, User: other.User, Password: other.Password},
		"an epoch that is not":   {Portal: right.Portal, IQN: Name(authority, "vol1", 3, "a1"), Initiator: right.Initiator, User: right.User, Password: right.Password},
		"the password in lower":  {Portal: right.Portal, IQN: right.IQN, Initiator: right.Initiator, User: right.User, Password: strings.ToLower(right.Password) + "x"},
		"the password of before": {Portal: right.Portal, IQN: right.IQN, Initiator: right.Initiator, User: right.User, Password: NewPassword().Reveal()},
	} {
		if err := inquire(t, l); err == nil {
			t.Errorf("%s: was let in", name)
		}
	}
}

// Who may not log in is not even told that a target is there.
func TestDiscoveryTellsNobodyElse(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	ensure(t, h, v)
	for name, want := range map[string]bool{initiator: true, authority + ":thief": false} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		out, _ := exec.CommandContext(ctx, "iscsi-ls", "-i", name, "iscsi://"+v.Portals[0]).CombinedOutput()
		cancel()
		if got := strings.Contains(string(out), v.Targets[0].IQN); got != want {
			t.Errorf("%s sees the target: %v, want %v: %s", name, got, want, out)
		}
	}
}

// Read-only attachments are many at once, and none of them can write.
func TestReadOnlyTargets(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	if err := os.WriteFile(v.Image, targettest.Stamp{Epoch: 1, Seq: 1}.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	v.Targets = nil
	for _, a := range []string{"r1", "r2", "r3"} {
		r := testTarget(1, a)
		r.ReadOnly = true
		v.Targets = append(v.Targets, r)
	}
	s := ensure(t, h, v)
	for i := range v.Targets {
		if !s.Targets[i].ReadOnly {
			t.Errorf("target %d is not read-only", i)
		}
		in := targettest.MustConnect(t, v.login(i))
		b := make([]byte, targettest.BlockSize)
		if _, err := in.ReadAt(b, 0); err != nil {
			t.Error(err)
		}
		if got, err := targettest.ParseStamp(b); err != nil || got.Seq != 1 {
			t.Errorf("read %v, %v", got, err)
		}
	}
	// Asked for a disk that can be written, QEMU finds that it cannot; the target
	// refuses commands that write, whoever sends them.
	l := v.login(0)
	l.ReadOnly = false
	if in, err := targettest.Connect(t, l); err == nil {
		if _, err := in.WriteAt(make([]byte, targettest.BlockSize), 0); err == nil {
			t.Error("a write to a read-only target was taken")
		}
	}
	if out, ran, failed := targettest.Conform(t, v.login(0), "ReadOnly"); ran == 0 || len(failed) > 0 {
		t.Errorf("commands that write: %d tests ran, failed %q: %s", ran, failed, out)
	}
	if have, err := targettest.ReadStamps(v.Image); err != nil || have[0].Seq != 1 {
		t.Errorf("the image has changed: %v, %v", have, err)
	}
}

// No process ever shows a password in its arguments or environment.
func TestPasswordsAreInNoArguments(t *testing.T) {
	needTgt(t)
	t.Parallel()
	h, v := testHost(t), testVolume(t, 1<<20)
	v.Targets = nil
	var words []string
	for _, a := range []string{"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"} {
		v.Targets = append(v.Targets, testTarget(1, a))
		words = append(words, v.Targets[len(v.Targets)-1].Password.Reveal())
	}
	look := watchProcesses(t, words...)
	for range 5 {
		ensure(t, h, v)
		if err := h.Stop(t.Context(), v.Key); err != nil {
			t.Fatal(err)
		}
	}
	if where := look(); where != "" {
		t.Errorf("a password was seen in %s", where)
	}
	// tgtadm does show it, and so this test can fail. It waits for a daemon that is
	// frozen, long enough to be seen.
	ensure(t, h, v)
	p, err := findProcess(filepath.Join(h.dir, v.Key))
	if err != nil || p == nil {
		t.Fatal(p, err)
	}
	defer p.close()
	signal(t, p, unix.SIGSTOP)
	defer signal(t, p, unix.SIGCONT)
	tgtadm := exec.CommandContext(t.Context(), "tgtadm", "--lld", "iscsi", "--mode", "account", "--op", "new", "--user", "x", "--password", "shownshownshown1")
	tgtadm.Env = []string{envSocket + filepath.Join(h.dir, v.Key, "tgtd")}
	if err := tgtadm.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "tgtadm's password is seen", func() bool { return processWith("shownshownshown1") != "" })
	_ = tgtadm.Process.Kill()
	_ = tgtadm.Wait()
}

func signal(t *testing.T, p *process, s unix.Signal) {
	t.Helper()
	if err := unix.PidfdSendSignal(p.fd, s, nil, 0); err != nil {
		t.Fatal(err)
	}
}

// watchProcesses looks at all processes again and again; what it returns ends that
// and says where one of the words was.
func watchProcesses(t *testing.T, words ...string) func() string {
	t.Helper()
	stop, found := make(chan struct{}), make(chan string, 1)
	go func() {
		for {
			if where := processWith(words...); where != "" {
				found <- where
				return
			}
			select {
			case <-stop:
				found <- processWith(words...)
				return
			default:
			}
		}
	}()
	return func() string { close(stop); return <-found }
}

// processWith is a process that has one of the words in its arguments or its
// environment.
func processWith(words ...string) string {
	for _, file := range []string{"cmdline", "environ"} {
		names, _ := filepath.Glob("/proc/[0-9]*/" + file)
		for _, name := range names {
			data, _ := os.ReadFile(name)
			for _, w := range words {
				if strings.Contains(string(data), w) {
					return name + ": " + strings.ReplaceAll(string(data), "\x00", " ")
				}
			}
		}
	}
	return ""
}
