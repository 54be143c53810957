package api

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
)

// waitFor returns when the machine has what the user waits for. A machine that
// runs stays, whatever becomes of the wait.
func (m *Meson) waitFor(ctx context.Context, a core.Allocation, what WaitFor, report alloc.Report) (core.Allocation, error) {
	if what != WaitAddress && what != WaitSSH {
		return a, nil
	}
	address, err := m.waitAddress(ctx, &a, report)
	if err != nil || what == WaitAddress {
		return a, err
	}
	report("wait.ssh", "waiting for ssh at "+address, 0)
	for {
		if greets(ctx, net.JoinHostPort(address, "22")) {
			report("ssh", "ssh answers at "+address, 0)
			return a, nil
		}
		if !sleep(ctx, powerPoll) {
			return a, m.stillWaiting(a, "for ssh at "+address)
		}
	}
}

// waitAddress records the first address that the provider reports. A machine
// that runs no more gets none: Unavailable.
func (m *Meson) waitAddress(ctx context.Context, a *core.Allocation, report alloc.Report) (string, error) {
	report("wait.address", "waiting for an address", 0)
	for {
		now, _, err := m.Show(ctx, a.ID)
		switch {
		case err != nil && ctx.Err() == nil:
			return "", err
		case err == nil && now.Instance != nil && len(now.Instance.Addresses) > 0:
			inst := *now.Instance
			ip := inst.Addresses[0].IP
			report("address", ip, 0)
			ev := core.Event{Allocation: a.ID, Time: m.Now().UTC(), Step: "address", Text: ip}
			*a, err = m.Ledger.Change(ctx, a.ID, ev, func(a *core.Allocation) error {
				a.Instance = &inst
				return nil
			})
			return ip, err
		case err == nil && now.LastSeen.IsZero() && now.State != core.Running && now.State != core.Starting:
			*a = now
			return "", &core.Error{
				Kind: core.Unavailable, Op: "deploy", Subject: "allocation " + a.ID, Text: fmt.Sprintf("it ran, and is %s before it had an address", now.State),
				Hint: "meson show " + a.Name,
			}
		}
		if !sleep(ctx, powerPoll) {
			return "", m.stillWaiting(*a, "for an address")
		}
	}
}

func (m *Meson) stillWaiting(a core.Allocation, what string) error {
	return &core.Error{
		Kind: core.Uncertain, Op: "deploy", Subject: "allocation " + a.ID, Text: fmt.Sprintf("it runs and is kept; the wait %s ended before", what),
		Hint: fmt.Sprintf("`meson show %s` shows it, `meson rm %s` removes it", a.Name, a.Name),
	}
}

// greets reports whether an SSH server says its name at an address.
func greets(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if conn.SetReadDeadline(deadline) != nil {
		return false
	}
	line, err := bufio.NewReaderSize(conn, 512).ReadSlice('\n')
	return err == nil && strings.HasPrefix(string(line), "SSH-")
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
