package share

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Status is what the server does now.
type Status struct {
	// PID is 0 where no server runs.
	PID int
	// Attachments are those that the running server was last seen to have read, in
	// order.
	Attachments []string
	// Peers are the addresses that are connected, in order. NFS has one connection
	// for all that a client mounts: to which attachments they belong is told by
	// their Clients, and by nothing else.
	Peers []netip.Addr
}

// Status changes nothing and waits for nobody.
func (s *Server) Status(_ context.Context) (Status, error) {
	var out Status
	running, err := s.find()
	if err != nil || running == nil {
		return out, s.failed("ask NFS server", err)
	}
	out.PID = running.PID
	st, err := readState(s.file("state.json"))
	if err != nil {
		return out, s.failed("ask NFS server", err)
	}
	if st.Loaded == *running {
		for id := range st.Numbers {
			out.Attachments = append(out.Attachments, id)
		}
		slices.Sort(out.Attachments)
	}
	out.Peers, err = s.peers(running.PID)
	return out, s.failed("ask NFS server", err)
}

// peers are those with an established connection, in the network that the
// server is in.
func (s *Server) peers(pid int) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, table := range []string{"tcp", "tcp6"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if peer, ok := established(lines.Text(), s.opts.Address.Port()); ok {
				out = append(out, peer)
			}
		}
		_ = f.Close()
		if lines.Err() != nil {
			return nil, lines.Err()
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out), nil
}

// established is the other side of a line of /proc/net/tcp or tcp6 whose own
// side has the port; proc_pid_net(5) has the form.
func established(line string, port uint16) (netip.Addr, bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || fields[3] != "01" {
		return netip.Addr{}, false
	}
	_, own, _ := strings.Cut(fields[1], ":")
	if n, err := strconv.ParseUint(own, 16, 16); err != nil || uint16(n) != port {
		return netip.Addr{}, false
	}
	text, _, _ := strings.Cut(fields[2], ":")
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw)%4 != 0 {
		return netip.Addr{}, false
	}
	// Each word is in the order of this machine.
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	peer, ok := netip.AddrFromSlice(raw)
	return peer.Unmap(), ok
}
