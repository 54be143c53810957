package sdk

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// LogLevelEnv names the level from which a plugin logs: trace, debug, info (the
// default), warn, error.
const LogLevelEnv = "MESON_LOG_LEVEL"

// LevelTrace is below slog.LevelDebug.
const LevelTrace = slog.Level(-8)

// LogOptions is how a plugin logs.
type LogOptions struct {
	// Module is the value of @module.
	Module string
	// Level is the lowest level that is written.
	Level slog.Leveler
}

// NewLogHandler writes each record as one line of JSON with the keys @level,
// @message, @timestamp and @module, as go-hclog does, which is what the host
// reads. No line is longer than MaxLogLineBytes, and no Secret, nor any bytes
// field of a protobuf message, is ever shown. It is safe for concurrent use; w
// gets one Write for each line.
func NewLogHandler(w io.Writer, o LogOptions) slog.Handler {
	h := slog.NewJSONHandler(boundedLines{w}, &slog.HandlerOptions{Level: o.Level, ReplaceAttr: hclogAttr})
	return h.WithAttrs([]slog.Attr{slog.String("@module", o.Module)})
}

// ParseLogLevel reads the value of LogLevelEnv; info where it is none.
func ParseLogLevel(s string) slog.Level {
	switch strings.ToLower(s) {
	case "trace":
		return LevelTrace
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}

func levelName(l slog.Level) string {
	switch {
	case l < slog.LevelDebug:
		return "trace"
	case l < slog.LevelInfo:
		return "debug"
	case l < slog.LevelWarn:
		return "info"
	case l < slog.LevelError:
		return "warn"
	}
	return "error"
}

const hclogTime = "2006-01-02T15:04:05.000000Z07:00"

func hclogAttr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 {
		switch a.Key {
		case slog.TimeKey:
			if a.Value.Kind() == slog.KindTime {
				return slog.String("@timestamp", a.Value.Time().Format(hclogTime))
			}
		case slog.LevelKey:
			if l, ok := a.Value.Any().(slog.Level); ok {
				return slog.String("@level", levelName(l))
			}
		case slog.MessageKey:
			return slog.String("@message", a.Value.String())
		}
	}
	if a.Value.Kind() == slog.KindAny {
		if m, ok := a.Value.Any().(proto.Message); ok {
			return slog.String(a.Key, safeText(m))
		}
	}
	return a
}

// safeText is a message as JSON without its bytes fields: those are where
// passwords, user data and keys are.
func safeText(m proto.Message) string {
	clone := proto.Clone(m)
	hideBytes(clone.ProtoReflect())
	text, err := protojson.Marshal(clone)
	if err != nil {
		return string(m.ProtoReflect().Descriptor().FullName())
	}
	return string(text)
}

func hideBytes(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() == protoreflect.BytesKind, f.IsMap() && f.MapValue().Kind() == protoreflect.BytesKind:
			m.Clear(f)
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			for i := range v.List().Len() {
				hideBytes(v.List().Get(i).Message())
			}
		case f.IsMap() && f.MapValue().Kind() == protoreflect.MessageKind:
			v.Map().Range(func(_ protoreflect.MapKey, e protoreflect.Value) bool {
				hideBytes(e.Message())
				return true
			})
		case f.Kind() == protoreflect.MessageKind && !f.IsMap():
			hideBytes(v.Message())
		}
		return true
	})
}

// boundedLines passes lines on, cutting those that the host would drop.
type boundedLines struct{ w io.Writer }

func (b boundedLines) Write(line []byte) (int, error) {
	if len(line) <= MaxLogLineBytes {
		return b.w.Write(line)
	}
	var head struct {
		Level     string `json:"@level"`
		Message   string `json:"@message"`
		Module    string `json:"@module"`
		Timestamp string `json:"@timestamp"`
		Cut       string `json:"cut"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		head.Level, head.Message = "warn", "log line that cannot be cut"
		head.Timestamp = time.Now().Format(hclogTime)
	}
	head.Message = CleanText(head.Message, MaxTextBytes)
	head.Module = CleanText(head.Module, MaxTextBytes)
	head.Cut = fmt.Sprintf("the line had %d bytes; its attributes were left out", len(line))
	short, err := json.Marshal(head)
	if err != nil {
		return 0, err
	}
	if _, err := b.w.Write(append(short, '\n')); err != nil {
		return 0, err
	}
	return len(line), nil
}
