package host

import (
	"log/slog"
	"os"
	"time"
)

// Options configure a Host. The zero value of every field means its default.
type Options struct {
	// Finder says where plugins are looked for; by default in DefaultDirs.
	Finder Finder
	// RuntimeDir is where the host makes its private directory of sockets. By
	// default $XDG_RUNTIME_DIR/meson, /run/meson or one of its own under the
	// temporary directory, whichever can be used first.
	RuntimeDir string
	// Log gets the host's own events and every line that a plugin logs, with the
	// attribute plugin. By default nothing is logged.
	Log *slog.Logger
	// SHA256 pins the binaries of plugins by name, in hexadecimal. A plugin that
	// is named here and whose bytes differ is refused.
	SHA256 map[string]string
	// PassEnv names environment variables that a plugin gets beyond those that
	// all get (see environment), by plugin. An entry that ends in * is a prefix.
	PassEnv map[string][]string
	// Reattach is a JSON object of plugin names and addresses, such as
	// {"kvm":"unix:/tmp/kvm.sock"}: these plugins run under a debugger, and are
	// dialled instead of started. By default $MESON_REATTACH.
	Reattach string

	// StartTimeout is how long a plugin may take from exec to Describe, 15 s by
	// default.
	StartTimeout time.Duration
	// CallTimeout bounds a call that reads and whose context has no deadline,
	// 30 s by default.
	CallTimeout time.Duration
	// EffectTimeout bounds a call that changes something and whose context has
	// no deadline, 5 min by default.
	EffectTimeout time.Duration
	// DrainTimeout is how long a plugin may take to drain when the host closes,
	// 1 s by default and at most.
	DrainTimeout time.Duration

	// PingEvery, PingTimeout and PingMisses say how a hung plugin is noticed: by
	// default 3 pings in a row, one every 5 s, unanswered for 2 s each.
	PingEvery   time.Duration
	PingTimeout time.Duration
	PingMisses  int

	// BackoffMin and BackoffMax bound the pause before a failed plugin is
	// started again, 0.2 s and 2 min by default.
	BackoffMin time.Duration
	BackoffMax time.Duration
	// MaxFailures within an hour and the plugin is not started any more until
	// the first of them is an hour old; 10 by default.
	MaxFailures int
	// MaxWait is how much of such a pause a call waits for before it fails with
	// the time when trying again makes sense, 3 s by default.
	MaxWait time.Duration

	// LogLines is how many lines a second each plugin may log, 200 by default.
	// The rest is counted, and the number logged.
	LogLines int
}

func (o Options) filled() Options {
	if len(o.Finder.Dirs) == 0 {
		o.Finder.Dirs = DefaultDirs()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Reattach == "" {
		o.Reattach = os.Getenv("MESON_REATTACH")
	}
	fill(&o.StartTimeout, 15*time.Second)
	fill(&o.CallTimeout, 30*time.Second)
	fill(&o.EffectTimeout, 5*time.Minute)
	fill(&o.DrainTimeout, time.Second)
	o.DrainTimeout = min(o.DrainTimeout, time.Second)
	fill(&o.PingEvery, 5*time.Second)
	fill(&o.PingTimeout, 2*time.Second)
	fill(&o.PingMisses, 3)
	fill(&o.BackoffMin, 200*time.Millisecond)
	fill(&o.BackoffMax, 2*time.Minute)
	fill(&o.MaxFailures, 10)
	fill(&o.MaxWait, 3*time.Second)
	fill(&o.LogLines, 200)
	return o
}

// fill gives an option that is not set its default.
func fill[T int | time.Duration](option *T, value T) {
	if *option <= 0 {
		*option = value
	}
}
