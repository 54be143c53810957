package broker_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/cli/broker"
)

// Whatever the broker has to say goes to the writer that it is given, in whole
// lines.
func TestLogs(t *testing.T) {
	state := t.TempDir()
	env := map[string]string{"MESON_STATE_DIR": state, "MESON_LOG_LEVEL": "loud"}
	open := func(logs *lines) {
		b, end, err := broker.Wiring{Getenv: func(k string) string { return env[k] }}.Open(t.Context(), logs)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Providers(t.Context()); err != nil {
			t.Error(err)
		}
		if err := end(context.Background()); err != nil {
			t.Error(err)
		}
	}
	var logs lines
	open(&logs)
	if err := os.Chmod(filepath.Join(state, "ledger.db"), 0o644); err != nil {
		t.Fatal(err)
	}
	open(&logs)
	for _, want := range []string{"MESON_LOG_LEVEL: ", "level=WARN msg=\"the ledger was open to others"} {
		if !strings.Contains(logs.String(), want) {
			t.Errorf("logged %q: want %q", logs.String(), want)
		}
	}
	if logs.torn {
		t.Errorf("a line was written in parts: %q", logs.String())
	}
}

// lines notices what is written in parts.
type lines struct {
	bytes.Buffer
	torn bool
}

func (l *lines) Write(p []byte) (int, error) {
	l.torn = l.torn || !bytes.HasSuffix(p, []byte("\n"))
	return l.Buffer.Write(p)
}
