package share

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/sdk"
)

// maxExports is below the 65535 numbers there are, so that a free one is found.
const maxExports = 32768

// serve makes the server agree with the list. It is called with the lock.
func (s *Server) serve(ctx context.Context, list []Export) (map[string]error, error) {
	failed := map[string]error{}
	var exports []Export
	seen := map[string]bool{}
	for _, e := range list {
		if err := e.check(); err != nil {
			failed[e.Attachment] = err
			continue
		}
		if seen[e.Attachment] {
			return nil, &sdk.Error{Kind: sdk.Internal, Op: "export directories", Subject: "attachment " + e.Attachment, Text: "listed twice"}
		}
		seen[e.Attachment] = true
		exports = append(exports, e)
	}
	if len(exports) > maxExports {
		return nil, &sdk.Error{Kind: sdk.Exhausted, Op: "export directories", Text: fmt.Sprintf("%d attachments: want at most %d", len(exports), maxExports)}
	}
	slices.SortFunc(exports, func(a, b Export) int { return strings.Compare(a.Attachment, b.Attachment) })

	st, err := readState(s.file("state.json"))
	if err != nil {
		return nil, err
	}
	changed := st.assign(exports)
	var blocks strings.Builder
	for _, e := range exports {
		blocks.WriteString(e.block(st.Numbers[e.Attachment]))
	}
	config := s.base() + blocks.String()
	// A number is recorded before any client can see it; and that the server is told
	// something else, before it is: what it was told last is then not known until
	// it has said so.
	if changed || st.Digest != digestOf(config) {
		st.Digest = ""
		if err := st.write(s.file("state.json")); err != nil {
			return nil, err
		}
	}
	if err := s.writeConfig(config); err != nil {
		return nil, err
	}
	refused, err := s.agree(ctx, st, config, exports)
	if err != nil {
		return nil, err
	}
	for id, err := range refused {
		failed[id] = err
	}
	return failed, nil
}

func (s *Server) writeConfig(config string) error {
	have, err := os.ReadFile(s.file(configFile))
	if err == nil && string(have) == config {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return replace(s.file(configFile), []byte(config))
}

// agree makes a running server read the configuration, starts one where there is
// none, or ends it where it has nothing to serve. It returns what the server has
// refused to export.
func (s *Server) agree(ctx context.Context, st *state, config string, exports []Export) (map[string]error, error) {
	running, err := s.find()
	if err != nil {
		return nil, err
	}
	digest, base := digestOf(config), digestOf(s.base())
	if running != nil && (st.Base != base || st.Ending == *running) {
		// What it listens on has changed, or it was told to end by a call that did not
		// live to see it.
		if err := s.end(ctx); err != nil {
			return nil, err
		}
		running = nil
	}
	if running != nil {
		if err := s.answers(ctx, running); err != nil && ctx.Err() != nil {
			return nil, err
		} else if err != nil {
			s.opts.Log.Warn("NFS server is replaced", "pid", running.PID, "err", err)
			if err := s.kill(ctx, running); err != nil {
				return nil, err
			}
			running = nil
		}
	}
	switch {
	case len(exports) == 0 && running == nil:
		return nil, nil
	case running != nil && st.Loaded == *running && st.Digest == digest:
		return nil, nil
	}
	refused, running, err := s.load(ctx, running)
	if err != nil {
		return nil, err
	}
	if len(exports) == 0 {
		// It has let go of everything that clients had open.
		return nil, s.end(ctx)
	}
	st.forget(exports)
	st.Loaded, st.Digest, st.Base = *running, digest, base
	if len(refused) > 0 {
		st.Digest = "" // what was refused is tried again by the next call
	}
	return refused, st.write(s.file("state.json"))
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
