package main

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	eventPatience = 2 * time.Second
	eventTime     = "2006-01-02 15:04:05.000-0700"
)

// starts hears from a host's libvirtd when its domains run.
type starts struct {
	cmd   *exec.Cmd
	ended chan struct{}

	mu   sync.Mutex
	at   map[string]time.Time
	news chan struct{} // closed and replaced when at has more
}

// watchStarts returns when the host's events are heard. The caller stops it.
func (b *bench) watchStarts(ctx context.Context, host labHost) (*starts, error) {
	args := host.virsh("event", "--event", "lifecycle", "--loop", "--timestamp")
	s := &starts{cmd: b.command(ctx, args), ended: make(chan struct{}), at: map[string]time.Time{}, news: make(chan struct{})}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(s.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.hear(lines.Text())
		}
	}()
	time.Sleep(200 * time.Millisecond) // virsh does not say when it has subscribed
	return s, nil
}

// hear reads a line such as
//
//	2026-11-21 18:11:35.977+0000: event 'lifecycle' for domain 'web1-f7b7398a': Started Booted
func (s *starts) hear(line string) {
	stamp, rest, _ := strings.Cut(line, ": event 'lifecycle' for domain '")
	name, what, _ := strings.Cut(rest, "': ")
	at, err := time.Parse(eventTime, stamp)
	if err != nil || !strings.HasPrefix(what, "Started") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at[name] = at
	close(s.news)
	s.news = make(chan struct{})
}

// of is when the domain whose name begins so was last started.
func (s *starts) of(ctx context.Context, prefix string) (time.Time, error) {
	for patience := time.After(eventPatience); ; {
		s.mu.Lock()
		news := s.news
		var last time.Time
		for name, at := range s.at {
			if strings.HasPrefix(name, prefix) && at.After(last) {
				last = at
			}
		}
		s.mu.Unlock()
		if !last.IsZero() {
			return last, nil
		}
		select {
		case <-news:
		case <-patience:
			return last, fmt.Errorf("libvirtd tells of no start of %s", prefix)
		case <-ctx.Done():
			return last, ctx.Err()
		}
	}
}

// forget lets only what starts from now on count.
func (s *starts) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.at)
}

func (s *starts) stop() error {
	err := s.cmd.Process.Signal(syscall.SIGINT)
	<-s.ended
	if werr := s.cmd.Wait(); err == nil && s.cmd.ProcessState.ExitCode() < 0 {
		err = werr
	}
	return err
}
