package vault

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mesoncloud/meson/sdk"
)

// failed is err as an Error, with what was being done and to what. What the
// filesystem said becomes the kind that callers react to.
func failed(op, subject string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e := &sdk.Error{Kind: sdk.Unavailable, Op: op, Subject: subject, Source: sdk.SourceProvider, Err: err}
	switch {
	case errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT):
		e.Kind, e.Scope = sdk.Exhausted, sdk.ScopeCapacity
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS):
		e.Kind = sdk.Denied
	case errors.Is(err, fs.ErrNotExist):
		e.Kind = sdk.NotFound
	case errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE):
		e.Hint = "raise the limit of open files"
	}
	return e
}

func refusal(kind sdk.Kind, op, subject, text, hint string) error {
	return &sdk.Error{Kind: kind, Op: op, Subject: subject, Source: sdk.SourceProvider, Text: text, Hint: hint}
}

func notFound(op, subject string) error {
	return refusal(sdk.NotFound, op, subject, "the vault has none", "")
}

// faulty is the refusal to touch a volume with faults.
func faulty(op string, v *Volume) error {
	texts := make([]string, len(v.Faults))
	for i, f := range v.Faults {
		texts[i] = f.Text
	}
	return refusal(sdk.Conflict, op, v.String(), strings.Join(texts, "; "), "put right what is wrong in "+v.Folder)
}
