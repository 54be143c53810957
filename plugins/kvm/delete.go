package kvm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// deletePatience bounds the removal of one machine where the caller sets no
// bound.
const deletePatience = 2 * time.Minute

// Delete stops what is being made, then removes machine, the disks that were made
// for it, the passwords of volumes and the console log. Volumes that were attached
// stay as they are, at their provider. The domain goes last: as long as anything is left, it is there to be found. Everything is
// looked for by name even where the domain is gone already, in case a host was
// still making it while an earlier Delete went by.
//
// That nothing is there is done, but for a machine whose host is not in the
// settings any more: see strange.
func (p *Provider) Delete(ctx context.Context, req *pb.DeleteRequest) error {
	const op = "delete machine"
	r := refOf(req.GetOwner(), req.GetId(), req.GetZone())
	if !isUUID(r.uuid) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, deletePatience)
	defer cancel()
	unlock, err := p.linking.Lock(ctx, r.uuid)
	if err != nil {
		return err
	}
	defer unlock()
	if !p.jobs.cancel(ctx, r.uuid) {
		return &sdk.Error{Kind: sdk.Busy, Op: op, Subject: r.uuid, Source: sdk.SourcePlugin, Text: "it is still being made"}
	}
	if at := p.byZone[r.zone]; at != nil {
		found, err := p.removeFound(ctx, at, r)
		if found || err != nil {
			return err
		}
	}
	removed := make([]bool, len(p.places))
	errs := everywhere(p.places, func(i int, at *place) (err error) {
		if at.Zone != r.zone {
			removed[i], err = p.removeFound(ctx, at, r)
		}
		return err
	})
	var silent []string
	for i, err := range errs {
		switch {
		case err == nil:
		case sdk.KindOf(err) == sdk.Unavailable:
			silent = append(silent, p.places[i].Zone)
		default:
			return err
		}
	}
	if slices.Contains(removed, true) {
		return nil
	}
	if len(silent) > 0 && p.byZone[r.zone] == nil {
		return &sdk.Error{
			Kind: sdk.Unavailable, Op: op, Subject: r.uuid, Source: sdk.SourceProvider,
			Text: fmt.Sprintf("not on the hosts that answer; %s cannot be asked", strings.Join(silent, ", ")),
		}
	}
	return p.strange(op, r)
}

// removeFound removes the machine from a place; false if it was not there.
func (p *Provider) removeFound(ctx context.Context, at *place, r ref) (bool, error) {
	limited, cancel := patient(ctx)
	m, err := at.read(limited, r.uuid)
	cancel()
	switch {
	case errors.Is(err, errForeign):
		return false, nil
	case hosts.Is(err, libvirt.ERR_NO_DOMAIN):
		if err := p.removeVolumes(ctx, at, r.uuid, at.Limits.Pool, volumeNames(r.uuid)); err != nil {
			return false, err
		}
		return false, failed("remove passwords", at, at.dropSecrets(ctx, r.uuid), true)
	case err != nil:
		return false, failed("look for machine", at, err, false)
	case !r.of(m):
		return false, nil
	}
	return true, p.removeMachine(ctx, m)
}

// remove undoes a Create at the place where it happened.
func (p *Provider) remove(ctx context.Context, at *place, r ref) error {
	ctx, cancel := context.WithTimeout(ctx, deletePatience)
	defer cancel()
	_, err := p.removeFound(ctx, at, r)
	return err
}

func (p *Provider) removeMachine(ctx context.Context, m *machine) error {
	at := m.at
	for {
		err := at.change(ctx, "stop domain", m.uuid, func(dom *libvirt.Domain) error {
			err := dom.Destroy()
			if hosts.Is(err, libvirt.ERR_OPERATION_INVALID) {
				return nil // it does not run
			}
			return err
		})
		if err != nil && !hosts.Is(err, libvirt.ERR_NO_DOMAIN) {
			return failed("stop domain", at, err, true)
		}
		p.step("delete.stopped")
		pool := m.claim.Pool
		if pool == "" {
			pool = at.Limits.Pool
		}
		if err := p.removeVolumes(ctx, at, m.uuid, pool, append(volumeNames(m.uuid), m.claim.Volumes...)); err != nil {
			return err
		}
		if err := at.dropSecrets(ctx, m.uuid); err != nil {
			return failed("remove passwords", at, err, true)
		}
		p.step("delete.secrets")
		if err := at.removeLog(ctx, m.uuid); err != nil {
			p.log.Warn("console log stays", "host", at.Zone, "machine", m.uuid, "path", consoleLog(at.URI, m.uuid), "error", hosts.Text(err))
		}
		p.step("delete.log")
		err = at.change(ctx, "undefine domain", m.uuid, undefine)
		switch {
		case err == nil, hosts.Is(err, libvirt.ERR_NO_DOMAIN):
			p.step("delete.undefined")
			return nil
		case !hosts.Is(err, libvirt.ERR_OPERATION_INVALID):
			return failed("undefine domain", at, err, true)
		}
		// It was started behind our back: by a call that had been sent before.
		select {
		case <-time.After(inUseRetry):
		case <-ctx.Done():
			return failed("undefine domain", at, err, true)
		}
	}
}

// removeVolumes removes the volumes of a machine: those that bear its UUID, and
// no other, whatever its metadata may say.
func (p *Provider) removeVolumes(ctx context.Context, at *place, uuid, pool string, names []string) error {
	steps := map[string]string{diskName(uuid): "delete.disk", seedName(uuid): "delete.seed"}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if !strings.HasPrefix(name, "meson-"+uuid) {
			continue
		}
		if err := at.discard(ctx, pool, name); err != nil {
			return failed("delete volume", at, err, true)
		}
		if s := steps[name]; s != "" {
			p.step(s)
		}
	}
	return nil
}

// errRuns says that a domain runs which should not.
var errRuns = libvirt.Error{Code: libvirt.ERR_OPERATION_INVALID, Domain: libvirt.FROM_DOMAIN, Message: "the domain runs", Level: libvirt.ERR_ERROR}

// undefine removes an inactive domain with all that libvirt keeps beside it.
func undefine(dom *libvirt.Domain) error {
	if active, err := dom.IsActive(); err != nil || active {
		if err == nil {
			err = errRuns
		}
		return err
	}
	all := libvirt.DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
		libvirt.DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | libvirt.DOMAIN_UNDEFINE_NVRAM
	err := dom.UndefineFlags(all)
	if hosts.Is(err, libvirt.ERR_INVALID_ARG, libvirt.ERR_NO_SUPPORT, libvirt.ERR_ARGUMENT_UNSUPPORTED) {
		// A driver that keeps nothing beside it knows none of the flags.
		err = dom.Undefine()
	}
	return err
}
