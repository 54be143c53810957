package image

import (
	"bufio"
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// A monitor that greets a caller and loses it is called again: whether it hangs up or
// says nothing more. One that goes on like that is given up at the end of the time.
func TestGreeted(t *testing.T) {
	t.Parallel()
	const hello = `{"QMP": {"version": {}, "capabilities": []}}` + "\n"
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
