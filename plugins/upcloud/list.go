package upcloud

import (
	"context"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"golang.org/x/sync/errgroup"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// List sends the broker's servers: two requests, however many there are. What is
// attached to them only Get tells.
func (p *Provider) List(ctx context.Context, req *pb.ListRequest, send func(*pb.Instance) error) error {
	if _, err := p.cloud(); err != nil {
		return err
	}
	var all []*server
	var addresses []upcloud.IPAddress
	read, reading := errgroup.WithContext(ctx)
	read.Go(func() (err error) {
		all, err = p.labelled(reading, upcloud.Label{Key: sdk.LabelBroker, Value: req.GetBroker()})
		return err
	})
	read.Go(func() error {
		// A list without addresses is better than none.
		found, err := p.api.GetIPAddresses(reading)
		if err != nil {
			p.log.Debug("addresses not known", "because", failed("read addresses", "", err, false))
			return nil
		}
		addresses = found.IPAddresses
		return nil
	})
	if err := read.Wait(); err != nil {
		return err
	}
	of := map[string][]address{}
	for _, a := range addresses {
		of[a.ServerUUID] = append(of[a.ServerUUID], address{ip: a.Address, access: a.Access})
	}
	for _, s := range all {
		if own := s.own(); own.key == "" || own.broker != req.GetBroker() {
			continue
		}
		s.addresses = of[s.uuid]
		if err := send(p.instance(s)); err != nil {
			return err
		}
	}
	return nil
}
