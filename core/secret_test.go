package core_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
)

// No way of printing shows a secret, on its own or as part of something.
func TestSecretIsNotShown(t *testing.T) {
	s := core.NewSecret("hunter2")
	outer := struct{ S core.Secret }{s}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%c", "%10s", "%!"} {
		for _, v := range []any{s, &s, outer, &outer, []core.Secret{s}, map[string]core.Secret{"k": s}} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, "hunter2") || strings.Contains(text, "68756e74657232") {
				t.Errorf("%s of %T shows it: %s", verb, v, text)
			}
		}
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "secret", s, "outer", outer)
	data, err := json.Marshal(outer)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{log.String(), string(data)} {
		if strings.Contains(text, "hunter2") || !strings.Contains(text, "[redacted]") {
			t.Errorf("it shows %s", text)
		}
	}
	if s.Reveal() != "hunter2" || fmt.Sprint(core.Secret{}) != "" {
		t.Error("a secret is not what it was made of")
	}
}
