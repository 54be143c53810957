package host

import (
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/core"
)

func sleep(ms int) { time.Sleep(time.Duration(ms) * time.Millisecond) }

// Pauses double from 0.2 s to 2 min, give or take a tenth; a life of more than 2
// min begins them anew.
func TestPausesBetweenRestarts(t *testing.T) {
	r := newRestarts("kvm", Options{MaxFailures: 100}.filled())
	now := time.Unix(1_000_000, 0)
	if pause, err := r.pause(now); pause != 0 || err != nil {
		t.Errorf("at first: %s, %v: want none", pause, err)
	}
	near := func(what string, want time.Duration) {
		t.Helper()
		pause, err := r.pause(now)
		if err != nil || pause < want*9/10 || pause > min(want*11/10, 2*time.Minute) {
			t.Errorf("%s: pause %s, %v: want about %s", what, pause, err, want)
		}
	}
	for want := 200 * time.Millisecond; want < 2*time.Minute; want *= 2 {
		r.failed(now, 0, "it died")
		near("again", want)
	}
	for range 3 {
		r.failed(now, time.Minute, "it died")
		near("at the end", 2*time.Minute)
	}
	r.failed(now, 3*time.Minute, "it died")
	near("after a long life", 200*time.Millisecond)
	now = now.Add(time.Hour)
	if pause, err := r.pause(now); pause != 0 || err != nil {
		t.Errorf("later: %s, %v: want none", pause, err)
	}
}

// The tenth failure within an hour ends it, until the first of them is an hour
// old.
func TestRestartsAreGivenUp(t *testing.T) {
	r := newRestarts("kvm", Options{}.filled())
	start := time.Unix(1_000_000, 0)
	for i := range 10 {
		now := start.Add(time.Duration(i) * 5 * time.Minute)
		if _, err := r.pause(now); err != nil {
			t.Fatalf("after %d failures: %v", i, err)
		}
		r.failed(now, 0, "exit status 2")
	}
	_, err := r.pause(start.Add(50 * time.Minute))
	e, ok := err.(*core.Error)
	if !ok || e.Kind != core.Unavailable || e.RetryAfter != 10*time.Minute || !strings.Contains(e.Text, "10 failures within an hour; the last: exit status 2") {
		t.Errorf("%#v", err)
	}
	if _, err := r.pause(start.Add(time.Hour)); err != nil {
		t.Errorf("an hour after the first: %v", err)
	}
	// One more and it is given up again.
	r.failed(start.Add(time.Hour), 0, "exit status 2")
	if _, err := r.pause(start.Add(time.Hour + time.Minute)); err == nil {
		t.Error("ten within an hour again: want it to be given up")
	}
}
