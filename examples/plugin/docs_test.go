package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/sdk"
)

// The guide for plugin authors shows this plugin as it is.
func TestDocsShowThisPlugin(t *testing.T) {
	page := content(t, "../../docs/plugin-authors.md")
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, file := range files {
		source.WriteString(content(t, file))
	}
	blocks := strings.Split(page, "```go\n")[1:]
	if len(blocks) < 4 {
		t.Fatalf("%d blocks of Go on the page", len(blocks))
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(source.String(), block) {
			t.Errorf("docs/plugin-authors.md shows what is not in this directory:\n%s", block)
		}
	}
	// The price book is shown in part, line by line, and what quotes by it say.
	var shown strings.Builder
	for _, fence := range []string{"```yaml\n", "\n```\n720h"} {
		_, block, _ := strings.Cut(page, fence)
		block, _, _ = strings.Cut(block, "```")
		shown.WriteString(block)
	}
	whole := content(t, "testdata/prices.yaml") + strings.ReplaceAll(source.String(), "\t// ", "")
	for line := range strings.Lines(shown.String()) {
		if !strings.Contains(whole, line) {
			t.Errorf("docs/plugin-authors.md shows what is not in this directory:\n%s", line)
		}
	}
	if table := sdk.ConfigDocs[Config](); !strings.Contains(page, table) {
		t.Errorf("docs/plugin-authors.md does not show the table of settings:\n%s", table)
	}
}

func content(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
