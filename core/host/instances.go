package host

import (
	"fmt"
	"net/netip"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// asked says which machine an answer must be about.
type asked struct {
	owner core.Owner // fields that are empty are not compared
	id    string     // empty: not compared
}

func askedFor(ref core.InstanceRef) asked {
	if ref.Owner.Key == "" {
		return asked{owner: core.Owner{Broker: ref.Owner.Broker}, id: ref.ID}
	}
	return asked{owner: ref.Owner}
}

// instance checks a machine that a plugin answered with. One that is not the
// machine that was asked for, or whose state means nothing, is an error; an
// address that is none is left out and logged.
func (p *Provider) instance(w *pb.Instance, want asked) (core.Instance, error) {
	var f faults
	if !isID(w.GetId()) {
		f.add("id", "it is empty, too long or cannot be printed")
	}
	if want.id != "" && w.GetId() != want.id {
		f.add("id", "%q: %q was asked for", cut(w.GetId(), 64), cut(want.id, 64))
	}
	owner := core.Owner{
		Broker: w.GetOwner().GetBroker(), Allocation: w.GetOwner().GetAllocation(),
		Key: w.GetOwner().GetKey(), Request: w.GetOwner().GetRequest(),
	}
	for _, label := range []struct{ name, have, want string }{
		{"broker", owner.Broker, want.owner.Broker},
		{"allocation", owner.Allocation, want.owner.Allocation},
		{"key", owner.Key, want.owner.Key},
		{"request", owner.Request, want.owner.Request},
	} {
		switch {
		case !sdk.ValidLabel(label.have):
			f.add("owner."+label.name, "%q is no label", cut(label.have, 64))
		case label.want != "" && label.have != label.want:
			f.add("owner."+label.name, "%q: %q was asked for", label.have, cut(label.want, 64))
		}
	}
	state, ok := stateOf(w.GetState())
	if !ok {
		f.add("state", "unknown state %d", w.GetState())
	}
	if err := f.err("a machine"); err != nil {
		return core.Instance{}, err
	}
	in := core.Instance{
		ID: w.GetId(), Provider: p.config.Name, Owner: owner, Name: cut(w.GetName(), 64), State: state,
		Console: cut(w.GetConsole(), maxText), Message: cut(w.GetMessage(), maxText),
		Region: cut(w.GetRegion(), maxText), Zone: cut(w.GetZone(), maxText), Shape: cut(w.GetShape(), maxText),
		CreatedAt: timeOf(w.GetCreatedAt()), Addresses: make([]core.Address, 0, min(len(w.GetAddresses()), maxAddresses)),
	}
	in.Attachments, in.Consumer = attachments(w.GetAttachments()), consumer(w.GetConsumer())
	if progress := w.GetProgress(); progress != nil {
		in.Progress = core.Progress{
			Step: cut(progress.GetStep(), 128), Percent: int(min(progress.GetPercent(), 100)), Text: cut(progress.GetText(), maxText),
		}
	}
	for i, a := range w.GetAddresses() {
		ip, err := netip.ParseAddr(a.GetIp())
		if err != nil || i >= maxAddresses {
			p.plugin.log.Warn("address of a machine left out", "provider", p.config.Name, "instance", in.ID,
				"address", cut(a.GetIp(), 64), "addresses", len(w.GetAddresses()))
			if i >= maxAddresses {
				break
			}
			continue
		}
		in.Addresses = append(in.Addresses, core.Address{IP: ip.String(), Public: a.GetPublic(), Network: cut(a.GetNetwork(), 128)})
	}
	return in, nil
}

func stateOf(s pb.InstanceState) (core.State, bool) {
	switch s {
	case pb.InstanceState_INSTANCE_STATE_CREATING:
		return core.Creating, true
	case pb.InstanceState_INSTANCE_STATE_RUNNING:
		return core.Running, true
	case pb.InstanceState_INSTANCE_STATE_STOPPING:
		return core.Stopping, true
	case pb.InstanceState_INSTANCE_STATE_STOPPED:
		return core.Stopped, true
	case pb.InstanceState_INSTANCE_STATE_STARTING:
		return core.Starting, true
	case pb.InstanceState_INSTANCE_STATE_FAILED:
		return core.Failed, true
	case pb.InstanceState_INSTANCE_STATE_DELETING:
		return core.Releasing, true
	case pb.InstanceState_INSTANCE_STATE_GONE:
		return core.Gone, true
	}
	return "", false
}

// absent is the error of a machine that the plugin says is gone.
func (p *Provider) absent(id string) error {
	return &core.Error{
		Kind: core.NotFound, Subject: fmt.Sprintf("provider %s, machine %s", p.config.Name, cut(id, 64)), Text: "it is gone",
	}
}
