package render

import (
	"fmt"
	"time"
)

// Memory is an amount of memory for people, such as 512 MiB or 2 GiB.
func Memory(mib int64) string {
	if mib >= 1024 && mib%1024 == 0 {
		return fmt.Sprintf("%d GiB", mib/1024)
	}
	return fmt.Sprintf("%d MiB", mib)
}

// Age is a span for people, in its largest whole unit, such as 5m or 12d.
func Age(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// Time is a moment for people, in UTC to the second.
func Time(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// Span is a duration for people, to a tenth of a second.
func Span(d time.Duration) string {
	return fmt.Sprintf("%.1fs", d.Seconds())
}

// Count is a number with its noun, such as "1 fault" or "3 faults".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
