package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core/api"
)

// job tells people on standard error what something long is doing: a line for
// each step, and on a terminal a last line that rewrites itself. It remembers
// which allocation is being worked on. Safe for concurrent use.
type job struct {
	w    io.Writer
	live bool
	// width is where a live line is cut off, so that it stays one line.
	width int
	now   func() time.Time

	mu      sync.Mutex
	running bool
	begun   time.Time
	id      string
	step    api.Progress
	onLine  bool // the live line is on the screen
	asked   bool // a question is, and the cursor behind it
	stop    chan struct{}
	ticking sync.WaitGroup
	restore func() error
}

// begin makes interrupts speak, and the live line tick.
func (j *job) begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.running {
		return
	}
	j.running, j.begun = true, j.now()
	if !j.live {
		return
	}
	j.stop = make(chan struct{})
	stop := j.stop
	j.ticking.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				j.mu.Lock()
				if j.onLine {
					j.draw()
				}
				j.mu.Unlock()
			}
		}
	})
}

func (j *job) started() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.running
}

// progress shows a step; it is what goes into a request's Progress.
func (j *job) progress(p api.Progress) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if p.Allocation != "" {
		j.id = p.Allocation
	}
	same := p.Step == j.step.Step && p.Text == j.step.Text && p.Allocation == j.step.Allocation
	if same && !j.live {
		return // a percentage alone is no news on paper
	}
	if !same {
		j.settle()
	}
	j.step = p
	if j.live {
		j.draw()
		return
	}
	fmt.Fprintln(j.w, j.text(p.Since))
}

// say prints one line between the steps; what it says of others must have been
// made visible.
func (j *job) say(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.settle()
	fmt.Fprintln(j.w, line)
}

// ask prints a question and leaves the cursor behind it; answered tells that the
// user has ended the line.
func (j *job) ask(question string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.settle()
	fmt.Fprint(j.w, question)
	j.asked = true
}

func (j *job) answered() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked = false
}

// allocation is the id last worked on, if any.
func (j *job) allocation() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.id
}

// close leaves the last line as it is and ends the ticking.
func (j *job) close() {
	j.mu.Lock()
	j.settle()
	stop := j.stop
	j.stop, j.running = nil, false
	j.mu.Unlock()
	if stop != nil {
		close(stop)
		j.ticking.Wait()
	}
}

// onAbandon sets what must be done however the command ends.
func (j *job) onAbandon(restore func() error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.restore = restore
}

// abandon restores the terminal, and tells whether something is left unfinished
// and its id, if that is known.
func (j *job) abandon() (id string, running bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.restore != nil {
		_ = j.restore()
	}
	j.settle()
	return j.id, j.running
}

// settle ends a line that is begun; draw writes the live line anew. Both need the
// lock.
func (j *job) settle() {
	if j.onLine || j.asked {
		fmt.Fprintln(j.w)
	}
	j.onLine, j.asked = false, false
}

func (j *job) draw() {
	fmt.Fprintf(j.w, "\r\x1b[K%s", j.text(max(j.step.Since, j.now().Sub(j.begun))))
	j.onLine = true
}

func (j *job) text(since time.Duration) string {
	line := fmt.Sprintf("%7s  %s", render.Span(since), render.Visible(j.step.Text))
	if j.step.Text == "" {
		line = fmt.Sprintf("%7s  %s", render.Span(since), render.Visible(j.step.Step))
	}
	if j.step.Percent > 0 {
		line += fmt.Sprintf(" %d%%", j.step.Percent)
	}
	if runes := []rune(line); j.live && j.width > 0 && len(runes) >= j.width {
		return string(runes[:j.width-1])
	}
	return line
}
