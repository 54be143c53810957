package cli

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/spec"
)

// specFlags are what may be laid over a spec.
type specFlags struct {
	sets    []string
	volumes string
}

func (f *specFlags) bind(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.sets, "set", nil, "set a `KEY=VALUE` over the spec's own, as in slots=4 (repeatable)")
	cmd.Flags().StringVar(&f.volumes, "volumes", "", "add the volumes listed in `FILE`")
}

// pledge reads the spec in the file, "-" being standard input, and lays the
// flags over it.
func (a *app) pledge(ctx context.Context, file string, f specFlags) (core.Pledge, error) {
	data, name, err := a.read(ctx, file)
	if err != nil {
		return core.Pledge{}, err
	}
	opts := spec.Options{Name: name, Sets: f.sets}
	var verr error
	if f.volumes != "" {
		opts.Volumes, verr = a.volumes(ctx, f.volumes)
	}
	p, err := spec.Parse(data, opts)
	if err := errors.Join(err, verr); err != nil {
		return core.Pledge{}, unjoin(err)
	}
	return p, nil
}

func (a *app) volumes(ctx context.Context, file string) ([]core.VolumeRequest, error) {
	data, name, err := a.read(ctx, file)
	if err != nil {
		return nil, err
	}
	return spec.ParseVolumes(data, spec.Options{Name: name})
}

// read gives a file's bytes, bounded by what a spec may be long, and the name
// that errors call it by.
func (a *app) read(ctx context.Context, file string) ([]byte, string, error) {
	if file == "-" {
		data, err := readWhile(ctx, func() ([]byte, error) { return spec.Read(a.env.Stdin) })
		return data, "standard input", err
	}
	data, err := readWhile(ctx, func() ([]byte, error) {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return spec.Read(f)
	})
	return data, file, openError(file, err)
}

// readWhile reads until the end or until ctx ends: a terminal nobody types at,
// or a pipe that nobody writes to, must not outlast an interrupt.
func readWhile(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := read()
		done <- result{data, err}
	}()
	select {
	case res := <-done:
		return res.data, res.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// openError is what a file that the user named and that cannot be read is; an
// error that says more than that stays.
func openError(file string, err error) error {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return &core.Error{Kind: core.Invalid, Op: "read", Subject: cmp.Or(file, `""`), Text: p.Err.Error()}
	}
	if e, ok := errors.AsType[*core.Error](err); ok {
		named := *e
		named.Subject = cmp.Or(named.Subject, file)
		return &named
	}
	return &core.Error{Kind: core.Invalid, Op: "read", Subject: file, Text: err.Error()}
}

// unjoin unpacks a join of one error.
func unjoin(err error) error {
	if j, ok := err.(interface{ Unwrap() []error }); ok && len(j.Unwrap()) == 1 {
		return j.Unwrap()[0]
	}
	return err
}
