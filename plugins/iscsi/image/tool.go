package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/mesoncloud/meson/sdk"
)

// overlayOptions are how a new qcow2 is made: the first write to a place copies
// no more than 4 KiB, and the tables of a volume of 256 GiB fit in memory.
const overlayOptions = "cluster_size=128k,extended_l2=on"

// bounds are what a child may use; zero values are no bound.
type bounds struct {
	memoryBytes, fileBytes uint64
	cpuSeconds             uint64
	// isolated takes the network away, where the system lets us.
	isolated bool
}

// qemuImg runs qemu-img to its end. It dies with this process.
func (e *Engine) qemuImg(ctx context.Context, op, subject string, b bounds, percent func(float64), args ...string) error {
	cmd := exec.CommandContext(ctx, e.opt.QEMUImg, args...)
	if b.memoryBytes != 0 {
		limits := []string{
			"--core=0", "--nofile=64",
			"--as=" + strconv.FormatUint(b.memoryBytes, 10),
			"--fsize=" + strconv.FormatUint(b.fileBytes, 10),
			"--cpu=" + strconv.FormatUint(b.cpuSeconds, 10),
			"--", e.opt.QEMUImg,
		}
		cmd = exec.CommandContext(ctx, "prlimit", append(limits, args...)...)
	}
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	var said bytes.Buffer
	cmd.Stderr = &said
	if percent != nil {
		cmd.Stdout = &percents{tell: percent}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	// The signal comes when the thread that began the child ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var err error
	if b.isolated && os.Geteuid() == 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	}
	if err = cmd.Start(); err == nil {
		err = cmd.Wait()
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return failed(op, subject, context.Cause(ctx))
	case errors.Is(err, exec.ErrNotFound):
		return fault(sdk.Unsupported, op, subject, "%v", err)
	}
	out := toolError(op, subject, said.String(), err)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		out.Code = "exit " + strconv.Itoa(exit.ExitCode())
	}
	return out
}

// toolError makes an error of what a program of QEMU's said.
func toolError(op, subject, said string, err error) *sdk.Error {
	said = strings.TrimSpace(said)
	if len(said) > 600 {
		said = said[:600] + "…"
	}
	kind, hint := sdk.Unavailable, ""
	var scope sdk.Scope
	switch {
	case strings.Contains(said, "lock"):
		kind, hint = sdk.Busy, "another process has the file open"
	case strings.Contains(said, "No space left"):
		kind, scope, hint = sdk.Exhausted, sdk.ScopeCapacity, "the filesystem is full"
	}
	if said == "" && err != nil {
		said = err.Error()
	}
	return &sdk.Error{Kind: kind, Scope: scope, Op: op, Subject: subject, Text: said, Hint: hint, Source: sdk.SourceProvider}
}

// percents reads qemu-img's progress, "    (12.50/100%)" after each carriage
// return.
type percents struct {
	tell func(float64)
	rest []byte
}

func (p *percents) Write(b []byte) (int, error) {
	p.rest = append(p.rest, b...)
	for {
		at := bytes.Index(p.rest, []byte("/100%)"))
		if at < 0 {
			if len(p.rest) > 256 {
				p.rest = p.rest[len(p.rest)-256:]
			}
			return len(b), nil
		}
		if open := bytes.LastIndexByte(p.rest[:at], '('); open >= 0 {
			if x, err := strconv.ParseFloat(string(p.rest[open+1:at]), 64); err == nil && x >= 0 && x <= 100 {
				p.tell(x)
			}
		}
		p.rest = p.rest[at+len("/100%)"):]
	}
}

// node is a block node in QEMU's own terms.
type node map[string]any

func (n node) json() string {
	b, err := json.Marshal(n)
	if err != nil {
		panic(fmt.Sprintf("a block node is plain data: %v", err))
	}
	return string(b)
}

// fileNode is the node of one file. Nothing that its header says is followed:
// what lies below it is given by whoever opens it.
func fileNode(dir, file string, format Format, readOnly bool) node {
	n := node{
		"driver": string(format), "read-only": readOnly, "discard": "unmap",
		"file": node{"driver": "file", "filename": filepath.Join(dir, file), "discard": "unmap", "locking": "on"},
	}
	if format == QCOW2 {
		n["backing"] = nil
	}
	return n
}

// tree is the whole chain from the layer id (empty: the active file) downwards
// as one read-only node, for qemu-img.
func (v Volume) tree(id string) node {
	var top node
	below := v.Layout.Below(id)
	if id == "" {
		top = fileNode(v.Dir, v.Layout.Active(), v.Layout.Format, true)
		below = v.Layout.Below(v.Layout.Parent)
	} else {
		top = fileNode(v.Dir, below[0].File(), below[0].Format, true)
		below = below[1:]
	}
	at := top
	for _, x := range below {
		next := fileNode(v.Dir, x.File(), x.Format, true)
		at["backing"] = next
		at = next
	}
	return top
}
