package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// write makes the file whole or not at all; Conflict if the name is taken.
func write(path string, i *pb.Instance) (*pb.Instance, error) {
	data, err := protojson.Marshal(i)
	if err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	part := filepath.Join(temp, "part")
	if err := os.WriteFile(part, data, 0o600); err != nil {
		return nil, failure(err)
	}
	return i, failure(os.Link(part, path))
}

func read(path string) (*pb.Instance, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, failure(err)
	}
	i := &pb.Instance{}
	return i, protojson.Unmarshal(data, i)
}

// failure gives an error its kind, by which the broker decides what to do.
func failure(err error) error {
	kind := sdk.Uncertain
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		kind = sdk.NotFound
	case errors.Is(err, fs.ErrExist):
		kind = sdk.Conflict
	case errors.Is(err, fs.ErrPermission):
		kind = sdk.Denied
	}
	return &sdk.Error{Kind: kind, Source: sdk.SourceProvider, Err: err}
}

func unless(kind sdk.Kind, err error) error {
	if sdk.KindOf(err) == kind {
		return nil
	}
	return err
}

// watch looks again and again; files tell of no changes.
func watch(ctx context.Context, get func() (*pb.Instance, error), send func(*pb.Instance) error) error {
	var last *pb.Instance
	for {
		i, err := get()
		switch {
		case sdk.KindOf(err) == sdk.NotFound && last != nil:
			last.State = pb.InstanceState_INSTANCE_STATE_GONE
			return send(last)
		case err != nil:
			return err
		case last == nil:
			if err := send(i); err != nil {
				return err
			}
			last = i
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
