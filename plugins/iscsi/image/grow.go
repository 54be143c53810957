package image

import (
	"context"
	"errors"
	"fmt"

	"github.com/mesoncloud/meson/sdk"
)

// Size is how large the active file says that it is, whoever has it open.
func (e *Engine) Size(v Volume) (uint64, error) {
	const op = "measure volume"
	if v.Layout.Format == QCOW2 {
		h, err := readHeader(v.active())
		return h.sizeBytes, failed(op, v.active(), err)
	}
	st, err := stat(v.active())
	return uint64(max(st.Size, 0)), failed(op, v.active(), err)
}

// Grow lets the active file of a volume that nothing serves grow, or finds that it
// is as large, and has that on disk. Other than Do it needs no record: at whatever
// instant it is cut off, the same again goes on. Busy: somebody has the file open,
// and its size is his to change.
func (e *Engine) Grow(ctx context.Context, v Volume, sizeBytes uint64) error {
	if err := e.checkSize(opChange, sizeBytes); err != nil {
		return err
	}
	have, err := e.Size(v)
	if err == nil && have < sizeBytes {
		if err := v.verify(); err != nil {
			return err
		}
		if err := failed(opChange, v.Dir, e.resize(ctx, v, Change{SizeBytes: sizeBytes})); err != nil {
			return err
		}
		have, err = e.Size(v)
	}
	if err != nil {
		return err
	}
	if have < sizeBytes {
		return &sdk.Error{Kind: sdk.Uncertain, Op: opChange, Subject: v.active(), Source: sdk.SourceProvider, Text: fmt.Sprintf("it was to have %d bytes, and has %d", sizeBytes, have)}
	}
	return failed(opChange, v.Dir, errors.Join(syncFile(v.active()), syncDir(v.Dir)))
}
