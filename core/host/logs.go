package host

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// maxLogAttrs bounds the attributes of one line.
const maxLogAttrs = 32

// logs turns what a plugin writes on standard error (and, after the handshake,
// on standard output) into records, line by line: JSON in the shape of hclog, or
// plain text. Lines are cut at sdk.MaxLogLineBytes. No more than limit lines a
// second are kept; how many were not is logged. It is safe for concurrent use.
type logs struct {
	log   *slog.Logger
	limit int

	mu      sync.Mutex
	window  time.Time // when the second began
	kept    int
	dropped int
	report  *time.Timer
	panics  bool
	last    string // the last line, for the error of a plugin that did not start
}

func newLogs(log *slog.Logger, limit int) *logs { return &logs{log: log, limit: limit} }

// pump reads until the end and never stops reading before, so that no plugin
// waits for us to hear what it says.
func (l *logs) pump(r io.Reader) {
	in := bufio.NewReaderSize(r, sdk.MaxLogLineBytes)
	continued := false
	for {
		line, isPrefix, err := in.ReadLine()
		if err != nil {
			l.flush()
			return
		}
		if !continued && l.keep() {
			l.line(line, isPrefix)
		}
		continued = isPrefix
	}
}

// keep counts a line, and reports whether it is within the limit.
func (l *logs) keep() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.window) >= time.Second {
		l.window, l.kept = now, 0
	}
	if l.kept < l.limit {
		l.kept++
		return true
	}
	l.dropped++
	if l.report == nil {
		l.report = time.AfterFunc(time.Second, l.flush)
	}
	return false
}

// flush says how many lines were dropped since it last did.
func (l *logs) flush() {
	l.mu.Lock()
	dropped := l.dropped
	l.dropped = 0
	if l.report != nil {
		l.report.Stop()
		l.report = nil
	}
	l.mu.Unlock()
	if dropped > 0 {
		l.log.Warn("log lines dropped: more than the plugin may write", "lines", dropped, "limit_per_second", l.limit)
	}
}

func (l *logs) line(line []byte, truncated bool) {
	if len(line) == 0 {
		return
	}
	level, text, attrs := slog.LevelDebug, "", []slog.Attr(nil)
	var fields map[string]any
	if line[0] == '{' && !truncated && json.Unmarshal(line, &fields) == nil {
		level, text, attrs = record(fields)
	} else {
		level, text = l.plain(string(line))
	}
	l.mu.Lock()
	l.last = text
	l.mu.Unlock()
	if truncated {
		attrs = append(attrs, slog.Bool("truncated", true))
	}
	l.log.LogAttrs(context.Background(), level, text, attrs...)
}

// record reads a line of hclog. Nothing in it is taken for granted: a message
// may be a number, a level a list.
func record(fields map[string]any) (slog.Level, string, []slog.Attr) {
	level := levelOf(fields["@level"])
	text := ""
	if m, ok := fields["@message"]; ok {
		text = render(m)
	}
	var keys []string
	for key := range fields {
		if !strings.HasPrefix(key, "@") || key == "@module" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	attrs := make([]slog.Attr, 0, min(len(keys), maxLogAttrs)+1)
	for i, key := range keys {
		if i == maxLogAttrs {
			attrs = append(attrs, slog.Int("attributes_dropped", len(keys)-i))
			break
		}
		name := cut(strings.TrimPrefix(key, "@"), 64)
		if name == "plugin" || name == slog.LevelKey || name == slog.MessageKey || name == slog.TimeKey {
			// These say who speaks and when; a plugin cannot set them.
			name = "its_" + name
		}
		attrs = append(attrs, slog.String(name, render(fields[key])))
	}
	return level, text, attrs
}

func levelOf(v any) slog.Level {
	s, _ := v.(string)
	switch strings.ToLower(s) {
	case "info":
		return slog.LevelInfo
	case "warn", "warning":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelDebug
}

func render(v any) string {
	if s, ok := v.(string); ok {
		return sdk.CleanText(s, sdk.MaxTextBytes)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("[%T]", v)
	}
	return sdk.CleanText(string(data), sdk.MaxTextBytes)
}

// lastWords is the last line that was kept, shortened.
func (l *logs) lastWords() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cut(l.last, 300)
}

// plain guesses the level of a line of text. From a panic on, everything is an
// error: it is the plugin's last words.
func (l *logs) plain(line string) (slog.Level, string) {
	text := sdk.CleanText(line, sdk.MaxLogLineBytes)
	l.mu.Lock()
	defer l.mu.Unlock()
	if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
		l.panics = true
	}
	switch {
	case l.panics, strings.HasPrefix(line, "[ERROR]"):
		return slog.LevelError, text
	case strings.HasPrefix(line, "[WARN]"):
		return slog.LevelWarn, text
	case strings.HasPrefix(line, "[INFO]"):
		return slog.LevelInfo, text
	}
	return slog.LevelDebug, text
}

// cut cleans and shortens.
func cut(s string, limit int) string { return sdk.CleanText(strings.TrimSpace(s), limit) }
