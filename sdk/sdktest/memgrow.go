package sdktest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.AttachmentResizer = (*MemProvider)(nil)

// ResizeAttachment grows the file of an attachment, where there is one: it is all of
// a volume that is not in memory.
func (m *MemProvider) ResizeAttachment(ctx context.Context, req *pb.ResizeAttachmentRequest) (*pb.Instance, error) {
	return m.reattach(ctx, "resize-attachment", req.GetBroker(), req.GetId(), func(machine *memMachine) error {
		i := slices.IndexFunc(machine.Attachments, func(text string) bool { return attachmentOf(text).GetId() == req.GetAttachmentId() })
		if i < 0 {
			return sdk.Errorf(sdk.NotFound, "no such attachment")
		}
		c := attachmentOf(machine.Attachments[i]).GetConnection()
		switch {
		case c.GetFile() == nil:
			return sdk.Errorf(sdk.Unsupported, "attachment %s is served by somebody else", req.GetAttachmentId())
		case c.GetReadOnly():
			return sdk.Errorf(sdk.Denied, "attachment %s only reads", req.GetAttachmentId())
		case machine.Stopped:
			return nil
		}
		return growFile(c.GetFile().GetFile(), req.GetSizeBytes())
	})
}

func growFile(path string, size uint64) error {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case uint64(st.Size()) >= size:
		return nil
	}
	return os.Truncate(path, int64(size))
}
