package sdktest

import (
	"context"
	"fmt"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

// The levels of conformance; each needs those before it.
const (
	LevelConfig      = 1 // describes itself and takes settings
	LevelLife        = 2 // offers, makes, shows and removes
	LevelIdempotence = 3 // repeats do no harm
	LevelCrash       = 4 // a kill at any instant does no harm
)

// Target is a plugin under test and what the suite must know about it.
type Target struct {
	// Connect gives a plugin that runs and is not configured.
	Connect func(ctx context.Context) (Plugin, error)
	// KillAndRestart kills the plugin's process with SIGKILL and gives a new one
	// on the same provider, not configured. Nil: level 4 is skipped.
	KillAndRestart func(ctx context.Context) (Plugin, error)
	// Level is the highest that is tried; 0: all.
	Level int
	// Config and Secrets are right settings.
	Config  string
	Secrets map[string][]byte
	// Fits is a pledge that the provider can fulfil at least twice at once; it and
	// TooBig are nil where the plugin makes no machines.
	Fits *pb.Pledge
	// TooBig is one that it never can.
	TooBig *pb.Pledge
	// Volume is one that the provider can make at least six of at once, and twice as
	// large, of a plugin that makes volumes; VolumeTooBig one that it never can, nil
	// where there is none.
	Volume, VolumeTooBig *pb.VolumeSpec
	// From are one or two that reach the provider's volumes; without any, nothing is
	// exported.
	From []*pb.Consumer
	// File makes a file of a machine's host that the machine can attach, raw and of so
	// many bytes, and says how large it is then; nil: that is not tried.
	File func(ctx context.Context, machine *pb.Instance, bytes uint64) (file *pb.FileConnection, size func() (uint64, error), err error)
	// Image is one that volumes can be made of; nil: that is not tried.
	Image *pb.ImageOrigin
	// ForHours is the horizon of the offers; 0: a month.
	ForHours uint32
	// Login is told to every machine that is made.
	Login *pb.Login
	// DescribeJSON is what the binary prints when told to describe; nil: not
	// compared.
	DescribeJSON []byte
	// Running is how long a machine may take to run; 0: a minute.
	Running time.Duration
	// Call is the deadline of every other call; 0: 30 s.
	Call time.Duration
	// KillAfter are the delays after which level 4 kills; nil: some from 0 to
	// 100 ms.
	KillAfter []time.Duration
}

func (t Target) withDefaults() (Target, error) {
	if t.Connect == nil || (t.Fits == nil || t.TooBig == nil) && t.Volume == nil {
		return t, fmt.Errorf("target: want Connect, and Fits and TooBig or Volume")
	}
	if t.Level == 0 {
		t.Level = LevelCrash
	}
	if t.ForHours == 0 {
		t.ForHours = 730
	}
	if t.Running == 0 {
		t.Running = time.Minute
	}
	if t.Call == 0 {
		t.Call = 30 * time.Second
	}
	if t.KillAfter == nil {
		for _, ms := range []int{0, 1, 3, 10, 30, 100} {
			t.KillAfter = append(t.KillAfter, time.Duration(ms)*time.Millisecond)
		}
	}
	return t, nil
}
