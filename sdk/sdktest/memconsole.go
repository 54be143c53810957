package sdktest

import (
	"context"
	"errors"
	"io"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// MemBanner is the first line of every console.
const MemBanner = "meson mem console\r\n"

// OpenConsole prints MemBanner and then whatever is typed.
func (m *MemProvider) OpenConsole(ctx context.Context, req *pb.ConsoleRequest, stream io.ReadWriter) error {
	if err := m.before(ctx, "console"); err != nil {
		return err
	}
	found, err := m.lookup(ctx, &pb.Owner{Broker: req.GetBroker()}, req.GetId())
	if err != nil {
		return err
	}
	ctx, release, err := m.hold(ctx, found.ID, req.GetForce())
	if err != nil {
		return err
	}
	defer release()
	ended := make(chan error, 1)
	go func() {
		if _, err := io.WriteString(stream, MemBanner); err != nil {
			ended <- err
			return
		}
		_, err := io.Copy(stream, stream)
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var errTakenOver = &sdk.Error{Kind: sdk.Busy, Source: sdk.SourcePlugin, Op: "console", Text: "somebody else took the console over"}

// hold makes the caller the one user of a machine's console.
func (m *MemProvider) hold(ctx context.Context, id string, force bool) (context.Context, func(), error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if end, busy := m.consoles[id]; busy {
		if !force {
			return nil, nil, &sdk.Error{Kind: sdk.Busy, Source: sdk.SourcePlugin, Op: "console", Text: "the console is in use", Hint: "--force takes it over"}
		}
		end(errTakenOver)
	}
	ctx, end := context.WithCancelCause(ctx)
	m.consoles[id] = end
	return ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if !errors.Is(context.Cause(ctx), errTakenOver) {
			delete(m.consoles, id)
		}
		end(nil)
	}, nil
}
