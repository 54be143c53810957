package share

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// What the server writes when it has read its exports. It does so after it has
// let go of those that are gone, and names those it could not make before.
const (
	saysStarted  = "NFS SERVER INITIALIZED"
	saysReloaded = "Reread exports complete"
)

// maxLogBytes is when the log is begun anew; the one before it is kept.
const maxLogBytes = 1 << 20

// load has a server read the configuration: the running one, or a new one where
// there is none or where it does not say that it has. The server is told to read
// by a signal and says so in its log alone: there is no other way without D-Bus.
func (s *Server) load(ctx context.Context, running *process) (map[string]error, *process, error) {
	if running != nil {
		from, err := s.logEnd()
		if err != nil {
			return nil, nil, err
		}
		if err := s.signal(*running, syscall.SIGHUP); err != nil {
			return nil, nil, err
		}
		text, err := s.await(ctx, from, saysReloaded, func() bool { return s.is(*running) })
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
	}
	from, err := s.logEnd()
	if err != nil {
		return nil, nil, err
	}
	exited, err := s.start()
	if err != nil {
		return nil, nil, err
	}
	text, err := s.await(ctx, from, saysStarted, func() bool {
		select {
		case <-exited:
			return false
		default:
			return true
		}
	})
	if err != nil {
		return nil, nil, &sdk.Error{
			Kind: sdk.Unavailable, Op: "start NFS server", Subject: s.subject(), Source: sdk.SourceProvider,
			Text: "it does not start: " + s.complaints(text), Err: err,
		}
	}
	running, err = s.find()
	if err == nil && running == nil {
		err = errors.New("it started and is gone")
	}
	if err == nil {
		err = s.answers(ctx, running)
	}
	return refusals(text), running, err
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

// await returns what the server has written since from when it has written the
// words, or an error when it has died or does not.
func (s *Server) await(ctx context.Context, from int64, words string, alive func() bool) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.Patience, errors.New("it does not say "+words))
	defer cancel()
	for {
		lives := alive()
		text, err := s.logSince(from)
		if err != nil {
			return "", err
		}
		if strings.Contains(text, words) {
			return text, nil
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

func (s *Server) logSince(from int64) (string, error) {
	f, err := os.Open(s.file(logFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, from, 8<<20))
	return string(data), err
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
