package sdktest

import (
	"context"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// SetPower starts or stops a machine at once.
func (m *MemProvider) SetPower(ctx context.Context, req *pb.SetPowerRequest) (*pb.Instance, error) {
	if err := m.before(ctx, "power"); err != nil {
		return nil, err
	}
	var machine memMachine
	err := m.store.do(ctx, true, func(s *memState) error {
		found, there := find(s.Machines, &pb.Owner{Broker: req.GetBroker()}, req.GetId())
		if !there {
			return sdk.Errorf(sdk.NotFound, "no such machine")
		}
		switch req.GetAction() {
		case pb.SetPowerRequest_ACTION_STOP, pb.SetPowerRequest_ACTION_STOP_HARD:
			found.Stopped = true
		default:
			found.Stopped = false
		}
		s.Machines[found.ID], machine = found, found
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m.instance(machine), m.after(ctx, "power")
}
