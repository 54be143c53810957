package sdktest

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

const memOperations = " offer create get list delete watch power console check prices "

// memFault is one parsed entry of MemConfig.Faults.
type memFault struct {
	what        string
	arg         string
	afterEffect bool
	times       int // 0: always
}

func parseMemFault(s string) (memFault, error) {
	var f memFault
	words := strings.Fields(s)
	if n := len(words); n > 0 && strings.HasPrefix(words[n-1], "x") {
		times, err := strconv.ParseUint(words[n-1][1:], 10, 31)
		if err != nil || times == 0 {
			return f, fmt.Errorf("fault %q: want xN at its end", s)
		}
		f.times, words = int(times), words[:n-1]
	}
	if rest, ok := strings.CutSuffix(strings.Join(words, " "), " after effect"); ok {
		f.afterEffect, words = true, strings.Fields(rest)
	}
	if len(words) > 0 {
		f.what, f.arg = words[0], strings.Join(words[1:], " ")
	}
	switch f.what {
	case "exhausted":
		if f.arg == "capacity" || f.arg == "quota" || f.arg == "funds" {
			return f, nil
		}
	case "throttled":
		if _, err := time.ParseDuration(f.arg); err == nil {
			return f, nil
		}
	case "hang":
		if f.arg == "" || f.arg == "hard" {
			return f, nil
		}
	case "die", "panic":
		if f.arg == "" {
			return f, nil
		}
	default:
		if sdk.Kind(f.what).Valid() && f.arg == "" {
			return f, nil
		}
	}
	return f, fmt.Errorf("fault %q is unknown", s)
}

// happen is what the fault does; nil only where there is none.
func (f memFault) happen(ctx context.Context, op string) error {
	e := &sdk.Error{Kind: sdk.Kind(f.what), Source: sdk.SourceProvider, Op: op, Text: "a fault that was asked for"}
	switch f.what {
	case "exhausted":
		e.Scope = sdk.Scope(f.arg)
	case "throttled":
		e.RetryAfter, _ = time.ParseDuration(f.arg)
	case "hang":
		if f.arg == "hard" {
			select {}
		}
		<-ctx.Done()
		return ctx.Err()
	case "die":
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
		select {}
	case "panic":
		panic("a panic that was asked for")
	}
	return e
}
