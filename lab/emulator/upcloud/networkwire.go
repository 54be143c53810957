package upcloud

import "slices"

// wireServerAddress is an address in a server's summary.
type wireServerAddress struct {
	Access     string `json:"access"`
	Address    string `json:"address"`
	Family     string `json:"family"`
	PartOfPlan string `json:"part_of_plan,omitempty"`
}

type wireAddresses struct {
	IPAddress []wireServerAddress `json:"ip_address"`
}

type wireNetworking struct {
	Interfaces wireInterfaces `json:"interfaces"`
}

type wireInterfaces struct {
	Interface []wireInterface `json:"interface"`
}

// wireInterface is a network interface of a server.
type wireInterface struct {
	Bootable    string `json:"bootable"`
	Index       int    `json:"index"`
	IPAddresses struct {
		IPAddress []wireInterfaceAddress `json:"ip_address"`
	} `json:"ip_addresses"`
	MAC               string `json:"mac"`
	Network           string `json:"network"`
	SourceIPFiltering string `json:"source_ip_filtering"`
	Type              string `json:"type"`
}

type wireInterfaceAddress struct {
	Address       string `json:"address"`
	DHCPProvided  string `json:"dhcp_provided"`
	Family        string `json:"family"`
	Floating      string `json:"floating"`
	ReleasePolicy string `json:"release_policy"`
}

func (n *nic) wire() wireInterface {
	w := wireInterface{
		Bootable: n.bootable, Index: n.index, MAC: n.mac, Network: n.network.uuid, SourceIPFiltering: n.filtering, Type: n.kind,
	}
	w.IPAddresses.IPAddress = []wireInterfaceAddress{}
	for _, a := range n.addresses {
		i := slices.IndexFunc(n.network.blocks, func(b ipNetwork) bool { return b.family == a.family })
		dhcp := i >= 0 && n.network.blocks[i].dhcp == "yes" && !a.floating
		w.IPAddresses.IPAddress = append(w.IPAddresses.IPAddress, wireInterfaceAddress{
			a.text, yesNo(dhcp), a.family, yesNo(a.floating), a.policy,
		})
	}
	return w
}
