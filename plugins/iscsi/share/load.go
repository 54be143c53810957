package share

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// What the server writes when it has read its exports, in this order. It does so
// after it has let go of those that are gone, and names those it could not make
// before. Whoever is told to read while reading finishes first, and says so: only
// the end of what began after the telling counts.
func saysStarted() []string  { return []string{"NFS SERVER INITIALIZED"} }
func saysReloaded() []string { return []string{"Received SIGHUP", "Reread exports complete"} }

// maxLogBytes is when the log is begun anew; the one before it is kept.
const maxLogBytes = 1 << 20

// load has a server read the configuration: the running one, or a new one where
// there is none or where it does not say that it has. It returns what the server
// has refused to export.
func (s *Server) load(ctx context.Context, running *process) (map[string]error, *process, error) {
	if running == nil {
		text, started, err := s.begin(ctx)
		if err == nil {
			return refusals(text), started, nil
		}
		// One that a killed call has started a moment ago may have been first.
		var findErr error
		if running, findErr = s.find(); findErr != nil || running == nil || ctx.Err() != nil {
			return nil, nil, err
		}
		if err := s.answers(ctx, running); err != nil {
			return nil, nil, err
		}
	}
	text, err := s.reload(ctx, *running)
	if err == nil {
		return refusals(text), running, nil
	}
	if ctx.Err() != nil {
		return nil, nil, err
	}
	s.opts.Log.Warn("NFS server does not read its exports: it is replaced", "pid", running.PID, "err", err)
	if err := s.kill(ctx, running); err != nil {
		return nil, nil, err
	}
	text, started, err := s.begin(ctx)
	return refusals(text), started, err
}

// reload tells a running server to read its exports. It is told by a signal, and
// says that it has in its log alone: there is no other way without D-Bus.
func (s *Server) reload(ctx context.Context, p process) (string, error) {
	from, err := s.logEnd()
	if err != nil {
		return "", err
	}
	if err := s.signal(p, syscall.SIGHUP); err != nil {
		return "", err
	}
	text, err := s.await(ctx, from, p.PID, saysReloaded(), func() bool { return s.is(p) })
	if err == nil && strings.Contains(text, "export_commit_common :CONFIG :CRIT") {
		// Its exports are not those that we thought.
		err = errors.New(s.complaints(text))
	}
	return text, err
}

// begin starts a server and waits until it serves.
func (s *Server) begin(ctx context.Context) (string, *process, error) {
	from, err := s.logEnd()
	if err != nil {
		return "", nil, err
	}
	pid, exited, err := s.start()
	if err != nil {
		return "", nil, err
	}
	text, err := s.await(ctx, from, pid, saysStarted(), func() bool {
		select {
		case <-exited:
			return false
		default:
			return true
		}
	})
	if err != nil {
		return "", nil, &sdk.Error{
			Kind: sdk.Unavailable, Op: "start NFS server", Subject: s.subject(), Source: sdk.SourceProvider,
			Text: "it does not start: " + s.complaints(text), Err: err,
		}
	}
	started, err := identify(pid)
	if err == nil {
		err = s.answers(ctx, started)
	}
	return text, started, err
}

// logEnd is where the log ends now.
func (s *Server) logEnd() (int64, error) {
	info, err := os.Stat(s.file(logFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if info.Size() > maxLogBytes {
		// The server opens it for each line.
		return 0, os.Rename(s.file(logFile), s.file(logFile+".1"))
	}
	return info.Size(), nil
}

// await returns what a process has written since from when it has written the
// words, or an error when it has died or does not.
func (s *Server) await(ctx context.Context, from int64, pid int, words []string, alive func() bool) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.Patience, fmt.Errorf("it does not say %q", words))
	defer cancel()
	for {
		lives := alive()
		text, err := s.logSince(from, pid)
		if err != nil {
			return "", err
		}
		if said, all := after(text, words); all {
			return said, nil
		}
		if !lives {
			return text, errors.New("it has died")
		}
		select {
		case <-ctx.Done():
			return text, context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// after finds the words in their order. What belongs to them is the text from
// the first on where there are several, and else all of it.
func after(text string, words []string) (string, bool) {
	rest := text
	for i, w := range words {
		at := strings.Index(rest, w)
		if at < 0 {
			return "", false
		}
		rest = rest[at:]
		if i == 0 && len(words) > 1 {
			text = rest
		}
	}
	return text, true
}

// logSince is what a process has written: each line names it.
func (s *Server) logSince(from int64, pid int) (string, error) {
	f, err := os.Open(s.file(logFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, from, 8<<20))
	var own strings.Builder
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, fmt.Sprintf("-%d[", pid)) {
			own.WriteString(line)
		}
	}
	return own.String(), err
}

// refusals are the exports that the server says it could not make.
func refusals(text string) map[string]error {
	could := regexp.MustCompile(`Could not create export for \(/(` + attachmentID + `)\) to \((.*)\)`)
	why := regexp.MustCompile(`FSAL :CRIT :(.*)`)
	out := map[string]error{}
	reason := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := why.FindStringSubmatch(line); m != nil {
			reason = m[1]
		}
		if m := could.FindStringSubmatch(line); m != nil {
			out[m[1]] = &sdk.Error{
				Kind: sdk.Unsupported, Op: "export directory", Subject: "attachment " + m[1], Source: sdk.SourceProvider,
				Text: "the NFS server cannot export " + m[2] + ": " + reason,
				Hint: "the directory must be on a filesystem of a disk, such as ext4 or XFS, and the server must run as root",
			}
			reason = ""
		}
	}
	return out
}

// complaints are the last grave lines of a server that did not start.
func (s *Server) complaints(log string) string {
	said, _ := os.ReadFile(s.file(complaintLog))
	var grave []string
	for line := range strings.Lines(log) {
		if _, text, ok := strings.Cut(line, "] "); ok && regexp.MustCompile(`:(FATAL|MAJ|CRIT) :`).MatchString(text) && !strings.Contains(text, "DBUS") {
			grave = append(grave, strings.TrimSpace(text))
		}
	}
	grave = grave[max(0, len(grave)-3):]
	if len(said) > 0 {
		grave = append(grave, strings.TrimSpace(string(said[:min(len(said), 500)])))
	}
	return strings.Join(grave, "; ")
}
