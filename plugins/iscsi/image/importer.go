package image

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mesoncloud/meson/sdk"
)

const opImport = "import image"

// spoolName is what an image is read into.
const spoolName = asidePrefix + "import.part"

// Import makes the active file of a new volume in dir, which exists and nobody
// sees yet, from an image. The image is read once, its sha256 checked. A qcow2 is
// refused, as Invalid, if it has a backing file, a data file, encryption,
// snapshots, a feature that is not known, or an unfit size; it is then converted
// by a child without network (where this process may take it away) and with
// bounds, and the result checked. After an error or a cancel nothing of it is left
// in dir.
func (e *Engine) Import(ctx context.Context, dir string, opt ImportOptions) (Layout, error) {
	if err := e.checkImport(&opt); err != nil {
		return Layout{}, err
	}
	out, err := e.importTo(ctx, dir, opt)
	_ = os.Remove(filepath.Join(dir, spoolName))
	if err != nil {
		_ = os.Remove(filepath.Join(dir, DataFile))
		return Layout{}, failed(opImport, dir, err)
	}
	return out, nil
}

func (e *Engine) checkImport(opt *ImportOptions) error {
	var faults []sdk.Fault
	for _, x := range []struct {
		path string
		f    Format
	}{{"from", opt.From}, {"to", opt.To}} {
		if !x.f.Valid() {
			faults = append(faults, sdk.Fault{Path: x.path, Have: fmt.Sprintf("%q", shorten(string(x.f))), Want: "raw or qcow2"})
		}
	}
	if b, err := hex.DecodeString(opt.SHA256); err != nil || len(b) != 32 && opt.SHA256 != "" {
		faults = append(faults, sdk.Fault{Path: "sha256", Have: shorten(opt.SHA256), Want: "64 hexadecimal digits"})
	}
	if opt.RoundBytes%512 != 0 || opt.SizeBytes%512 != 0 || opt.SizeBytes > e.opt.MaxVirtualBytes {
		faults = append(faults, sdk.Fault{Path: "size", Text: "want a multiple of 512 bytes up to " + itoa(e.opt.MaxVirtualBytes)})
	}
	if opt.RoundBytes == 0 {
		opt.RoundBytes = 512
	}
	if opt.MaxReadBytes == 0 {
		opt.MaxReadBytes = e.opt.MaxVirtualBytes + e.opt.MaxVirtualBytes/10
	}
	if opt.Progress == nil {
		opt.Progress = func(string, float64) {}
	}
	return sdk.InvalidFaults(opImport, faults)
}

func (e *Engine) importTo(ctx context.Context, dir string, opt ImportOptions) (Layout, error) {
	path := filepath.Join(dir, DataFile)
	if found, err := exists(path); err != nil || found {
		return Layout{}, errors.Join(err, fault(sdk.Conflict, opImport, path, "is there already"))
	}
	length, err := e.fetch(ctx, dir, opt)
	if err != nil {
		return Layout{}, err
	}
	e.opt.Step("fetched")
	out := Layout{Format: opt.To, SizeBytes: opt.SizeBytes}
	size, err := e.gate(ctx, dir, opt, length)
	if err != nil {
		return Layout{}, err
	}
	if least := (size + opt.RoundBytes - 1) / opt.RoundBytes * opt.RoundBytes; out.SizeBytes == 0 {
		out.SizeBytes = least
	}
	if err := e.checkSize(opImport, out.SizeBytes); err != nil {
		return Layout{}, err
	}
	if out.SizeBytes < size {
		return Layout{}, invalid(opImport, fmt.Sprintf("the image is of %d bytes, more than the volume's %d", size, out.SizeBytes))
	}
	spooled := filepath.Join(dir, spoolName)
	if opt.From == Raw && opt.To == Raw {
		err = os.Rename(spooled, path)
	} else {
		from := Volume{Dir: dir, Layout: Layout{File: spoolName, Format: opt.From}}
		err = e.convert(ctx, from, "", path, opt.To, childBounds(size), func(x float64) { opt.Progress("convert", x) })
	}
	if err == nil {
		e.opt.Step("converted")
		err = e.extend(ctx, path, opt.To, out.SizeBytes)
	}
	if err == nil && opt.To == QCOW2 {
		opt.Progress("check", 0)
		err = e.check(ctx, dir, DataFile, bounds{})
	}
	if err == nil {
		err = errors.Join(syncFile(path), syncDir(dir))
	}
	return out, err
}

// fetch reads the source to its end.
func (e *Engine) fetch(ctx context.Context, dir string, opt ImportOptions) (uint64, error) {
	from, total, err := opt.Source.open(ctx)
	if err != nil {
		return 0, err
	}
	defer from.Close()
	f, err := os.OpenFile(filepath.Join(dir, spoolName), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, activeMode)
	if err != nil {
		return 0, err
	}
	s := &spool{f: f, max: opt.MaxReadBytes, total: total, tell: func(x float64) { opt.Progress("fetch", x) }}
	n, err := s.run(from, opt.SHA256)
	return n, errors.Join(err, f.Close())
}

// gate decides whether an image that was read may be opened at all, and returns
// its size.
func (e *Engine) gate(ctx context.Context, dir string, opt ImportOptions, length uint64) (uint64, error) {
	if opt.From == Raw {
		if length > e.opt.MaxVirtualBytes {
			return 0, invalid(opImport, fmt.Sprintf("the image is of %d bytes; at most %d can be", length, e.opt.MaxVirtualBytes))
		}
		return length, nil
	}
	h, err := readHeader(filepath.Join(dir, spoolName))
	if err != nil {
		return 0, invalid(opImport, err.Error())
	}
	if err := sdk.InvalidFaults(opImport, h.foreign(e.opt.MaxVirtualBytes)); err != nil {
		return 0, err
	}
	return h.sizeBytes, e.check(ctx, dir, spoolName, childBounds(h.sizeBytes))
}

// checkLeaks is how qemu-img check ends where nothing is wrong but that space is
// taken that nobody needs.
const checkLeaks = "exit 3"

// check holds a qcow2's tables against each other.
func (e *Engine) check(ctx context.Context, dir, name string, b bounds) error {
	n := fileNode(dir, name, QCOW2, true)
	err := e.qemuImg(ctx, "check image", filepath.Join(dir, name), b, nil, "check", "-q", "json:"+n.json())
	if x, ok := errors.AsType[*sdk.Error](err); ok && x.Code == checkLeaks {
		return nil
	}
	return err
}

// childBounds are for a child that reads an image of somebody else's.
func childBounds(sizeBytes uint64) bounds {
	return bounds{
		memoryBytes: 4 << 30, fileBytes: sizeBytes + sizeBytes/50 + 256<<20,
		cpuSeconds: 300 + sizeBytes>>24, isolated: true,
	}
}
