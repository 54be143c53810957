package iscsi

import (
	"testing"
	"testing/synctest"
	"time"
)

// A volume is left alone after a look at it, and for as long after each time that
// somebody is told the way to it; nothing is kept of one that nobody asks for.
func TestRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rests
		if !r.over("a") || r.over("a") {
			t.Error("one look is followed by another at once, or there is none")
		}
		time.Sleep(rest / 2)
		r.begin("a")
		time.Sleep(rest / 2)
		if r.over("a") {
			t.Error("a volume is not left alone that somebody was just told of")
		}
		time.Sleep(rest / 2)
		if !r.over("a") || !r.over("b") {
			t.Error("a volume is left alone for ever")
		}
		time.Sleep(rest)
		r.begin("c")
		if len(r.since) != 1 {
			t.Errorf("kept: %v", r.since)
		}
	})
}
