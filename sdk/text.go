package sdk

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// MaxTextBytes bounds every text that a plugin sends for people.
const MaxTextBytes = 4 << 10

// maxFaults bounds the faults of one error.
const maxFaults = 100

// CleanText makes a text of foreign origin fit for a terminal and a log: line
// breaks and tabs become blanks, other control characters and those that
// reorder or hide text are left out, and what is longer than limit bytes is cut
// and ends in "…".
func CleanText(s string, limit int) string {
	if len(s) <= limit && isClean(s) {
		return s
	}
	// Bounded before it is mapped: a hostile text can be megabytes.
	cut := len(s) > limit
	if cut {
		end := max(limit, 0)
		for i := 0; i < utf8.UTFMax && end > 0 && !utf8.RuneStart(s[end]); i++ {
			end--
		}
		s = s[:end]
	}
	s = strings.Map(cleanRune, strings.ToValidUTF8(s, "\uFFFD"))
	cut = cut || len(s) > limit
	if !cut {
		return s
	}
	for len(s) > max(limit-len("…"), 0) {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	if limit >= len("…") {
		s += "…"
	}
	return s
}

func isClean(s string) bool {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return true
	}
	for _, r := range s {
		if r == utf8.RuneError || cleanRune(r) != r {
			return false
		}
	}
	return true
}

func cleanRune(r rune) rune {
	switch {
	case r == '\n' || r == '\t' || r == '\r':
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029', r == '\uFEFF':
		return -1
	}
	return r
}

// cleanMessage cleans every text in a message that came from a plugin, in
// place. Bytes are left alone: they are for machines.
func cleanMessage(m proto.Message) { cleanFields(m.ProtoReflect()) }

func cleanFields(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			cleanMap(m, f, v.Map())
		case f.IsList():
			list := v.List()
			for i := range list.Len() {
				switch f.Kind() {
				case protoreflect.StringKind:
					if s := list.Get(i).String(); !fits(s) {
						list.Set(i, protoreflect.ValueOfString(CleanText(s, MaxTextBytes)))
					}
				case protoreflect.MessageKind:
					cleanFields(list.Get(i).Message())
				}
			}
		case f.Kind() == protoreflect.StringKind:
			if s := v.String(); !fits(s) {
				m.Set(f, protoreflect.ValueOfString(CleanText(s, MaxTextBytes)))
			}
		case f.Kind() == protoreflect.MessageKind:
			cleanFields(v.Message())
		}
		return true
	})
}

func cleanMap(m protoreflect.Message, f protoreflect.FieldDescriptor, entries protoreflect.Map) {
	if f.MapKey().Kind() != protoreflect.StringKind || f.MapValue().Kind() != protoreflect.StringKind {
		return
	}
	dirty := false
	entries.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		dirty = !fits(k.String()) || !fits(v.String())
		return !dirty
	})
	if !dirty {
		return
	}
	cleaned := m.NewField(f)
	entries.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		key := protoreflect.ValueOfString(CleanText(k.String(), MaxTextBytes)).MapKey()
		cleaned.Map().Set(key, protoreflect.ValueOfString(CleanText(v.String(), MaxTextBytes)))
		return true
	})
	m.Set(f, cleaned)
}

func fits(s string) bool { return len(s) <= MaxTextBytes && isClean(s) }
