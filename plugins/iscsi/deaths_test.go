package iscsi

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/target"
)

// killTgtd returns when those that ran are gone: a process that is dying is neither
// there nor not.
func (s *site) killTgtd() {
	s.t.Helper()
	h, err := target.New(target.Options{Dir: filepath.Join(s.runtime, "t")})
	if err != nil {
		s.t.Fatal(err)
	}
	all, err := h.List(s.t.Context())
	if err != nil || len(all) == 0 {
		s.t.Fatalf("%d tgtd run, %v", len(all), err)
	}
	for _, one := range all {
		if err := syscall.Kill(one.Pid, syscall.SIGKILL); err != nil {
			s.t.Error(err)
		}
	}
	s.gone("tgtd", func() bool {
		now, err := h.List(s.t.Context())
		return err == nil && !slices.ContainsFunc(now, func(one target.Status) bool {
			return slices.ContainsFunc(all, func(was target.Status) bool { return was.Pid == one.Pid })
		})
	})
}

func (s *site) gone(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s does not die", what)
		}
	}
}

// fall ends all that serves, as a loss of power of the machine does: it has another
// boot id then.
func (s *site) fall() {
	s.t.Helper()
	s.killTgtd()
	s.killDaemons()
	boot, err := image.Boot()
	if err != nil {
		s.t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(s.vault, "*.elimg", "meta.json"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(file, bytes.ReplaceAll(text, []byte(boot), []byte("6f0e9d1c-0000-4000-8000-000000000000")), 0o600)
		}
		if err != nil {
			s.t.Error(err)
		}
	}
}

// killDaemons is killTgtd for the storage daemons behind targets.
func (s *site) killDaemons() {
	s.t.Helper()
	dirs, _ := filepath.Glob(filepath.Join(s.runtime, "f", "*"))
	for _, dir := range dirs {
		pid := daemonOf(s.t, dir)
		if pid == 0 {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			s.t.Error(err)
		}
		s.gone("a storage daemon", func() bool { return daemonOf(s.t, dir) != pid })
	}
}
