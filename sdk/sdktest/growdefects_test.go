package sdktest

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

type growsNothing struct{ *MemProvider }

func (d growsNothing) ResizeAttachment(ctx context.Context, req *pb.ResizeAttachmentRequest) (*pb.Instance, error) {
	return d.Get(ctx, &pb.GetRequest{Id: req.GetId()})
}

type cutsFiles struct{ *MemProvider }

func (d cutsFiles) ResizeAttachment(ctx context.Context, req *pb.ResizeAttachmentRequest) (*pb.Instance, error) {
	i, err := d.MemProvider.ResizeAttachment(ctx, req)
	for _, a := range i.GetAttachments() {
		err = errors.Join(err, os.Truncate(a.GetConnection().GetFile().GetFile(), int64(req.GetSizeBytes())))
	}
	return i, err
}

// The cases of growth find a plugin that answers and does nothing, or too much.
func TestSuiteFindsDefectsOfGrowth(t *testing.T) {
	t.Parallel()
	for _, d := range []struct {
		defect string
		plugin Plugin
		names  []string // of cases that must fail
	}{
		{"grows nothing", defective(func(m *MemProvider) growsNothing { return growsNothing{m} }), []string{"attachment/grow", "attachment/missing"}},
		{"cuts files off", defective(func(m *MemProvider) cutsFiles { return cutsFiles{m} }), []string{"attachment/grow"}},
	} {
		tg := withFiles(t, target(func(context.Context) (Plugin, error) { return d.plugin, nil }))
		tg.Config, tg.Running, tg.Call = strings.Replace(memConfig, "20ms", "0s", 1), 2*time.Second, time.Second
		e, err := NewEnv(t.Context(), tg)
		if err != nil {
			t.Fatal(err)
		}
		failed := map[string]bool{}
		for _, c := range growCases() {
			err := RunCase(t.Context(), e, c)
			failed[c.Name] = err != nil && !errors.Is(err, ErrSkip)
		}
		for _, name := range d.names {
			if !failed[name] {
				t.Errorf("%s: %s passed", d.defect, name)
			}
		}
	}
}
