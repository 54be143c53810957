package image

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// qmp is a connection to a daemon's monitor. The monitor serves one client at a
// time, the next waits; so connections are short.
type qmp struct {
	conn net.Conn
	in   *json.Decoder
	stop func() bool
}

// qmpPatience is how long a daemon may take to answer where the context sets no
// end.
const qmpPatience = 30 * time.Second

// qmpLimit is the longest that a daemon may say in one connection.
const qmpLimit = 64 << 20

// reply is what a monitor says: a greeting, an event, a result or an error.
type reply struct {
	QMP    json.RawMessage `json:"QMP"`
	Event  string          `json:"event"`
	Return json.RawMessage `json:"return"`
	Error  *qmpError       `json:"error"`
	ID     uint64          `json:"id"`
}

// qmpError is a command that a daemon refused.
type qmpError struct {
	Class string `json:"class"`
	Desc  string `json:"desc"`
}

func (e *qmpError) Error() string { return e.Desc }

// dialQMP connects to the monitor on a socket. It returns the connection where
// the daemon has taken it, whether or not it has answered yet.
func dialQMP(ctx context.Context, socket string) (*qmp, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(qmpPatience)
	}
	_ = conn.SetDeadline(end)
	q := &qmp{conn: conn, in: json.NewDecoder(bufio.NewReader(io.LimitReader(conn, qmpLimit)))}
	q.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return q, nil
}

// peer is the process that listens on the other side.
func (q *qmp) peer() (int, error) {
	raw, err := q.conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var asked error
	err = raw.Control(func(fd uintptr) {
		cred, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, asked); err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}

// do runs a command; out may be nil.
func (q *qmp) do(command string, args map[string]any, out any) error {
	cmd := map[string]any{"execute": command, "id": 1}
	if args != nil {
		cmd["arguments"] = args
	}
	b, err := json.Marshal(cmd)
	if err != nil {
		return err
	}
	if _, err := q.conn.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	for {
		var r reply
		if err := q.in.Decode(&r); err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		switch {
		case r.Error != nil:
			return fmt.Errorf("%s: %w", command, r.Error)
		case r.Return == nil:
		case out == nil:
			return nil
		default:
			return json.Unmarshal(r.Return, out)
		}
	}
}

func (q *qmp) close() {
	q.stop()
	_ = q.conn.Close()
}

// with runs commands on the daemon's monitor.
func (d *Daemon) with(ctx context.Context, op string, f func(*qmp) error) error {
	q, err := greeted(ctx, d.socket("qmp"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) {
		return fault(sdk.Unavailable, op, d.dir, "the daemon does not run")
	}
	if err == nil {
		defer q.close()
		err = f(q)
	}
	if refused, ok := errors.AsType[*qmpError](err); ok {
		kind := sdk.Unavailable
		if strings.Contains(refused.Desc, "lock") || strings.Contains(refused.Desc, "Permission conflict") ||
			strings.Contains(refused.Desc, "read-only") || strings.Contains(refused.Desc, "in use") || strings.Contains(refused.Desc, "is busy") {
			kind = sdk.Busy
		}
		return &sdk.Error{Kind: kind, Op: op, Subject: d.dir, Source: sdk.SourceProvider, Err: err}
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return failed(op, d.dir, err)
}
