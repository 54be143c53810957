package iscsi

import (
	"context"
	"errors"
	"os"

	"github.com/google/uuid"

	"github.com/mesoncloud/meson/plugins/iscsi/image"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
)

// reading is what a volume, or a snapshot of it, held at an instant, open to be read
// for as long as it takes. It has no lock of the volume: attachments end and begin
// meanwhile.
type reading struct {
	*image.Reader
	mark *vault.Reading
}

// read opens a layer of a volume (empty: the volume as it is, which nobody writes)
// for what is to be done, such as "an export". The caller has the volume's lock, and
// may give it back then.
func (s *store) read(ctx context.Context, h *vault.Held, op, what, layer string) (*reading, error) {
	v := h.Volume()
	file := v.DataFile
	if one := v.Snapshot(layer); one != nil {
		file = one.File
	}
	if layer == "" && writes(v.State.Uses) {
		return nil, h.Idle(op)
	}
	mark, err := h.Read(what, file)
	if err != nil {
		return nil, err
	}
	s.step("read.noted")
	r, err := s.images.Read(ctx, files(v), image.ReadOptions{Layer: layer, Locks: []*os.File{mark.Lock()}})
	if err != nil {
		mark.End()
		return nil, err
	}
	s.step("read.opened")
	return &reading{Reader: r, mark: mark}, nil
}

// end closes what was read.
func (r *reading) end() error {
	err := r.Close()
	r.mark.End()
	return err
}

// setApart lets a volume be written that is being read at length: what it holds is
// frozen as a layer, which is read on, and it goes on in a new one. A raw image, which
// would be none any more, is Busy.
func (s *store) setApart(ctx context.Context, f found, op string) error {
	return f.at.vault.Hold(ctx, f.Ref(), func(ctx context.Context, h *vault.Held) error {
		err := h.Unread(op)
		if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Code != vault.BeingRead || exposedFormat(h.Volume()) != vault.QCOW2 {
			return err
		}
		if err := s.do(ctx, h, change{Change: image.Change{Op: image.OpSnapshot, Layer: "read-" + uuid.NewString(), Hidden: true}}); err != nil {
			return err
		}
		s.step("read.apart")
		return nil
	})
}
