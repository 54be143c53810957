package upcloud

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// deletePatience bounds a Delete: within what a broker waits for a call, and longer
// than a server has been seen to take to be made and then to stop.
const deletePatience = 4 * time.Minute

// Delete stops the server, lets go of what was attached to it, and removes it
// together with its own disk and addresses, which is one request. What an earlier
// Delete left is found by key. It begins anew at any step.
func (p *Provider) Delete(ctx context.Context, req *pb.DeleteRequest) error {
	if _, err := p.cloud(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, deletePatience)
	defer cancel()
	r := refOf(req.GetOwner(), req.GetId())
	all, err := p.doomed(ctx, r)
	if err != nil {
		return err
	}
	p.step("delete.found")
	own := r.ownKey
	for _, s := range all {
		if own.key == "" {
			own = s.own()
		}
		if err := p.remove(ctx, s); err != nil {
			return err
		}
	}
	if own.key == "" {
		return nil
	}
	return p.sweep(ctx, own)
}

// doomed are the servers that a Delete means: all that have the key.
func (p *Provider) doomed(ctx context.Context, r ref) ([]*server, error) {
	if r.key != "" {
		all, err := p.ofKey(ctx, r.ownKey)
		// One that this process has made may not be listed yet.
		if err != nil || len(all) > 0 || p.memory.uuidOf(r.ownKey) == "" {
			return all, err
		}
	}
	s, err := p.find(ctx, r)
	switch {
	case sdk.KindOf(err) == sdk.NotFound:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []*server{s}, nil
}

// remove ends with the server gone, or with an error that says what holds it.
func (p *Provider) remove(ctx context.Context, doomed *server) error {
	unlock, err := p.busy.Lock(ctx, doomed.uuid)
	if err != nil {
		return err
	}
	defer unlock()
	p.memory.expect(doomed.uuid, pb.InstanceState_INSTANCE_STATE_DELETING, deletePatience)
	d := &removal{p: p, uuid: doomed.uuid, own: doomed.own(), begun: time.Now(), between: p.timing.between()}
	err = d.run(ctx, doomed)
	if err != nil {
		p.memory.expect(doomed.uuid, 0, 0)
	}
	return err
}

// sweep removes what the key's servers had and did not take along. A disk that is
// attached leads to a server that its labels did not lead to, or not yet.
func (p *Provider) sweep(ctx context.Context, own ownKey) error {
	between := p.timing.between()
	for {
		all, err := p.api.GetStorages(ctx, &request.GetStoragesRequest{Access: upcloud.StorageAccessPrivate, Type: upcloud.StorageTypeNormal})
		if err != nil {
			return failed("look for what is left", own.key, err, false)
		}
		var held error
		for _, d := range all.Storages {
			if d.Title == diskTitle(own) {
				p.log.Warn("a disk has outlived its server, or tells of one", "storage", d.UUID, "key", own.key)
				held = cmp.Or(p.removeDisk(ctx, d.UUID, own), held)
			}
		}
		if held == nil {
			p.step("delete.swept")
			return nil
		}
		if !passing(held) || !pause(ctx, max(between.NextBackOff(), retryAfterOf(held))) {
			return held
		}
	}
}

// removeDisk removes a disk of ours, and first the server that it is attached to.
func (p *Provider) removeDisk(ctx context.Context, uuid string, own ownKey) error {
	err := p.removeStorage(ctx, uuid)
	if sdk.KindOf(err) != sdk.Busy {
		return err
	}
	d, lost := p.api.GetStorageDetails(ctx, &request.GetStorageDetailsRequest{UUID: uuid})
	if lost != nil {
		return failed("read storage", uuid, lost, false)
	}
	for _, at := range d.ServerUUIDs {
		s, e := p.read(ctx, at)
		if e == nil && s.own() == own {
			e = p.remove(ctx, s)
		}
		if e != nil && sdk.KindOf(e) != sdk.NotFound {
			return e
		}
	}
	return err
}

// removeStorage removes a storage that no server has, and keeps the backups that
// somebody has made of it. What is not there is done.
func (p *Provider) removeStorage(ctx context.Context, uuid string) error {
	_, err := p.wire.Delete(ctx, (&request.DeleteStorageRequest{UUID: uuid, Backups: request.DeleteStorageBackupsModeKeep}).RequestURL())
	if e := failed("delete storage", uuid, err, true); sdk.KindOf(e) != sdk.NotFound {
		return e
	}
	return nil
}

// post sends one request about a server that changes it.
func (p *Provider) post(ctx context.Context, op, uuid string, r request.Request) error {
	body, err := json.Marshal(r)
	if err == nil {
		_, err = p.wire.Post(ctx, r.RequestURL(), body)
	}
	return failed(op, uuid, err, true)
}
