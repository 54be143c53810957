package host

import (
	"bytes"
	"io"
	"sync"

	"github.com/mesoncloud/meson/sdk"
)

// lineWriter splits what is written to it into lines for logs. It holds at most
// one line.
type lineWriter struct {
	logs *logs

	mu   sync.Mutex
	line []byte
	over bool // the rest of a line that was too long is dropped
}

func (l *logs) writer() io.Writer { return &lineWriter{logs: l} }

// Write never fails.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for rest := p; len(rest) > 0; {
		part, after, whole := bytes.Cut(rest, []byte{'\n'})
		rest = after
		if room := sdk.MaxLogLineBytes - len(w.line); len(part) > room {
			part, w.over = part[:room], true
		}
		w.line = append(w.line, part...)
		if !whole {
			break
		}
		if w.logs.keep() {
			w.logs.line(w.line, w.over)
		}
		w.line, w.over = w.line[:0], false
	}
	return len(p), nil
}
