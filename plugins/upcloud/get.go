package upcloud

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesoncloud/meson/sdk/pb"
)

// Get finds a server by key or by id. It always asks.
func (p *Provider) Get(ctx context.Context, req *pb.GetRequest) (*pb.Instance, error) {
	s, err := p.find(ctx, refOf(req.GetOwner(), req.GetId()))
	if err != nil {
		return nil, err
	}
	return p.instance(s), nil
}

// labelName is where the machine's name stands: titles can be changed by people.
const labelName = "meson-name"

// instance is a server in the words of the contract.
func (p *Provider) instance(s *server) *pb.Instance {
	in := &pb.Instance{
		Id: s.uuid, Owner: s.owner(), Name: cmp.Or(s.labels[labelName], s.hostname), Region: regionOf(s.zone), Zone: s.zone,
		Shape: s.size(), Attachments: s.attachments(), Consumer: consumer(p.name, s.zone),
	}
	if !s.created.IsZero() {
		in.CreatedAt = timestamppb.New(s.created)
	}
	ran, will := p.memory.of(s.uuid)
	in.State, in.Message = s.status(ran, will, p.now())
	if in.State == pb.InstanceState_INSTANCE_STATE_CREATING {
		in.Progress = s.making()
	}
	for _, a := range s.addresses {
		one := &pb.Address{Ip: a.ip, Public: a.access == accessPublic, Network: a.network}
		if a.access == accessUtility {
			one.Network = accessUtility
		}
		in.Addresses = append(in.Addresses, one)
	}
	// Those that reach it from everywhere come first.
	slices.SortStableFunc(in.Addresses, func(a, b *pb.Address) int { return rank(a) - rank(b) })
	return in
}

func rank(a *pb.Address) int {
	switch {
	case a.GetPublic() && !strings.Contains(a.GetIp(), ":"):
		return 0
	case a.GetPublic():
		return 1
	case a.GetNetwork() != accessUtility:
		return 2
	}
	return 3
}

// longestCreating is how long after it was asked for a server in maintenance is
// taken for one that is being made; the recordings have 61 s at most.
const longestCreating = 10 * time.Minute

// status is the state that a server shows, and what is to be said of it. ran is
// whether it is known to have been started, will what is known to have been begun
// with it.
func (s *server) status(ran bool, will pb.InstanceState, now time.Time) (pb.InstanceState, string) {
	if will == pb.InstanceState_INSTANCE_STATE_DELETING {
		return will, ""
	}
	switch s.state {
	case stateStarted:
		if will != 0 {
			return will, ""
		}
		return pb.InstanceState_INSTANCE_STATE_RUNNING, ""
	case stateStopped:
		if will == pb.InstanceState_INSTANCE_STATE_STARTING {
			return will, ""
		}
		return pb.InstanceState_INSTANCE_STATE_STOPPED, ""
	case stateError:
		return pb.InstanceState_INSTANCE_STATE_FAILED,
			"UpCloud says that the server is in error, which is a fault of its cloud: it starts or stops by itself once that is solved"
	case statePending:
		return pb.InstanceState_INSTANCE_STATE_DELETING, ""
	}
	message := ""
	if s.state != stateMaintenance {
		message = fmt.Sprintf("UpCloud says %.64q of it, which is not known here", s.state)
	}
	switch {
	case will != 0:
		return will, message
	case !ran && now.Sub(s.created) < longestCreating:
		return pb.InstanceState_INSTANCE_STATE_CREATING, message
	}
	return pb.InstanceState_INSTANCE_STATE_STARTING, cmp.Or(message, "in maintenance at UpCloud")
}

// making is how far a new server is.
func (s *server) making() *pb.Progress {
	if s.progress > 0 {
		return &pb.Progress{Step: "copy disk", Percent: uint32(s.progress)}
	}
	return &pb.Progress{Step: "prepare"}
}
