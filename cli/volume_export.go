package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/cli/render"
	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/api"
)

type volumeExportFlags struct {
	format, snapshot string
	force            bool
	timeout          time.Duration
}

func newVolumeExport(a *app) *cobra.Command {
	var f volumeExportFlags
	cmd := &cobra.Command{
		Use: "export VOLUME FILE", Short: "Write what a volume holds to a file",
		Example: "meson volume export data data.raw\nmeson volume export data data.qcow2 --format qcow2 --snapshot before-upgrade\n" +
			"meson volume export data - | gzip >data.raw.gz",
		Long: "Writes what a volume holds, or what a snapshot of it does, to FILE (- is standard output), and\n" +
			"says its sum. A volume that a machine may write to is refused: take it off, or make a snapshot\n" +
			"and export that. FILE is there when it is whole, and not before; holes stay holes.\n" + volumeName,
		Args: arguments(2, 2),
		ValidArgsFunction: a.completeVolume(func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		}),
		Annotations: exits(exitOK, exitError, exitUsage, exitNotFound, exitConflict, exitDenied, exitInterrupted),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.volumeExport(cmd.Context(), args[0], args[1], f)
		},
	}
	cmd.Flags().StringVar(&f.format, "format", "raw", "what the file will be: `raw` or qcow2")
	cmd.Flags().StringVar(&f.snapshot, "snapshot", "", "what the volume held at this `SNAPSHOT`, by its name or id")
	cmd.Flags().BoolVar(&f.force, "force", false, "write over a file that is there")
	completeFormats(cmd)
	giveUpFlag(cmd, &f.timeout)
	return cmd
}

// exportDocument is what was written, as programs read it.
type exportDocument struct {
	Volume render.Volume `json:"volume"`
	File   string        `json:"file"`
	Format string        `json:"format"`
	Bytes  int64         `json:"bytes"`
	SHA256 string        `json:"sha256"`
}

func (a *app) volumeExport(ctx context.Context, volume, file string, f volumeExportFlags) error {
	if err := checkFormat(f.format); err != nil {
		return err
	}
	if file == "-" && a.env.Terminal.Stdout {
		return usagef("", "standard output is a terminal: name a FILE")
	}
	if _, err := os.Lstat(file); file != "-" && err == nil && !f.force {
		return &core.Error{Kind: core.Conflict, Op: "write", Subject: file, Text: "it is there already", Hint: "--force writes over it"}
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	to, err := a.target(file)
	if err != nil {
		return err
	}
	name := file
	if file == "-" {
		name = "standard output"
	}
	ctx, cancel := a.within(ctx, f.timeout)
	defer cancel()
	out := &summed{to: to, sum: sha256.New(), add: func(int) {}}
	a.job.begin()
	v, err := b.ExportVolume(ctx, api.ExportVolumeRequest{
		Volume: volume, Snapshot: f.snapshot, Format: f.format, To: out,
		Begin: func(total int64) error {
			out.add = a.passed(total, "writing "+name)
			return nil
		},
	})
	err = errors.Join(err, to.finish(err == nil))
	a.job.close()
	if err = gaveUp(ctx, err); err != nil {
		return err
	}
	doc := exportDocument{Volume: volumeDocument(v), File: file, Format: f.format, Bytes: out.bytes, SHA256: hex.EncodeToString(out.sum.Sum(nil))}
	if file == "-" {
		// Standard output is the volume's.
		a.job.say(fmt.Sprintf("%s, sha256 %s", render.Size(doc.Bytes), doc.SHA256))
		return nil
	}
	return a.print(doc, func() error {
		_, err := fmt.Fprintf(a.env.Stdout, "%s: %s of %s\n  sha256     %s\n", render.Visible(file), sizeText(doc.Bytes), a.outs.bold(render.Visible(v.Name)), doc.SHA256)
		return err
	})
}

// target is where exported bytes go. finish ends it, and drops what is not whole.
type target interface {
	io.Writer
	finish(whole bool) error
}

func (a *app) target(file string) (target, error) {
	if file == "-" {
		return stream{a.env.Stdout}, nil
	}
	return newHoled(file)
}

type stream struct{ io.Writer }

func (stream) finish(bool) error { return nil }

// summed counts and sums what it passes on.
type summed struct {
	to    io.Writer
	sum   hash.Hash
	bytes int64
	add   func(n int)
}

// Write passes on.
func (s *summed) Write(p []byte) (int, error) {
	n, err := s.to.Write(p)
	s.bytes += int64(n)
	_, _ = s.sum.Write(p[:n])
	s.add(n)
	return n, err
}
