package cli

import "testing"

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, sku string
		want         bool
	}{
		{"n2-*@us-central1", "n2-core@us-central1", true},
		{"n2-*@us-central1", "n2d-core@us-central1", false},
		{"*", "rack/core-hour", true},
		{"rack/*", "rack/core-hour", true},
		{"n?-core", "n2-core", true},
		{"n?-core", "n-core", false},
		{"a.c", "abc", false},
		{"[a]", "a", false},
		{"[a]", "[a]", true},
		{`a\d`, "a1", false},
		{"", "a", false},
		{"core", "core-plan", false},
	} {
		if got := glob(c.pattern).MatchString(c.sku); got != c.want {
			t.Errorf("%q matches %q: %t", c.pattern, c.sku, got)
		}
	}
}

// The operator's rules apply after those of all providers.
func TestOperatorLast(t *testing.T) {
	for _, c := range []struct {
		x, y string
		want int
	}{{"", "a", 1}, {"a", "", -1}, {"a", "b", -1}, {"b", "a", 1}, {"", "", 0}, {"a", "a", 0}} {
		if got := operatorLast(c.x, c.y); got != c.want {
			t.Errorf("%q before %q: %d", c.x, c.y, got)
		}
	}
}
