package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/mesoncloud/meson/sdk"
)

func fault(kind sdk.Kind, op, subject, format string, args ...any) *sdk.Error {
	return &sdk.Error{Kind: kind, Op: op, Subject: subject, Text: fmt.Sprintf(format, args...), Source: sdk.SourceProvider}
}

func invalid(op, text string) error {
	return &sdk.Error{Kind: sdk.Invalid, Op: op, Text: text, Source: sdk.SourceProvider}
}

// failed wraps a cause that is no Error yet, by what the system says.
func failed(op, subject string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e
	}
	kind, hint := sdk.Unavailable, ""
	var scope sdk.Scope
	switch {
	case errors.Is(err, fs.ErrNotExist):
		kind = sdk.NotFound
	case errors.Is(err, fs.ErrPermission):
		kind, hint = sdk.Unsupported, "the vault's folders must belong to whoever runs the vault"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		kind, scope, hint = sdk.Exhausted, sdk.ScopeCapacity, "the filesystem is full"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		kind = sdk.Unavailable
	}
	return &sdk.Error{Kind: kind, Scope: scope, Op: op, Subject: subject, Hint: hint, Source: sdk.SourceProvider, Err: err}
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
