package iscsi

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/plugins/iscsi/share"
	"github.com/mesoncloud/meson/plugins/iscsi/target"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

var _ sdk.Exporter = (*Provider)(nil)

const opExport = "export volume"

// Export records the attachment in the vault, with an epoch that nobody had before
// where it may write, and serves it then. An error after the record leaves it
// standing: the same Export goes on, and Unexport ends it. An attachment whose epoch is
// over, see judge, gets a new one, unless its machine is still connected.
func (p *Provider) Export(ctx context.Context, req *pb.ExportRequest) (*pb.ExportResponse, error) {
	unlock, err := p.busy.Lock(ctx, req.GetVolumeId())
	if err != nil {
		return nil, err
	}
	defer unlock()
	f, err := p.store.find(ctx, req.GetVolumeId())
	if err != nil {
		return nil, err
	}
	f, stands, err := p.store.standsIn(f, req.GetAttachmentId())
	if err == nil && !stands && readsOnly(f, req) {
		f, err = p.store.reader(f, opExport)
	}
	if err != nil {
		return nil, err
	}
	if err := p.store.resume(ctx, f); err != nil {
		return nil, err
	}
	use, err := p.store.useOf(f, req)
	if err != nil {
		return nil, err
	}
	if use.Writable {
		if f, err = f.writable(opExport); err != nil {
			return nil, err
		}
	}
	v, use, err := p.store.begin(ctx, f, use)
	if err != nil {
		return nil, err
	}
	p.step("export.noted")
	p.store.rests.begin(f.Folder)
	f.Volume = v
	if err := p.store.serveUse(ctx, f, use); err != nil {
		return nil, err
	}
	if f, use, err = p.store.renewed(ctx, f, use); err != nil {
		return nil, err
	}
	if use.Kind == "nfs" {
		// Of all that is exported, this one must be.
		if err := p.store.serveShares(ctx, []string{use.ID}, nil); err != nil {
			return nil, err
		}
	}
	p.step("export.served")
	c, err := p.store.connection(ctx, f, use.ID)
	if err != nil {
		return nil, err
	}
	return &pb.ExportResponse{Connection: c, Epoch: use.Epoch}, nil
}

// readsOnly reports whether who asks will write to nothing.
func readsOnly(f found, req *pb.ExportRequest) bool { return req.GetReadOnly() || f.Meta.ReadOnly }

// useOf is what an Export asks to be recorded: the use that stands with its
// attachment, or a new one by the best way that the machine has.
func (s *store) useOf(f found, req *pb.ExportRequest) (vault.Use, error) {
	owner := vaultOwner(req.GetOwner())
	u := vault.Use{
		ID: req.GetAttachmentId(), Writable: !readsOnly(f, req), Holder: req.GetOwner().GetBroker(),
		Allocation: req.GetOwner().GetAllocation(), Owner: &owner,
	}
	if have := f.Use(u.ID); have != nil {
		u.Kind = have.Kind
	} else {
		way, why := sdk.Reach(s.config.exposures(f.Meta.Shareable, exposedFormat(f.Volume)), consumer(req), req.GetConsumable())
		if way == nil {
			return u, &sdk.Error{
				Kind: sdk.Unsupported, Op: opExport, Subject: "volume " + f.ID, Source: sdk.SourceProvider,
				Text: "the machine cannot reach it: " + strings.Join(why, "; "),
			}
		}
		u.Kind = sdk.KindName(way.GetKind())
	}
	switch u.Kind {
	case "file", "nbd":
		u.Host = req.GetFrom().GetHost()
	case "iscsi":
		if u.Initiator = req.GetFrom().GetInitiatorIqn(); u.Initiator == "" {
			return u, sdk.InvalidFaults(opExport, []sdk.Fault{{Path: "from.initiator_iqn", Want: "the name of the machine's initiator", Text: "targets admit an initiator by its name, and none was given"}})
		}
	}
	return u, nil
}

// consumer is who asks; a caller that names no machine is one that takes what it
// says.
func consumer(req *pb.ExportRequest) *pb.Consumer {
	if req.GetFrom() != nil {
		return req.GetFrom()
	}
	return &pb.Consumer{Kinds: req.GetConsumable(), Host: req.GetConsumer()}
}

// begin records a use.
func (s *store) begin(ctx context.Context, f found, u vault.Use) (*vault.Volume, vault.Use, error) {
	portal := ""
	if u.Kind == "iscsi" && f.Use(u.ID) == nil {
		var err error
		if portal, err = s.portal(ctx, f.Volume, nil); err != nil {
			return nil, u, err
		}
	}
	begin := vault.Begin{Use: u, After: f.whole.Epoch, Prepare: func(u *vault.Use) error {
		switch u.Kind {
		case "iscsi":
			u.IQN, u.Portals = target.Name(s.config.Authority, f.ID, u.Epoch, u.ID), []string{portal}
		case "nfs":
			u.Export = share.Path(u.ID)
		}
		return nil
	}}
	for range apartAttempts {
		v, use, err := f.at.vault.BeginUse(ctx, f.Ref(), begin)
		if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Code != vault.BeingRead {
			return v, use, err
		}
		if err := s.setApart(ctx, f, opExport); err != nil {
			return nil, u, err
		}
	}
	return f.at.vault.BeginUse(ctx, f.Ref(), begin)
}

// apartAttempts is how often a volume is set apart from who reads it, where others
// begin to read it faster than it is written.
const apartAttempts = 3

// portalAttempts is how many ports are tried where others were faster.
const portalAttempts = 20

// serveUse makes the daemons agree with the record. Where somebody else has the
// recorded port by now, all of the volume's iSCSI uses move to another one.
func (s *store) serveUse(ctx context.Context, f found, u vault.Use) error {
	not := map[string]bool{}
	for range portalAttempts {
		err := s.settle(ctx, f)
		if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Code != target.PortalTaken {
			return err
		}
		v, err := f.at.vault.Get(ctx, f.Ref())
		if err != nil {
			return err
		}
		uses := standing(v, "iscsi")
		for _, u := range uses {
			for _, p := range u.Portals {
				not[p] = true
			}
		}
		portal, err := s.portal(ctx, v, not)
		if err != nil {
			return err
		}
		for _, u := range uses {
			_, err := f.at.vault.ChangeUse(ctx, f.Ref(), u.ID, func(u *vault.Use) error {
				u.Portals = []string{portal}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return &sdk.Error{Kind: sdk.Unavailable, Op: opExport, Subject: "volume " + f.ID, Source: sdk.SourceProvider, Text: "every port that was free was taken a moment later"}
}

// connection is the way of a use that is served.
func (s *store) connection(ctx context.Context, f found, id string) (*pb.Connection, error) {
	v, err := f.at.vault.Get(ctx, f.Ref())
	if err != nil {
		return nil, err
	}
	u := v.Use(id)
	if u == nil || !u.Ending.IsZero() {
		return nil, &sdk.Error{Kind: sdk.Busy, Op: opExport, Subject: "volume " + f.ID, Source: sdk.SourceProvider, Text: "attachment " + id + " was ended meanwhile"}
	}
	if err := copied(v, *u); err != nil {
		return nil, err
	}
	if !u.Lost.IsZero() {
		return nil, lostError(v, u, sdk.Unavailable)
	}
	c := &pb.Connection{ReadOnly: !u.Writable}
	switch u.Kind {
	case "file":
		c.Path = &pb.Connection_File{File: &pb.FileConnection{Host: s.host, File: v.Data(), Format: string(v.State.Format)}}
	case "nbd":
		c.Path = &pb.Connection_Nbd{Nbd: &pb.NbdConnection{Uri: "nbd+unix:///" + nbdName(*u) + "?socket=" + s.nbdDir(v) + "/nbd"}}
	case "nfs":
		return s.shares.Connection(u.ID, !u.Writable), nil
	default:
		password, err := f.at.vault.Secret(ctx, f.Ref(), u.ID)
		if err != nil {
			return nil, err
		}
		c.Path = &pb.Connection_Iscsi{Iscsi: &pb.IscsiConnection{
			Portals: slices.Clone(u.Portals), TargetIqn: u.IQN, Lun: target.LUN, InitiatorIqn: u.Initiator,
			ChapUser: u.ID, ChapPassword: []byte(password.Reveal()),
		}}
	}
	return c, nil
}
