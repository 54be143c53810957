package image

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"

	"github.com/mesoncloud/meson/sdk"
)

// Measure is about how many bytes a copy of all of it takes, in either format: what it
// holds, and what a qcow2 says of that.
func (r *Reader) Measure(ctx context.Context) (uint64, error) {
	const op = "measure volume"
	cmd := exec.CommandContext(ctx, r.e.opt.QEMUImg, "measure", "--output=json", "-O", string(QCOW2), "-o", overlayOptions, "json:"+r.node().json())
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return 0, failed(op, r.dir, context.Cause(ctx))
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return 0, toolError(op, r.dir, string(exit.Stderr), err)
	}
	if err != nil {
		return 0, failed(op, r.dir, err)
	}
	var said struct {
		Required uint64 `json:"required"`
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return 0, &sdk.Error{Kind: sdk.Internal, Op: op, Subject: r.dir, Source: sdk.SourceProvider, Err: err}
	}
	return said.Required, nil
}
