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

const memOperations = " offer create get list delete watch power console check prices attach detach resize-attachment" +
	" offer-volume create-volume get-volume list-volumes delete-volume watch-volume export unexport" +
	" resize rename lock unlock snapshot list-snapshots delete-snapshot revert import-volume export-volume" +
	" import-image list-images delete-image "

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

// before is the first half of every call: the faults that come before an
// effect, and half of the latency.
func (m *MemProvider) before(ctx context.Context, op string) error { return m.half(ctx, op, false) }

// after is the second half.
func (m *MemProvider) after(ctx context.Context, op string) error { return m.half(ctx, op, true) }

func (m *MemProvider) half(ctx context.Context, op string, afterEffect bool) error {
	if d := m.config.Latency / 2; d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	what, asked := m.config.Faults[op]
	if !asked {
		return nil
	}
	f, err := parseMemFault(what)
	if err != nil || f.afterEffect != afterEffect {
		return err
	}
	if f.times > 0 {
		spent := false
		err := m.store.do(ctx, true, func(s *memState) error {
			if spent = s.Faults[op] >= f.times; !spent {
				s.Faults[op]++
			}
			return nil
		})
		if err != nil || spent {
			return err
		}
	}
	return f.happen(ctx, op)
}
