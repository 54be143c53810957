package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mesoncloud/meson/core/api"
)

// TestLiveLine: on a terminal a step's line rewrites itself as time passes and
// its percentage grows, stays one line, and is left standing by the next.
func TestLiveLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		j := &job{w: &out, live: true, width: 30, now: time.Now}
		j.begin()
		j.progress(api.Progress{Allocation: "a1", Step: "image", Text: "fetching the image", Percent: 10})
		time.Sleep(1500 * time.Millisecond)
		j.progress(api.Progress{Allocation: "a1", Step: "image", Text: "fetching the image", Percent: 60})
		j.progress(api.Progress{Allocation: "a1", Step: "boot", Text: strings.Repeat("long ", 20)})
		j.close()
		screen := out.String()
		var lines []string
		for _, l := range strings.Split(strings.TrimSuffix(screen, "\n"), "\n") {
			lines = append(lines, l[strings.LastIndex(l, "\x1b[K")+len("\x1b[K"):])
		}
		if len(lines) != 2 || lines[0] != "   1.5s  fetching the image 6" || len(lines[1]) != 29 {
			t.Errorf("the screen shows %q", lines)
		}
		if n := strings.Count(screen, "\x1b[K"); n != 4 {
			t.Errorf("drawn %d times, want 4: once by the clock", n)
		}
	})
}

// TestPaperLine: elsewhere each step is a line, and a percentage is none.
func TestPaperLine(t *testing.T) {
	var out bytes.Buffer
	j := &job{w: &out, now: time.Now}
	j.begin()
	for _, percent := range []int{0, 10, 60} {
		j.progress(api.Progress{Allocation: "a1", Step: "image", Text: "fetching \x1b[2J", Percent: percent, Since: 2 * time.Second})
	}
	j.progress(api.Progress{Allocation: "a1", Step: "boot"})
	j.close()
	if want := "   2.0s  fetching \\x1b[2J\n   0.0s  boot\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
	if id, _, _ := j.abandon(); id != "a1" {
		t.Errorf("the id is %q", id)
	}
}

// TestAsk: what is said while a question stands begins on a line of its own, and
// an answer's line end is the user's.
func TestAsk(t *testing.T) {
	var out bytes.Buffer
	j := &job{w: &out, now: time.Now}
	j.ask("which? ")
	j.say("interrupted")
	j.ask("which? ")
	j.answered()
	j.say("chosen")
	j.ask("which? ")
	j.close()
	if want := "which? \ninterrupted\nwhich? chosen\nwhich? \n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

// TestSeveralAtOnce: lines of several allocations that are worked on at once
// name them, and a percentage of one whose line is not the last is no line.
func TestSeveralAtOnce(t *testing.T) {
	steps := []api.Progress{
		{Allocation: "a1", Name: "web1", Step: "image", Text: "fetching", Percent: 10},
		{Allocation: "a2", Step: "image", Text: "fetching", Percent: 10},
		{Allocation: "a1", Name: "web1", Step: "image", Text: "fetching", Percent: 20},
		{Allocation: "a2", Step: "image", Text: "fetching", Percent: 30},
		{Allocation: "a1", Name: "web1", Step: "boot", Text: "booting"},
	}
	for _, c := range []struct {
		live bool
		want string
	}{
		{false, "   0.0s  web1: fetching 10%\n   0.0s  a2: fetching 10%\n   0.0s  web1: booting\n"},
		{true, "\r\x1b[K   0.0s  web1: fetching 10%\n\r\x1b[K   0.0s  a2: fetching 10%\r\x1b[K   0.0s  a2: fetching 30%\n\r\x1b[K   0.0s  web1: booting\n"},
	} {
		var out bytes.Buffer
		at := time.Now()
		j := &job{w: &out, live: c.live, now: func() time.Time { return at }, named: true}
		j.begin()
		for _, p := range steps {
			j.progress(p)
		}
		j.close()
		if out.String() != c.want {
			t.Errorf("live %v: printed %q, want %q", c.live, out.String(), c.want)
		}
		if id := j.allocation(); id != "" {
			t.Errorf("the id of two is %q", id)
		}
	}
}

// TestLogLines: a line of the log takes the place of the live line, which comes
// back below it, and a question is asked again.
func TestLogLines(t *testing.T) {
	var out bytes.Buffer
	at := time.Now()
	j := &job{w: &out, live: true, now: func() time.Time { return at }}
	j.begin()
	logs := jobLog{j}
	for _, write := range []func(){
		func() { j.progress(api.Progress{Allocation: "a1", Step: "boot"}) },
		func() { fmt.Fprintln(logs, "level=WARN") },
		func() { j.ask("which? ") },
		func() { fmt.Fprintln(logs, "level=INFO") },
		j.answered,
		func() { fmt.Fprintln(logs, "level=DEBUG") },
		j.close,
	} {
		write()
	}
	const want = "\r\x1b[K   0.0s  boot" + "\r\x1b[Klevel=WARN\n" + "\r\x1b[K   0.0s  boot\n" +
		"which? \n" + "level=INFO\n" + "which? " + "level=DEBUG\n"
	if out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}
