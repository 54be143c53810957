package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/mesoncloud/meson/cli/mapping"
	"github.com/mesoncloud/meson/core"
)

// memMapper is a cli.Mapper without daemons, whose mappings are kept in a file.
// Its faults are those of its commands in stories.
type memMapper struct {
	file string
	// fails is why the next Map does not work, opened who has all files open.
	fails, opened string
	// none means that there is nothing to map with.
	none bool
	// waits lets Map wait until it is ended.
	waits bool
}

func (m *memMapper) Consumer(networks []string) core.Consumer {
	if m.none {
		return core.Consumer{}
	}
	return core.Consumer{
		Kinds: []core.ConnectionKind{core.ConnectFile, core.ConnectISCSI, core.ConnectNBD}, Host: "mem-host", Networks: networks,
		InitiatorIQN: "iqn.2026-01.dev.meson:map-1",
	}
}

func (m *memMapper) Map(ctx context.Context, req mapping.Request) (mapping.Mapping, error) {
	if m.waits {
		<-ctx.Done()
		return mapping.Mapping{}, ctx.Err()
	}
	if m.fails != "" {
		return mapping.Mapping{}, core.Errorf(core.Unavailable, "%s", m.fails)
	}
	if req.Connection.Kind == core.ConnectISCSI && req.Connection.ISCSI.CHAPPassword.IsZero() {
		return mapping.Mapping{}, core.Errorf(core.Internal, "no password")
	}
	one := mapping.Mapping{
		ID: req.ID, Name: req.Name, VolumeID: req.VolumeID, Kind: req.Connection.Kind, As: req.As, ReadOnly: req.Connection.ReadOnly,
		Since: now(), State: mapping.Active, SizeBytes: 1 << 30,
	}
	switch {
	case req.As == mapping.AsNBD:
		one.URI = "nbd+unix:///volume?socket=/maps/" + req.Name
	case req.File != "":
		one.File = req.File
	default:
		one.File = "/maps/" + req.Name
	}
	all, err := m.List(ctx)
	if err != nil {
		return one, err
	}
	return one, m.keep(append(all, one))
}

func (m *memMapper) Unmap(ctx context.Context, id string, opts mapping.UnmapOptions) error {
	if m.opened != "" && !opts.Force {
		return &core.Error{Kind: core.Busy, Op: "unmap volume", Err: &mapping.BusyError{Holders: []string{m.opened}}}
	}
	all, err := m.List(ctx)
	if err != nil {
		return err
	}
	return m.keep(slices.DeleteFunc(all, func(one mapping.Mapping) bool { return one.ID == id }))
}

func (m *memMapper) List(context.Context) ([]mapping.Mapping, error) {
	data, err := os.ReadFile(m.file)
	if os.IsNotExist(err) {
		return nil, nil
	}
	var all []mapping.Mapping
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	return all, err
}

func (m *memMapper) keep(all []mapping.Mapping) error {
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.WriteFile(m.file, data, 0o600)
}

// ails sets what is wrong with the mapper.
func (m *memMapper) ails(args []string) error {
	switch args[0] {
	case "fails":
		m.fails = args[1]
	case "open":
		m.opened = args[1]
	case "waits":
		m.waits = true
	case "none":
		m.none = true
	case "gone":
		return os.Remove(m.file)
	case "well":
		*m = memMapper{file: m.file}
	default:
		return fmt.Errorf("mapper %s", args[0])
	}
	return nil
}
