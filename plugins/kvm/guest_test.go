package kvm

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// screen is a caller of a console who types nothing but what he is told.
type screen struct {
	mu    sync.Mutex
	text  strings.Builder
	moved chan struct{}
	keys  chan string
}

func newScreen() *screen { return &screen{moved: make(chan struct{}, 1), keys: make(chan string, 8)} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	select {
	case s.moved <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (s *screen) Read(p []byte) (int, error) {
	k, ok := <-s.keys
	if !ok {
		return 0, io.EOF
	}
	return copy(p, k), nil
}

// until waits for a text and gives the line that has it.
func (s *screen) until(t *testing.T, text string, wait time.Duration) string {
	t.Helper()
	give := time.After(wait)
	for {
		s.mu.Lock()
		have := s.text.String()
		s.mu.Unlock()
		if i := strings.Index(have, text); i >= 0 && strings.Contains(have[i:], "\n") {
			line, _, _ := strings.Cut(have[i:], "\n")
			return strings.TrimSpace(line)
		}
		select {
		case <-s.moved:
		case <-give:
			t.Fatalf("no %q on the console within %v, but:\n%s", text, wait, have)
		}
	}
}

// echo types a line until it comes back: what is typed before the guest listens
// may be lost.
func (s *screen) echo(t *testing.T, text string) {
	t.Helper()
	for range 60 {
		s.keys <- text + "\r"
		for range 10 {
			s.mu.Lock()
			have := s.text.String()
			s.mu.Unlock()
			if strings.Contains(have, text+"\r") {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	t.Fatalf("%q does not come back", text)
}

// openScreen opens a machine's console until the test ends; what it ended with
// comes on the channel.
func openScreen(t *testing.T, p *Provider, in *pb.Instance, force bool) (*screen, <-chan error) {
	t.Helper()
	s := newScreen()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() {
		ended <- p.OpenConsole(ctx, &pb.ConsoleRequest{Id: in.GetId(), Zone: in.GetZone(), Broker: in.GetOwner().GetBroker(), Force: force}, s)
	}()
	return s, ended
}

// A real Linux guest boots, reads its seed, prints its line on the console, and
// takes an address that Get and Watch show.
func TestGuestBoots(t *testing.T) {
	l := theLab(t)
	p := openProvider(t, l.config("tiny", l.hosts()[1]), Hooks{})
	broker := unique(t)
	ask := bootPledge()
	ask.MemoryMib = 192
	req := labRequest(t, p, broker, broker+"-tiny", ask)
	away(t, p, req.GetOwner())
	in := until(t, p, req)
	s, _ := openScreen(t, p, in, false)

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	address := errors.New("address seen")
	err := p.Watch(ctx, &pb.GetRequest{Id: in.GetId(), Zone: in.GetZone()}, func(now *pb.Instance) error {
		if len(now.GetAddresses()) > 0 {
			t.Logf("address: %v", now.GetAddresses())
			return address
		}
		return nil
	})
	if !errors.Is(err, address) {
		t.Errorf("Watch shows no address: %v", err)
	}
	line := s.until(t, "MESON-GUEST ready", 3*time.Minute)
	t.Log(line)
	for _, want := range []string{"hostname=" + req.GetName(), "cores=1"} {
		if !strings.Contains(line, want) {
			t.Errorf("the guest says %q, want %s in it", line, want)
		}
	}
}

// The console carries both ways; a second caller is Busy unless he forces it,
// which ends the first; the end of the machine ends it too.
func TestConsole(t *testing.T) {
	l := theLab(t)
	p := openProvider(t, l.config("boot", l.hosts()[0]), Hooks{})
	broker := unique(t)
	req := labRequest(t, p, broker, broker+"-con", bootPledge())
	away(t, p, req.GetOwner())
	in := until(t, p, req)

	s, ended := openScreen(t, p, in, false)
	s.echo(t, "hello")
	_, busy := openScreen(t, p, in, false)
	select {
	case err := <-busy:
		if sdk.KindOf(err) != sdk.Busy {
			t.Errorf("second caller: %v, want Busy", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the second caller hears nothing")
	}
	forced, forcedEnd := openScreen(t, p, in, true)
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the first session ends with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the first session goes on")
	}
	forced.keys <- "again\r"
	forced.until(t, "again", 20*time.Second)
	forced.keys <- "\x10" // Ctrl-P switches the guest off
	select {
	case err := <-forcedEnd:
		if err != nil {
			t.Errorf("the forced session ends with %v", err)
		}
	case <-time.After(20 * time.Second):
		now, err := p.Get(t.Context(), &pb.GetRequest{Id: in.GetId()})
		t.Fatalf("the session outlives its machine, which is %v, %v", now.GetState(), err)
	}
}
