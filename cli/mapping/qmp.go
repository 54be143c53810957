package mapping

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
)

// monitor is a conversation with a daemon, in QMP: one JSON object per message.
// A daemon has one at a time.
type monitor struct {
	conn net.Conn
	in   *json.Decoder
}

// qmpMessage is anything that a daemon says; events have neither a return value
// nor an error, and nobody waits for one.
type qmpMessage struct {
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Class string `json:"class"`
		Desc  string `json:"desc"`
	} `json:"error"`
}

// attention is how long a daemon may take to greet before it is called anew.
const attention = time.Second

// dialMonitor waits for the socket to be there and for the daemon's attention,
// until ctx is done or dead returns true. A daemon that is just setting its monitor
// up can lose sight of whoever calls meanwhile (QEMU 7.2: it greets and reads no
// more), and serves the next call: so one that is not answered is given up.
func dialMonitor(ctx context.Context, path string, dead func() bool) (*monitor, error) {
	for patience := attention; ; {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err == nil {
			m := &monitor{conn: conn, in: json.NewDecoder(conn)}
			if err = m.greet(ctx, patience); err == nil {
				return m, nil
			}
			m.close()
			patience *= 2
		}
		if dead() {
			return nil, errors.New("the storage daemon has ended")
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("ask storage daemon: %w", errors.Join(ctx.Err(), err))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (m *monitor) greet(ctx context.Context, patience time.Duration) error {
	_ = m.conn.SetDeadline(time.Now().Add(patience))
	defer func() { _ = m.conn.SetDeadline(time.Time{}) }()
	stop := m.until(ctx)
	defer stop()
	var hello struct {
		QMP json.RawMessage `json:"QMP"`
	}
	if err := m.in.Decode(&hello); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("greet storage daemon: %w", err))
	}
	return m.call(ctx, "qmp_capabilities", nil, nil)
}

// call runs a command. What it was given is in no error: it may be a secret.
func (m *monitor) call(ctx context.Context, command string, args, result any) error {
	stop := m.until(ctx)
	defer stop()
	ask := map[string]any{"execute": command}
	if args != nil {
		ask["arguments"] = args
	}
	if err := json.NewEncoder(m.conn).Encode(ask); err != nil {
		return fmt.Errorf("%s: %w", command, errors.Join(ctx.Err(), err))
	}
	for {
		var answer qmpMessage
		if err := m.in.Decode(&answer); err != nil {
			return fmt.Errorf("%s: %w", command, errors.Join(ctx.Err(), err))
		}
		switch {
		case answer.Error != nil:
			return fmt.Errorf("%s: %w", command, &qmpError{class: answer.Error.Class, text: answer.Error.Desc})
		case answer.Return != nil && result != nil:
			return json.Unmarshal(answer.Return, result)
		case answer.Return != nil:
			return nil
		}
	}
}

// until ends what the monitor waits for when ctx does.
func (m *monitor) until(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = m.conn.SetDeadline(time.Unix(1, 0)) })
}

func (m *monitor) close() { _ = m.conn.Close() }

// qmpError is a refusal of the daemon.
type qmpError struct{ class, text string }

func (e *qmpError) Error() string { return e.text }
