package share

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Options say where a Server's state is and where it listens.
type Options struct {
	// Dir is the server's own: made with mode 0700, absolute. Two Servers of one
	// Dir, in one process or several, are the same server.
	Dir string
	// Address is what it listens on, and nothing else of the machine's.
	Address netip.AddrPort
	// Portal is what clients are told; Address where it is not set, which must then
	// be an address of one interface.
	Portal netip.AddrPort
	// Binary is ganesha.nfsd, searched in PATH; empty means that name.
	Binary string
	// Lease is how long the server keeps the locks of a client that it does not hear
	// of, as of a machine that is paused; and about how long clients wait after it
	// died if one of them does not come back. 0: a minute.
	Lease time.Duration
	// Patience is how long the server may take to start, to read its exports, to
	// answer, or to end, before it is replaced; 0: 10 seconds. It takes milliseconds.
	Patience time.Duration
	Log      *slog.Logger
}

// Server is an nfs-ganesha and what it serves. It is safe for concurrent use.
type Server struct {
	opts Options
}

// Open checks the options; it starts nothing and touches no file.
func Open(opts Options) (*Server, error) {
	var faults []sdk.Fault
	if !filepath.IsAbs(opts.Dir) {
		faults = append(faults, sdk.Fault{Path: "dir", Have: opts.Dir, Want: "an absolute path"})
	}
	if !opts.Address.IsValid() || opts.Address.Port() == 0 {
		faults = append(faults, sdk.Fault{Path: "address", Have: opts.Address.String(), Want: "ADDRESS:PORT"})
	}
	if !opts.Portal.IsValid() {
		opts.Portal = opts.Address
	}
	if opts.Portal.IsValid() && opts.Portal.Addr().IsUnspecified() {
		faults = append(faults, sdk.Fault{Path: "portal", Have: opts.Portal.String(), Want: "the ADDRESS:PORT that clients connect to"})
	}
	if len(faults) > 0 {
		return nil, sdk.InvalidFaults("open NFS server", faults)
	}
	if opts.Binary == "" {
		opts.Binary = "ganesha.nfsd"
	}
	if opts.Lease == 0 {
		opts.Lease = time.Minute
	}
	if opts.Patience == 0 {
		opts.Patience = 10 * time.Second
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{opts: opts}, nil
}

// Connection is what the client of an attachment is told. The server's address
// in it is always numeric, with its port.
func (s *Server) Connection(attachment string, readOnly bool) *pb.Connection {
	return &pb.Connection{
		Path: &pb.Connection_Nfs{Nfs: &pb.NfsConnection{
			Server: s.opts.Portal.String(), Export: Path(attachment), Version: "4.2",
		}},
		ReadOnly: readOnly,
	}
}

// Ensure makes the server serve what list returns, all of it and nothing else,
// and returns when it does: what is new can be mounted, and what is gone can be
// neither read nor written, by those either who have it mounted or open. list is
// called while no other Ensure of the same Dir is between its list and its end,
// so that what it reads from the caller's records cannot be outrun by an older
// reading. Without exports no server runs.
//
// failed is why single exports are not served, by attachment; all others are.
// With an error nothing is known but that the same call may be repeated. Calls
// that change nothing take milliseconds and disturb nobody: repeat them to have a
// server that died started again.
func (s *Server) Ensure(ctx context.Context, list func(context.Context) ([]Export, error)) (failed map[string]error, err error) {
	err = s.locked(ctx, "export directories", func() error {
		exports, err := list(ctx)
		if err != nil {
			return err
		}
		failed, err = s.serve(ctx, exports)
		return err
	})
	return failed, err
}

// Stop ends the server, orderly if it lets itself be ended so; clients wait for
// it to be back. What was recorded of its exports stays.
func (s *Server) Stop(ctx context.Context) error {
	return s.locked(ctx, "stop NFS server", func() error { return s.end(ctx) })
}

// locked runs f while no other process runs one for the same directory.
func (s *Server) locked(ctx context.Context, op string, f func() error) error {
	if err := s.makeDirs(); err != nil {
		return s.failed(op, err)
	}
	lock := flock.New(s.file("lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return &sdk.Error{Kind: sdk.Busy, Op: op, Subject: s.subject(), Text: "another command is changing it", Err: err}
	}
	defer func() { _ = lock.Close() }()
	return s.failed(op, f())
}

// failed gives an error its place, unless it has one.
func (s *Server) failed(op string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*sdk.Error](err); ok && e.Op != "" {
		return err
	}
	kind := sdk.Unavailable
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		kind = sdk.Uncertain
	}
	return &sdk.Error{Kind: kind, Op: op, Subject: s.subject(), Source: sdk.SourceProvider, Err: err}
}

func (s *Server) subject() string { return "NFS server " + s.opts.Address.String() }

func (s *Server) file(name string) string { return filepath.Join(s.opts.Dir, name) }
