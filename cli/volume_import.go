package cli

import (
	"context"
	"encoding/binary"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

type volumeImportFlags struct {
	volume         volumeFlags
	market         marketFlags
	format, sha256 string
	dryRun         bool
	timeout        time.Duration
}

func newVolumeImport(a *app) *cobra.Command {
	var f volumeImportFlags
	cmd := &cobra.Command{
		Use: "import NAME FILE", Short: "Make a volume of a file",
		Example: "meson volume import root debian-12.raw --format raw --bootable\n" +
			"zcat disk.raw.gz | meson volume import data - --format raw --size 10GiB",
		Long: "Makes a volume, NAME, of the bytes in FILE (- is standard input), at the cheapest provider\n" +
			"or a named one. --format says what the file is, and is never guessed; a qcow2 with a backing\n" +
			"file or other data outside of itself is refused. Without --size the volume is as large as the\n" +
			"file's disk, to the next multiple of 0.125GiB. Cut off, it leaves nothing.\n\n" + render.RoundingRule,
		Args: arguments(2, 2),
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitNoOffer, exitUndone, exitGoing,
			exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.volumeImport(cmd.Context(), args[0], args[1], f)
		},
	}
	f.volume.bind(cmd, false)
	cmd.Flags().StringVar(&f.format, "format", "", "what the file is: `raw` or qcow2")
	cmd.Flags().StringVar(&f.sha256, "sha256", "", "refuse a file that has not this `SUM`")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "choose, and stop before anything is made")
	completeFormats(cmd)
	giveUpFlag(cmd, &f.timeout)
	f.market.bind(a, cmd)
	return cmd
}

func (a *app) volumeImport(ctx context.Context, name, file string, f volumeImportFlags) error {
	if f.format == "" {
		return usagef("a file's format is never guessed: what a guest wrote could pass for another", "--format is missing: want raw or qcow2")
	}
	if err := checkFormat(f.format); err != nil {
		return err
	}
	if err := checkSum(f.sha256); err != nil {
		return err
	}
	market, err := f.market.read(a.env.Getenv)
	if err != nil {
		return err
	}
	data, length, err := a.openData(file, f.format)
	if err != nil {
		return err
	}
	defer data.Close()
	if f.volume.size.bytes == 0 && length.disk > 0 {
		f.volume.size.bytes = roundedUp(length.disk)
	}
	spec, err := f.volume.read(true)
	if err != nil {
		return err
	}
	if length.disk > spec.SizeBytes {
		return usagef("", "--size: %s is less than the %s of the disk in %s", sizeWord(spec.SizeBytes), sizeText(length.disk), fileName(file))
	}
	ctx, cancel := a.within(ctx, f.timeout)
	defer cancel()
	begun := false
	err = a.made(ctx, f.dryRun, 0, func(ctx context.Context, b api.Broker) (api.VolumeInfo, error) {
		v, err := b.ImportVolume(ctx, api.ImportVolumeRequest{
			CreateVolumeRequest: api.CreateVolumeRequest{
				Name: name, Spec: spec, Horizon: market.Horizon, Policy: market.Policy, DryRun: f.dryRun, Progress: a.job.progress,
			},
			Format: f.format, SHA256: f.sha256, Data: a.counted(endedBy(ctx, data), length.file, "sending "+fileName(file)),
		})
		begun = v.ID != ""
		return v, err
	})
	if !begun {
		err = gaveUp(ctx, err)
	}
	return err
}

// endedBy reads until the context ends, also where data waits for somebody who writes
// nothing.
func endedBy(ctx context.Context, data io.Reader) io.Reader {
	if f, ok := data.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return data
		}
	}
	r, w := io.Pipe()
	go func() {
		_, err := io.CopyBuffer(w, data, make([]byte, 1<<20))
		_ = w.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() {
		_ = r.CloseWithError(&core.Error{Kind: core.Interrupted, Text: "interrupted", Err: ctx.Err()})
	})
	return r
}

// dataLength is how long a file is, and the disk in it; 0 where that is not known.
type dataLength struct{ file, disk int64 }

// openData opens what is sent.
func (a *app) openData(file, format string) (io.ReadCloser, dataLength, error) {
	if file == "-" {
		return io.NopCloser(a.env.Stdin), dataLength{}, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, dataLength{}, openError(file, err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = core.Errorf(core.Invalid, "it is a directory")
	case info.Mode().IsRegular():
		length := dataLength{file: info.Size(), disk: info.Size()}
		if format == "qcow2" {
			length.disk, err = qcow2Size(f)
		}
		if err == nil && info.Size() == 0 {
			err = core.Errorf(core.Invalid, "it is empty")
		}
		if err == nil {
			return f, length, nil
		}
	default:
		return f, dataLength{}, nil
	}
	_ = f.Close()
	return nil, dataLength{}, openError(file, err)
}

// qcow2Size is the size of the disk in a file that is said to be a qcow2.
func qcow2Size(f io.ReaderAt) (int64, error) {
	header := make([]byte, 32)
	if _, err := f.ReadAt(header, 0); err != nil || string(header[:4]) != "QFI\xfb" {
		return 0, &core.Error{Kind: core.Invalid, Text: "it is no qcow2", Hint: "--format says what it is"}
	}
	size := binary.BigEndian.Uint64(header[24:])
	if size == 0 || size > maxSize {
		return 0, core.Errorf(core.Invalid, "its disk has %d bytes, which no volume can have", size)
	}
	return int64(size), nil
}

// counted reads data, and shows how much of the total has passed.
func (a *app) counted(data io.Reader, total int64, what string) io.Reader {
	return &counter{Reader: data, add: a.passed(total, what)}
}

type counter struct {
	io.Reader
	add func(n int)
}

// Read counts.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.add(n)
	return n, err
}

// passed shows how many bytes of a total have passed.
func (a *app) passed(total int64, what string) func(n int) {
	var done int64
	begun, percent := a.env.Now(), -1
	return func(n int) {
		if done += int64(n); total <= 0 {
			return
		}
		if p := int(min(100*done/total, 100)); p != percent {
			percent = p
			a.job.progress(api.Progress{Step: "transfer", Text: what, Percent: p, Since: a.env.Now().Sub(begun)})
		}
	}
}
