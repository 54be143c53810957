package share

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/mesoncloud/meson/sdk"
)

// Usage is what a directory takes.
type Usage struct {
	// Bytes are those of the disk's blocks, so that holes are free; a file with
	// several names counts once.
	Bytes uint64
	Files uint64
}

// Used walks through a directory and adds up what it takes. What changes
// meanwhile may be counted or not. It follows no symbolic links and looks into
// no other filesystem.
//
// Nothing here keeps clients within a size: that is the filesystem's to do. The
// server has given up the privilege of exceeding quotas, so that a project quota
// of the directory, or a filesystem of its own, binds every client, root too.
func Used(ctx context.Context, dir string) (Usage, error) {
	var out Usage
	seen := map[uint64]bool{}
	device, first := uint64(0), true
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var info fs.FileInfo
		if err == nil {
			info, err = d.Info()
		}
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil
		}
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		if first {
			device, first = st.Dev, false
		}
		if st.Dev != device {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if st.Nlink > 1 && !d.IsDir() {
			if seen[st.Ino] {
				return nil
			}
			seen[st.Ino] = true
		}
		out.Bytes += uint64(st.Blocks) * 512
		if !d.IsDir() {
			out.Files++
		}
		return nil
	})
	if err != nil {
		kind := sdk.Unavailable
		if errors.Is(err, fs.ErrNotExist) {
			kind = sdk.NotFound
		}
		return Usage{}, &sdk.Error{Kind: kind, Op: "measure directory", Subject: dir, Source: sdk.SourceProvider, Err: err}
	}
	return out, nil
}
