package api

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mesoncloud/meson/core"
)

// Providers of machines are asked once the volumes that exist are found, whoever
// else has not answered by then, or when that takes too long.
func TestSearchIsWaitedFor(t *testing.T) {
	found := func(provider string, index int, bootable bool) core.VolumeAnswer {
		v := core.Volume{ID: "v", Provider: provider, VolumeSpec: core.VolumeSpec{Bootable: bootable}}
		return core.VolumeAnswer{Provider: provider, Found: map[int]core.Volume{index: v}}
	}
	pledge := core.Pledge{Volumes: []core.VolumeRequest{{Name: "new", SizeMiB: 128}, {VID: "a"}, {VID: "b"}}}
	for name, c := range map[string]struct {
		// after is when something is said, by whom is then heard.
		answers map[time.Duration]core.VolumeAnswer
		ends    time.Duration
		boots   bool
		took    time.Duration
	}{
		"all found":        {map[time.Duration]core.VolumeAnswer{1: found("p", 1, false), 2: found("q", 2, true)}, time.Hour, true, 2},
		"none is bootable": {map[time.Duration]core.VolumeAnswer{1: found("p", 1, false), 2: found("q", 2, false)}, time.Hour, false, 2},
		"one is nowhere":   {map[time.Duration]core.VolumeAnswer{1: found("p", 2, true)}, 3, true, 3},
		"one comes late":   {map[time.Duration]core.VolumeAnswer{1: found("p", 1, false), time.Hour: found("q", 2, true)}, 2 * time.Hour, false, locateVolumes},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSearch(pledge)
				for after, a := range c.answers {
					go func() {
						time.Sleep(after)
						s.locate(a)
					}()
				}
				go func() {
					time.Sleep(c.ends)
					s.end(sought{})
				}()
				begun := time.Now()
				got := s.booting(t.Context())
				if took := time.Since(begun); took != c.took || got.Volumes[2].Bootable != c.boots || got.Volumes[0].Bootable || got.Volumes[1].Bootable {
					t.Errorf("after %s: %+v", took, got.Volumes)
				}
				<-s.done
			})
		})
	}
	begun := time.Now()
	if newSearch(core.Pledge{}).booting(t.Context()); time.Since(begun) > time.Second {
		t.Error("a pledge without volumes waits")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if newSearch(pledge).booting(ended); time.Since(begun) > time.Second {
		t.Error("what has ended waits")
	}
}

// What was found too late changes what a machine costs: no offer of before stands.
func TestFoundLate(t *testing.T) {
	asked := core.Pledge{Volumes: []core.VolumeRequest{{VID: "a"}}}
	candidate := core.VolumeCandidate{Index: 0, Provider: "v", Found: &core.Volume{ID: "a", Provider: "v", VolumeSpec: core.VolumeSpec{Bootable: true}}}
	r, late := foundLate(asked, []core.VolumeCandidate{candidate})
	if !late || r.Provider != "v" || r.Field != "volumes[0]" || !strings.Contains(r.Text, "volume a: whether machines boot from it was not known in time") {
		t.Errorf("%+v, %v", r, late)
	}
	if r, late := foundLate(asked.Booting([]core.VolumeCandidate{candidate}), []core.VolumeCandidate{candidate}); late {
		t.Errorf("%+v", r)
	}
}
