package sdk_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func TestLogLines(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(sdk.NewLogHandler(&out, sdk.LogOptions{Module: "m", Level: sdk.LevelTrace}))
	log.Log(t.Context(), sdk.LevelTrace, "t")
	log.Warn("w", "token", sdk.NewSecret("hunter2"), "nested", struct{ S sdk.Secret }{sdk.NewSecret("hunter2")},
		"request", &pb.CreateRequest{Login: &pb.Login{Username: "joe", Password: []byte("hunter2")}})
	log.Error("long", "text", strings.Repeat("x", sdk.MaxLogLineBytes))
	log.Info(strings.Repeat("m", 2*sdk.MaxLogLineBytes))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, level := range []string{"trace", "warn", "error", "info"} {
		var line map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &line); err != nil {
			t.Fatal(err)
		}
		if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(line["@timestamp"])); err != nil {
			t.Error(err)
		}
		if line["@level"] != level || line["@module"] != "m" || line["@message"] == "" || len(lines[i]) > sdk.MaxLogLineBytes {
			t.Errorf("line of %d bytes: %.200s", len(lines[i]), lines[i])
		}
	}
	if strings.Contains(out.String(), "hunter2") || strings.Contains(out.String(), "aHVudGVyMg") || !strings.Contains(lines[1], "joe") {
		t.Errorf("secrets: %s", lines[1])
	}
}
