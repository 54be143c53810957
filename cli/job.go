package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core/api"
)

// job tells people on standard error what something long is doing: a line for
// each step, and on a terminal a last line that rewrites itself. It remembers
// which allocations are being worked on. Safe for concurrent use.
type job struct {
	w    io.Writer
	live bool
	// width is where a live line is cut off, so that it stays one line.
	width int
	now   func() time.Time
	// named makes every step name its allocation: set where there may be several.
	named bool
	// undoes means that an interrupt undoes what was made, as long as it does not
	// run.
	undoes bool

	mu      sync.Mutex
	running bool
	kept    bool // the machine runs, and stays
	begun   time.Time
	id      string
	step    api.Progress            // that of the live line
	steps   map[string]api.Progress // the last of each allocation
	onLine  bool                    // the live line is on the screen
	asked   string                  // a question that is, the cursor behind it
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

// progress shows a step; it is what goes into a request's Progress. A
// percentage alone is no news on paper, nor where the line is another's.
func (j *job) progress(p api.Progress) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if p.Allocation != "" {
		j.id = p.Allocation
	}
	j.kept = j.kept || p.Step == "running" || strings.HasPrefix(p.Step, "wait.")
	last, known := j.steps[p.Allocation]
	if j.steps == nil {
		j.steps = map[string]api.Progress{}
	}
	j.steps[p.Allocation] = p
	news := !known || p.Step != last.Step || p.Text != last.Text
	if !news && (!j.live || p.Allocation != j.step.Allocation) {
		return
	}
	if news {
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
	j.asked = question
}

func (j *job) answered() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked = ""
}

// allocation is the id worked on, empty if there is none or more than one.
func (j *job) allocation() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.only()
}

// ending says what an interrupt now does to what is being worked on.
func (j *job) ending() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case !j.undoes:
		return "ending; what is not finished stays as it is"
	case j.kept:
		return fmt.Sprintf("no more waiting: machine %s runs and is kept", j.id)
	}
	return "ending and undoing"
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

// abandon restores the terminal, and tells whether something is left unfinished,
// its id, if that is known, and whether it is a machine that runs.
func (j *job) abandon() (id string, running, kept bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.restore != nil {
		_ = j.restore()
	}
	j.settle()
	return j.only(), j.running, j.kept && j.undoes
}

// only is the id of the one allocation worked on. It needs the lock, as do
// settle, which ends a line that is begun, and draw, which writes the live line
// anew.
func (j *job) only() string {
	for id := range j.steps {
		if id != "" && id != j.id {
			return ""
		}
	}
	return j.id
}

func (j *job) settle() {
	if j.onLine || j.asked != "" {
		fmt.Fprintln(j.w)
	}
	j.onLine, j.asked = false, ""
}

func (j *job) draw() {
	fmt.Fprintf(j.w, "\r\x1b[K%s", j.text(max(j.step.Since, j.now().Sub(j.begun))))
	j.onLine = true
}

func (j *job) text(since time.Duration) string {
	line := fmt.Sprintf("%7s  ", render.Span(since))
	if j.named {
		line += render.Visible(cmp.Or(j.step.Name, j.step.Allocation)) + ": "
	}
	line += render.Visible(cmp.Or(j.step.Text, j.step.Step))
	if j.step.Percent > 0 {
		line += fmt.Sprintf(" %d%%", j.step.Percent)
	}
	if runes := []rune(line); j.live && j.width > 0 && len(runes) >= j.width {
		return string(runes[:j.width-1])
	}
	return line
}
