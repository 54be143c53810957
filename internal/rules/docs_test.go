package rules

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages are the documents for readers.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, glob := range []string{"*.md", "docs/*.md", "docs/*/*.md", "plugins/*/README.md", "lab/README.md", "sdk/README.md"} {
		found, err := filepath.Glob(filepath.Join("..", "..", glob))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(data)
		}
	}
	if len(all) < 12 {
		t.Fatalf("only %d pages found", len(all))
	}
	return all
}

// A page is short enough to be read.
func TestDocsAreShort(t *testing.T) {
	for name, text := range pages(t) {
		if n := strings.Count(text, "\n"); n >= 250 && filepath.Base(name) != "CHANGELOG.md" {
			t.Errorf("%s has %d lines: want less than 250", name, n)
		}
	}
}

// Links to other files of the repository lead there, and those to a heading
// find it.
func TestDocsLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	seen := 0
	for name, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, heading, anchored := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			seen++
			file := name
			if target != "" {
				file = filepath.Join(filepath.Dir(name), target)
			}
			data, err := os.ReadFile(file)
			if info, serr := os.Stat(file); err != nil && (serr != nil || !info.IsDir()) {
				t.Errorf("%s: the link %s leads nowhere", name, m[1])
			} else if anchored && !headings(string(data))[heading] {
				t.Errorf("%s: the link %s leads to no heading", name, m[1])
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d links found", seen)
	}
}

// headings are those of a page, as links name them.
func headings(text string) map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			title = regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			all[strings.ReplaceAll(title, " ", "-")] = true
		}
	}
	return all
}
