package cli

import "fmt"

// jobLog is the writer that log lines go through, so that they never mingle with
// what a job shows: the live line gives way and comes back below them, and so
// does a question. Each Write holds whole lines.
type jobLog struct{ *job }

// Write prints lines of a log.
func (l jobLog) Write(lines []byte) (int, error) {
	j := l.job
	j.mu.Lock()
	defer j.mu.Unlock()
	live, question := j.onLine, j.asked
	if live {
		fmt.Fprint(j.w, "\r\x1b[K")
		j.onLine = false
	}
	j.settle()
	n, err := j.w.Write(lines)
	if live {
		j.draw()
	}
	if question != "" {
		fmt.Fprint(j.w, question)
		j.asked = question
	}
	return n, err
}
