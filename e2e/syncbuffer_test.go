package e2e_test

import (
	"strings"
	"sync"
)

// syncBuffer is a text that one goroutine writes and another reads on in.
type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
	// seen is how far it was read, last what was between that and the text found.
	seen int
	last string
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// after reads on to a text that begins a whole line, and gives the line.
func (b *syncBuffer) after(text string) (line string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rest := b.text.String()[b.seen:]
	i := strings.Index(rest, text)
	if i < 0 {
		return "", false
	}
	n := strings.IndexByte(rest[i:], '\n')
	if n < 0 {
		return "", false
	}
	b.last = rest[:i]
	b.seen += i + n + 1
	return strings.TrimSpace(rest[i : i+n]), true
}

// before is what was passed over by the last after.
func (b *syncBuffer) before() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

func (b *syncBuffer) rest() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()[b.seen:]
}

func (b *syncBuffer) whole() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
