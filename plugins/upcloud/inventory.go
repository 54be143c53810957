package upcloud

import (
	"context"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
)

// readStock asks how many servers of each GPU plan each zone has left.
func (p *Provider) readStock(ctx context.Context) (map[string]map[string]int, error) {
	all, err := p.api.GetDevicesAvailability(ctx)
	if err != nil {
		return nil, failed("read stock of GPUs", "", err, false)
	}
	stock := make(map[string]map[string]int, len(*all))
	for zone, devices := range *all {
		stock[zone] = make(map[string]int, len(devices.GPUPlans))
		for plan, d := range devices.GPUPlans {
			stock[zone][plan] = d.Amount
		}
	}
	return stock, nil
}

// readNetworks asks for the account's private networks and where each one is.
func (p *Provider) readNetworks(ctx context.Context) (map[string]string, error) {
	all, err := p.api.GetNetworks(ctx)
	if err != nil {
		return nil, failed("read networks", "", err, false)
	}
	zones := map[string]string{}
	for _, n := range all.Networks {
		if n.Type == upcloud.NetworkTypePrivate {
			zones[n.UUID] = n.Zone
		}
	}
	return zones, nil
}
