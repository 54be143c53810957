package cli

import (
	"bytes"
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
	if id, _ := j.abandon(); id != "a1" {
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
