package upcloud

import (
	"container/heap"
	"time"
)

// agenda is what the cloud will do by itself, in the order of time and, at the
// same time, of being planned.
type agenda struct {
	events []event
	count  uint64
}

type event struct {
	at  time.Time
	seq uint64
	run func(at time.Time)
}

// plan has run called once it is at, with that time.
func (a *agenda) plan(at time.Time, run func(at time.Time)) {
	a.count++
	heap.Push(a, event{at: at, seq: a.count, run: run})
}

// settle runs what is due at now, and what becomes due by that.
func (a *agenda) settle(now time.Time) {
	for len(a.events) > 0 && !a.events[0].at.After(now) {
		e := heap.Pop(a).(event)
		e.run(e.at)
	}
}

// next is when something will happen; false if nothing will.
func (a *agenda) next() (time.Time, bool) {
	if len(a.events) == 0 {
		return time.Time{}, false
	}
	return a.events[0].at, true
}

func (a *agenda) Len() int { return len(a.events) }

func (a *agenda) Less(i, j int) bool {
	if !a.events[i].at.Equal(a.events[j].at) {
		return a.events[i].at.Before(a.events[j].at)
	}
	return a.events[i].seq < a.events[j].seq
}

func (a *agenda) Swap(i, j int) { a.events[i], a.events[j] = a.events[j], a.events[i] }
func (a *agenda) Push(x any)    { a.events = append(a.events, x.(event)) }

func (a *agenda) Pop() any {
	last := len(a.events) - 1
	e := a.events[last]
	a.events[last] = event{}
	a.events = a.events[:last]
	return e
}
