package api

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// BackupResult is a backup that was made.
type BackupResult struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

// RestoreRequest puts a backup in the place of the ledger.
type RestoreRequest struct {
	File string
	// Force restores also where the ledger that is there holds allocations that
	// are not final, or cannot be read.
	Force bool
}

// RestoreResult is what a restore did.
type RestoreResult struct {
	File string `json:"file"`
	// Ledger is the file that was replaced, Kept the one that has what was there;
	// empty if nothing was.
	Ledger string `json:"ledger"`
	Kept   string `json:"kept"`
	// Allocations counts those of the restored ledger, Open those that are not
	// final.
	Allocations int `json:"allocations"`
	Open        int `json:"open"`
}

// Backup writes a copy of the ledger, without secrets, to a file that must not be
// there yet.
func (m *Meson) Backup(ctx context.Context, file string) (BackupResult, error) {
	store, ok := m.Ledger.(interface {
		Backup(ctx context.Context, path string) error
	})
	if !ok {
		return BackupResult{}, core.Errorf(core.Unsupported, "this ledger is backed up with the tools of its database")
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return BackupResult{}, &core.Error{Kind: core.Invalid, Op: "back up ledger", Subject: file, Err: err}
	}
	if err := store.Backup(ctx, file); err != nil {
		return BackupResult{}, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return BackupResult{}, &core.Error{Kind: core.Internal, Op: "back up ledger", Subject: file, Err: err}
	}
	return BackupResult{File: file, Bytes: info.Size()}, nil
}

// Restore is ledger.Restore for the ledger at a path. It needs no Meson: the
// ledger that is there may be one that cannot be opened.
func Restore(ctx context.Context, path string, req RestoreRequest, log *slog.Logger, now func() time.Time) (RestoreResult, error) {
	file, err := filepath.Abs(req.File)
	if err != nil {
		return RestoreResult{}, &core.Error{Kind: core.Invalid, Op: "restore ledger", Subject: req.File, Err: err}
	}
	done, err := ledger.Restore(ctx, path, file, ledger.RestoreOptions{Force: req.Force, Log: log, Clock: now})
	if err != nil {
		return RestoreResult{}, err
	}
	return RestoreResult{File: file, Ledger: done.Ledger, Kept: done.Kept, Allocations: done.Allocations, Open: done.Open}, nil
}
