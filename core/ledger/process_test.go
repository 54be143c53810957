package ledger_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
	"github.com/mesoncloud/meson/core/ledger/ledgertest"
)

const helperEnv = "MESON_LEDGER_TEST_HELPER"

// TestMain makes this binary its own second broker: with the variable set it
// does what that says to the ledger given as argument.
func TestMain(m *testing.M) {
	role := os.Getenv(helperEnv)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := helper(role, os.Args[1:]); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func helper(role string, args []string) error {
	ctx := context.Background()
	l, err := ledger.Open(ctx, args[0], ledger.Options{})
	if err != nil {
		return err
	}
	switch role {
	case "id":
		fmt.Println("id", l.ID())
	case "count":
		return count(ctx, l, args[1], args[2])
	case "write":
		return writeForEver(ctx, l, args[1])
	case "lock":
		_, err := l.Lock(ctx, args[1])
		if err != nil {
			return err
		}
		fmt.Println("locked")
		_, err = io.Copy(io.Discard, os.Stdin) // until killed
		return err
	}
	return l.Close()
}

func count(ctx context.Context, l ledger.Ledger, id, rounds string) error {
	n, err := strconv.Atoi(rounds)
	if err != nil {
		return err
	}
	var slowest time.Duration
	for range n {
		began := time.Now()
		_, err := l.Change(ctx, id, core.Event{Step: "count"}, func(a *core.Allocation) error {
			n, _ := strconv.Atoi(a.Message)
			a.Message = strconv.Itoa(n + 1)
			return nil
		})
		if err != nil {
			return err
		}
		slowest = max(slowest, time.Since(began))
	}
	fmt.Println("slowest", slowest)
	return l.Close()
}

// writeForEver says what it did only once that is done.
func writeForEver(ctx context.Context, l ledger.Ledger, id string) error {
	for i := 1; ; i++ {
		text := strconv.Itoa(i)
		_, err := l.Change(ctx, id, core.Event{Step: "write", Text: text}, func(a *core.Allocation) error {
			a.Message = text
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Println("done", i)
	}
}

// start runs a second broker; it is killed with the test.
func start(t *testing.T, role string, args ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), helperEnv+"="+role)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, bufio.NewScanner(stdout)
}

func line(t *testing.T, out *bufio.Scanner) string {
	t.Helper()
	if !out.Scan() {
		t.Fatalf("a broker ended without a word: %v", out.Err())
	}
	return out.Text()
}

// Two first starts at once make one ledger.
func TestFirstStarts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state", "meson", "ledger.db")
	var outs []*bufio.Scanner
	for range 6 {
		_, out := start(t, "id", path)
		outs = append(outs, out)
	}
	want := ""
	for _, out := range outs {
		got := line(t, out)
		if want == "" {
			want = got
		}
		if !strings.HasPrefix(got, "id ") || got != want {
			t.Errorf("a broker says %q, another %q", got, want)
		}
	}
}

// Several processes lose no update and never see the file in use.
func TestProcesses(t *testing.T) {
	t.Parallel()
	const processes, rounds = 4, 150
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := open(t, path)
	a := ledgertest.Allocation(t, "web")
	if err := l.Begin(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range processes {
		_, out := start(t, "count", path, a.ID, strconv.Itoa(rounds))
		group.Go(func() {
			if !out.Scan() || !strings.HasPrefix(out.Text(), "slowest ") {
				t.Errorf("a broker says %q", out.Text())
			}
			t.Log(out.Text())
		})
	}
	group.Wait()
	got, err := l.Allocation(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Message != strconv.Itoa(processes*rounds) {
		t.Errorf("counted to %s, want %d", got.Message, processes*rounds)
	}
}

// What was acknowledged before a kill -9 is there after it, whole.
func TestKilledWriters(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	for round := range 5 {
		l, err := ledger.Open(t.Context(), path, ledger.Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		var all []core.Allocation
		for range 2 {
			a := ledgertest.Allocation(t, "")
			if err := l.Begin(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			all = append(all, a)
		}
		if err := l.Close(); err != nil { // the killed ones are the last to have it open
			t.Fatal(err)
		}
		acknowledged := make([]int, len(all))
		var group sync.WaitGroup
		for i, a := range all {
			cmd, out := start(t, "write", path, a.ID)
			kill := time.AfterFunc(time.Duration(60+20*round+7*i)*time.Millisecond, func() { _ = cmd.Process.Kill() })
			t.Cleanup(func() { kill.Stop() })
			group.Go(func() {
				for out.Scan() {
					if _, err := fmt.Sscanf(out.Text(), "done %d", &acknowledged[i]); err != nil {
						t.Errorf("a broker says %q", out.Text())
					}
				}
			})
		}
		group.Wait()
		verify(t, path, all, acknowledged)
	}
}

func verify(t *testing.T, path string, all []core.Allocation, acknowledged []int) {
	t.Helper()
	l, err := ledger.Open(t.Context(), path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range all {
		events, err := l.Events(t.Context(), ledger.Query{Allocation: a.ID, After: 0})
		if err != nil {
			t.Fatal(err)
		}
		written := events[1:] // after the beginning
		for n, e := range written {
			if e.Text != strconv.Itoa(n+1) {
				t.Fatalf("event %d is %q", n+1, e.Text)
			}
		}
		// The last may have been written without its word getting out.
		if d := len(written) - acknowledged[i]; d < 0 || d > 1 {
			t.Errorf("%d events of %d acknowledged", len(written), acknowledged[i])
		}
		row, err := l.Allocation(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		if want := len(written); want > 0 && row.Message != strconv.Itoa(want) {
			t.Errorf("the row is at %q, the events are at %d", row.Message, want)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	raw(t, path, func(db *sql.DB) {
		verdict := ""
		if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
			t.Errorf("integrity: %q, %v", verdict, err)
		}
	})
}

// raw opens the file behind the ledger's back.
func raw(t *testing.T, path string, fn func(*sql.DB)) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	fn(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// A lock excludes other processes, names its holder and dies with it.
func TestLockOfKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := open(t, path)
	id := ledger.NewID()
	cmd, out := start(t, "lock", path, id)
	if got := line(t, out); got != "locked" {
		t.Fatal(got)
	}
	_, err := l.Lock(t.Context(), id)
	if core.KindOf(err) != core.Busy || !strings.Contains(err.Error(), "process "+strconv.Itoa(cmd.Process.Pid)+" on ") {
		t.Errorf("error %v, want busy, by process %d", err, cmd.Process.Pid)
	}
	_, second := start(t, "lock", path, id)
	if got := line(t, second); !strings.Contains(got, "being driven by process "+strconv.Itoa(cmd.Process.Pid)) {
		t.Errorf("a second process says %q", got)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	unlock, err := l.Lock(t.Context(), id)
	if err != nil {
		t.Fatalf("after kill -9 of the holder: %v", err)
	}
	unlock()
	_, third := start(t, "lock", path, id)
	if got := line(t, third); got != "locked" {
		t.Errorf("a third process says %q", got)
	}
}
