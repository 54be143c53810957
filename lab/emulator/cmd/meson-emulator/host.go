package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// host serves the listeners of one emulated cloud, and says where they are.
type host struct {
	out     io.Writer
	env     string // a file, or none
	lines   []string
	serving []served
}

type served struct {
	listener net.Listener
	server   *http.Server
}

// listen opens one listener; key is what its URL is told as.
func (h *host) listen(key, address string, handler http.Handler) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	h.lines = append(h.lines, fmt.Sprintf("%s=http://%s", key, l.Addr()))
	h.serving = append(h.serving, served{l, &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}})
	return nil
}

// serve says where it listens and serves until the context ends or a listener
// breaks. before is called before connections are closed.
func (h *host) serve(ctx context.Context, before func()) error {
	text := strings.Join(h.lines, "\n") + "\n"
	if h.env != "" {
		if err := replace(h.env, text); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(h.out, text); err != nil {
		return err
	}
	broken := make(chan error, len(h.serving))
	for _, s := range h.serving {
		go func() { broken <- s.server.Serve(s.listener) }()
	}
	var err error
	select {
	case err = <-broken:
	case <-ctx.Done():
	}
	before()
	for _, s := range h.serving {
		grace, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		if s.server.Shutdown(grace) != nil {
			_ = s.server.Close()
		}
		cancel()
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// replace writes the file so that nobody reads half of it.
func replace(name, text string) error {
	file, err := os.CreateTemp(filepath.Dir(name), ".env-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if _, err := io.WriteString(file, text); err != nil {
		_ = file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}
