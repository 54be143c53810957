package sdktest

import (
	"context"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// memKept is what every object has that is kept: a machine, a volume, a snapshot or
// an image.
type memKept struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels"`
	Created time.Time         `json:"created"`
}

func newKept(id, name string, owner *pb.Owner) memKept {
	return memKept{ID: id, Name: name, Labels: sdk.OwnerLabels(owner), Created: time.Now()}
}

func (k memKept) kept() memKept { return k }

func (k memKept) owner() *pb.Owner { return ownerOf(k.Labels) }

func ownerOf(labels map[string]string) *pb.Owner {
	o, ok := sdk.OwnerFromLabels(labels)
	if !ok {
		return nil
	}
	return o
}

// otherRequest is a Conflict where it was made for another request.
func (k memKept) otherRequest(owner *pb.Owner) error {
	if have := k.owner().GetRequest(); have != owner.GetRequest() {
		return sdk.Errorf(sdk.Conflict, "key %s was used for the request %s, not %s", owner.GetKey(), have, owner.GetRequest())
	}
	return nil
}

// isOf reports whether it is what a request names, by the key of an owner or by id.
func (k memKept) isOf(owner *pb.Owner, id string) bool {
	o := k.owner()
	if owner.GetBroker() != "" && o.GetBroker() != owner.GetBroker() {
		return false
	}
	key := owner.GetKey()
	return key != "" && o.GetKey() == key || key == "" && k.ID == id
}

// find is the object of that key or id.
func find[T interface{ kept() memKept }](all map[string]T, owner *pb.Owner, id string) (T, bool) {
	for _, at := range slices.Sorted(maps.Keys(all)) {
		if one := all[at]; one.kept().isOf(owner, id) {
			return one, true
		}
	}
	var none T
	return none, false
}

// list sends those that fit, oldest first.
func list[T, M any](ctx context.Context, m *MemProvider, call string, of func(*memState) map[string]T, fits func(T) bool, wire func(T) M, send func(M) error) error {
	if err := m.before(ctx, call); err != nil {
		return err
	}
	var found []T
	err := m.store.do(ctx, false, func(s *memState) error {
		all := of(s)
		for _, id := range slices.Sorted(maps.Keys(all)) {
			if fits(all[id]) {
				found = append(found, all[id])
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, one := range found {
		if err := send(wire(one)); err != nil {
			return err
		}
	}
	return m.after(ctx, call)
}

// ofBroker fits what a broker has; "" has everything.
func ofBroker[T interface{ kept() memKept }](broker string) func(T) bool {
	return func(one T) bool { return broker == "" || one.kept().owner().GetBroker() == broker }
}

// forget removes one, if it is there.
func forget[T interface{ kept() memKept }](ctx context.Context, m *MemProvider, call string, of func(*memState) map[string]T, owner *pb.Owner, id string) error {
	if err := m.before(ctx, call); err != nil {
		return err
	}
	err := m.store.do(ctx, true, func(s *memState) error {
		if found, there := find(of(s), owner, id); there {
			delete(of(s), found.kept().ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return m.after(ctx, call)
}

// memPoll is how often follow looks.
const memPoll = 10 * time.Millisecond

// follow sends an object after each change of it, and at last what gone makes of it.
func follow[M proto.Message](ctx context.Context, look func() (M, error), gone func(M), send func(M) error) error {
	var last M
	for seen := false; ; seen = true {
		now, err := look()
		switch {
		case sdk.KindOf(err) == sdk.NotFound && seen:
			gone(last)
			return send(last)
		case err != nil:
			return err
		}
		if !seen || !proto.Equal(now, last) {
			last = now
			if err := send(proto.CloneOf(now)); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(memPoll):
		}
	}
}
