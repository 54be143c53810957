package image

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const hello = `{"QMP": {"version": {}, "capabilities": []}}` + "\n"

// A monitor that greets a caller and loses it is called again: whether it hangs up or
// says nothing more. One that goes on like that is given up at the end of the time.
func TestGreeted(t *testing.T) {
	t.Parallel()
	serve := func(calls ...func(net.Conn)) string {
		socket := filepath.Join(t.TempDir(), "qmp")
		l, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for i := 0; ; i++ {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Write([]byte(hello))
				go calls[min(i, len(calls)-1)](conn)
			}
		}()
		return socket
	}
	hangUp := func(c net.Conn) { _ = c.Close() }
	silent := func(net.Conn) {}
	answer := func(c net.Conn) {
		for in := bufio.NewScanner(c); in.Scan(); {
			_, _ = c.Write([]byte(`{"return": {}, "id": 1}` + "\n"))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	q, err := greeted(ctx, serve(hangUp, silent, hangUp, answer))
	if err != nil {
		t.Fatal(err)
	}
	defer q.close()
	if err := q.do("query-status", nil, nil); err != nil {
		t.Error(err)
	}
	for what, call := range map[string]func(net.Conn){"hangs up": hangUp, "says nothing": silent} {
		short, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
		began := time.Now()
		if q, err := greeted(short, serve(call)); err == nil {
			q.close()
			t.Errorf("a monitor that always %s is taken", what)
		}
		if took := time.Since(began); took > attention {
			t.Errorf("one that always %s: given up after %v", what, took)
		}
		stop()
	}
}

// A monitor whose queue of callers is full for a moment is called again.
func TestGreetedBehindOthers(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "qmp")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: socket}), unix.Listen(fd, 0))
	}
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "")
	l, err := net.FileListener(file)
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for { // as many as it takes
		c, err := net.Dial("unix", socket)
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close() // killed while it waited
	}
	time.AfterFunc(50*time.Millisecond, func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = c.Write([]byte(hello))
				for in := bufio.NewScanner(c); in.Scan(); {
					_, _ = c.Write([]byte(`{"return": {}, "id": 1}` + "\n"))
				}
			}()
		}
	})
	q, err := greeted(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	q.close()
}
