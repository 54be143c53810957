package upcloud

import (
	"context"
	"fmt"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"
	"github.com/cenkalti/backoff/v5"

	"github.com/mesoncloud/meson/sdk"
)

// removal is the removal of one server. It looks, does the one thing that is next,
// and looks again: what it or another one has done before need not be known.
type removal struct {
	p       *Provider
	uuid    string
	own     ownKey
	begun   time.Time
	between *backoff.ExponentialBackOff
	// stopping is when the guest was asked to shut down, pulled when the plug was.
	stopping, pulled time.Time
}

// run begins with what was just read of the server. A list does not tell of disks,
// without which nothing is removed.
func (d *removal) run(ctx context.Context, s *server) error {
	var err error
	for first := !s.listed || s.state != stateStopped; ; first = false {
		if !first {
			s, err = d.p.read(ctx, d.uuid)
		}
		switch {
		case sdk.KindOf(err) == sdk.NotFound:
			return nil
		case err != nil && !passing(err):
			return err
		case err == nil && s.own() != d.own:
			return nil // somebody has changed its labels: it is not ours any more
		case err == nil && s.state == stateError && time.Since(d.begun) > d.p.timing.fault:
			return d.stuck(s)
		case err == nil:
			var gone, more bool
			if gone, more, err = d.next(ctx, s); gone {
				return nil
			}
			if more {
				continue
			}
		}
		if err != nil && !passing(err) {
			return err
		}
		if !pause(ctx, max(d.between.NextBackOff(), retryAfterOf(err))) {
			if err == nil {
				err = d.stuck(s)
			}
			return err
		}
	}
}

// passing reports whether the next look will say how it stands.
func passing(err error) bool {
	switch sdk.KindOf(err) {
	case sdk.Busy, sdk.Uncertain, sdk.NotFound, sdk.Throttled, sdk.Unavailable:
		return true
	}
	return false
}

// next does what is next. more: there is something to do at once.
func (d *removal) next(ctx context.Context, s *server) (gone, more bool, err error) {
	switch s.state {
	case stateStarted:
		return false, false, d.stop(ctx)
	case stateStopped:
		// The request that removes it takes along every storage that is attached.
		if strangers := s.strangers(); len(strangers) > 0 {
			err := d.detach(ctx, strangers)
			return false, err == nil, err
		}
		err := d.delete(ctx)
		return err == nil, false, err
	}
	return false, false, nil
}

// stop asks the guest to shut down, and pulls the plug if it has not.
func (d *removal) stop(ctx context.Context) error {
	switch {
	case d.stopping.IsZero():
		err := d.p.post(ctx, "stop server", d.uuid, &request.StopServerRequest{UUID: d.uuid, StopType: request.ServerStopTypeSoft, Timeout: d.p.timing.stop})
		if err == nil || sdk.KindOf(err) == sdk.Uncertain {
			d.stopping = time.Now()
			d.p.step("delete.stopping")
		}
		return err
	case time.Since(d.stopping) > d.p.timing.stop+d.p.timing.hard && time.Since(d.pulled) > d.p.timing.hard:
		d.pulled = time.Now()
		return d.p.post(ctx, "stop server", d.uuid, &request.StopServerRequest{UUID: d.uuid, StopType: request.ServerStopTypeHard})
	}
	return nil
}

// detach lets go of storages that are not ours to remove.
func (d *removal) detach(ctx context.Context, strangers []disk) error {
	for _, one := range strangers {
		d.p.log.Info("detaching before the server is removed", "server", d.uuid, "storage", one.storage)
		if err := d.p.post(ctx, "detach storage", one.storage, &request.DetachStorageRequest{ServerUUID: d.uuid, Address: one.address}); err != nil {
			return err
		}
		d.p.step("delete.detached")
	}
	return nil
}

func (d *removal) delete(ctx context.Context) error {
	r := &request.DeleteServerAndStoragesRequest{UUID: d.uuid, Backups: request.DeleteStorageBackupsModeKeep}
	if _, err := d.p.wire.Delete(ctx, r.RequestURL()); err != nil {
		return failed("delete server", d.uuid, err, true)
	}
	d.p.step("delete.removed")
	d.p.memory.drop(d.uuid)
	d.p.changed()
	d.p.log.Info("server removed", "server", d.uuid, "key", d.own.key)
	return nil
}

// stuck is why the removal has not come to its end in time.
func (d *removal) stuck(s *server) error {
	e := &sdk.Error{
		Kind: sdk.Busy, Op: "delete server", Subject: d.uuid, Source: sdk.SourceProvider,
		Text: fmt.Sprintf("it is in state %.40q after %s, and can be removed only when it is stopped", s.state, time.Since(d.begun).Round(time.Second)),
	}
	if s.state == stateError {
		e.Hint = "it stops or starts by itself once UpCloud has solved that: ask again later, or ask UpCloud's support"
	}
	return e
}
