package sdktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

func describes(_ context.Context, e *Env) error {
	var faults []error
	d := e.describe
	if !regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`).MatchString(d.GetName()) {
		faults = append(faults, fmt.Errorf("name %q", d.GetName()))
	}
	if d.GetVersion() == "" || d.GetSummary() == "" {
		faults = append(faults, fmt.Errorf("version %q, summary %q: want both", d.GetVersion(), d.GetSummary()))
	}
	if !e.Has(pb.Plugin_ServiceDesc.ServiceName) || (!e.Has(pb.Compute_ServiceDesc.ServiceName) && !e.Has(pb.Storage_ServiceDesc.ServiceName)) {
		faults = append(faults, fmt.Errorf("services %v: want Plugin, and Compute or Storage", d.GetServices()))
	}
	if sorted := slices.Sorted(slices.Values(d.GetServices())); len(slices.Compact(sorted)) != len(d.GetServices()) {
		faults = append(faults, fmt.Errorf("services %v: one is listed twice", d.GetServices()))
	}
	return errors.Join(faults...)
}

// servicesAreAbilities asks each service about something that does not exist:
// who has the service says anything but Unsupported.
func servicesAreAbilities(ctx context.Context, e *Env) error {
	ctx, cancel := context.WithTimeout(ctx, e.Target.Call)
	defer cancel()
	p, err := e.Plugin.Provider(providerName)
	if err != nil {
		return err
	}
	const none = "no-such-id"
	var faults []error
	for _, name := range serviceNames() {
		err, implemented := probe(ctx, p, name, none)
		has := implemented && sdk.KindOf(err) != sdk.Unsupported
		if has != e.Has(name) {
			faults = append(faults, fmt.Errorf("%s: listed by Describe: %v, answers: %v (%v)", name, e.Has(name), has, err))
		}
	}
	return errors.Join(faults...)
}

func probe(ctx context.Context, p sdk.Provider, service, id string) (err error, implemented bool) {
	switch service {
	case pb.Compute_ServiceDesc.ServiceName:
		if c, ok := p.(sdk.Compute); ok {
			_, err := c.Get(ctx, &pb.GetRequest{Id: id})
			return err, true
		}
	case pb.Storage_ServiceDesc.ServiceName:
		if s, ok := p.(sdk.Storage); ok {
			_, err := s.GetVolume(ctx, &pb.GetVolumeRequest{Id: id})
			return err, true
		}
	case pb.Power_ServiceDesc.ServiceName:
		if w, ok := p.(sdk.Power); ok {
			_, err := w.SetPower(ctx, &pb.SetPowerRequest{Id: id, Action: pb.SetPowerRequest_ACTION_START})
			return err, true
		}
	case pb.Console_ServiceDesc.ServiceName:
		if c, ok := p.(sdk.Console); ok {
			return c.OpenConsole(ctx, &pb.ConsoleRequest{Id: id}, silent{}), true
		}
	case pb.Attacher_ServiceDesc.ServiceName:
		if a, ok := p.(sdk.Attacher); ok {
			_, err := a.Detach(ctx, &pb.DetachRequest{Id: id, AttachmentId: id})
			return err, true
		}
	case pb.AttachmentResizer_ServiceDesc.ServiceName:
		if r, ok := p.(sdk.AttachmentResizer); ok {
			_, err := r.ResizeAttachment(ctx, &pb.ResizeAttachmentRequest{Id: id, AttachmentId: id, SizeBytes: 1})
			return err, true
		}
	case pb.Exporter_ServiceDesc.ServiceName:
		if x, ok := p.(sdk.Exporter); ok {
			return x.Unexport(ctx, &pb.UnexportRequest{VolumeId: id, AttachmentId: id}), true
		}
	default:
		return probeVolumes(ctx, p, service, id)
	}
	return nil, false
}

// probeVolumes is probe for the abilities of volumes.
func probeVolumes(ctx context.Context, p sdk.Provider, service, id string) (err error, implemented bool) {
	switch service {
	case pb.Resizer_ServiceDesc.ServiceName:
		if r, ok := p.(sdk.Resizer); ok {
			_, err := r.ResizeVolume(ctx, &pb.ResizeVolumeRequest{Id: id, SizeBytes: 1})
			return err, true
		}
	case pb.Snapshotter_ServiceDesc.ServiceName:
		if s, ok := p.(sdk.Snapshotter); ok {
			return s.DeleteSnapshot(ctx, &pb.DeleteSnapshotRequest{VolumeId: id, Id: id}), true
		}
	case pb.Locker_ServiceDesc.ServiceName:
		if l, ok := p.(sdk.Locker); ok {
			_, err := l.UnlockVolume(ctx, &pb.UnlockVolumeRequest{Id: id, Holder: id})
			return err, true
		}
	case pb.Renamer_ServiceDesc.ServiceName:
		if r, ok := p.(sdk.Renamer); ok {
			_, err := r.RenameVolume(ctx, &pb.RenameVolumeRequest{Id: id, Name: id})
			return err, true
		}
	case pb.Converter_ServiceDesc.ServiceName:
		if c, ok := p.(sdk.Converter); ok {
			_, err := c.ConvertVolume(ctx, &pb.ConvertVolumeRequest{Id: id, Format: "raw"})
			return err, true
		}
	case pb.Images_ServiceDesc.ServiceName:
		if i, ok := p.(sdk.Images); ok {
			return i.DeleteImage(ctx, &pb.DeleteImageRequest{Id: id}), true
		}
	case pb.Transfer_ServiceDesc.ServiceName:
		if t, ok := p.(sdk.Transfer); ok {
			nothing := func(uint64) error { return nil }
			return t.ExportVolume(ctx, &pb.ExportVolumeRequest{Id: id, Format: "raw"}, nothing, io.Discard), true
		}
	}
	return nil, false
}

// silent is a caller of a console who says nothing and hears nothing.
type silent struct{}

func (silent) Read([]byte) (int, error)    { return 0, io.EOF }
func (silent) Write(p []byte) (int, error) { return len(p), nil }

func schemaIsValid(_ context.Context, e *Env) error {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(e.describe.GetConfigSchema()))
	if err != nil {
		return fmt.Errorf("the schema is not JSON: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("config.json", doc); err != nil {
		return err
	}
	schema, err := c.Compile("config.json")
	if err != nil {
		return err
	}
	config, err := jsonschema.UnmarshalJSON(strings.NewReader(e.Target.Config))
	if err != nil {
		return fmt.Errorf("the target's settings are not JSON: %w", err)
	}
	return schema.Validate(config)
}

func describeJSON(_ context.Context, e *Env) error {
	if e.Target.DescribeJSON == nil {
		return ErrSkip
	}
	var printed pb.DescribeResponse
	if err := protojson.Unmarshal(e.Target.DescribeJSON, &printed); err != nil {
		return err
	}
	if !proto.Equal(&printed, e.describe) {
		return fmt.Errorf("printed %v, answered %v", &printed, e.describe)
	}
	return nil
}
