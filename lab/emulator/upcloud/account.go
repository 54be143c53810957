package upcloud

// Account is whose cloud it is, and what it may have.
type Account struct {
	Username string `json:"username"`
	// Currency is that of the price list and of the credits: three letters.
	Currency string `json:"currency"`
	// Credits are hundredths of the currency to begin with; what is used is
	// deducted as time passes. A server cannot be created without.
	Credits float64 `json:"credits"`
	// Trial accounts get no GPUs and no free sizes.
	Trial bool `json:"trial"`
	// Creating is how many servers may be in creation at a time; 0 is any number.
	Creating int    `json:"creating"`
	Limits   Limits `json:"limits"`
}

// Limits are an account's resource limits, as GET /account names them. Memory
// is in MiB, storage in GiB.
type Limits struct {
	Cores               int `json:"cores"`
	DetachedFloatingIPs int `json:"detached_floating_ips"`
	GPUs                int `json:"gpus"`
	LoadBalancers       int `json:"load_balancers"`
	ObjectStorages      int `json:"managed_object_storages"`
	Memory              int `json:"memory"`
	NetworkPeerings     int `json:"network_peerings"`
	Networks            int `json:"networks"`
	TransferExcessGiB   int `json:"ntp_excess_gib"`
	PublicIPv4          int `json:"public_ipv4"`
	PublicIPv6          int `json:"public_ipv6"`
	StorageHDD          int `json:"storage_hdd"`
	StorageMaxIOPS      int `json:"storage_maxiops"`
	StorageSSD          int `json:"storage_ssd"`
	StorageStandard     int `json:"storage_standard"`
}

// DefaultAccount has 1000 euros and the limits of the API's own example.
func DefaultAccount() Account {
	return Account{
		Username: "emulator", Currency: "EUR", Credits: 100_000,
		Limits: Limits{
			Cores: 200, DetachedFloatingIPs: 10, GPUs: 8, LoadBalancers: 50, ObjectStorages: 7, Memory: 1 << 20, NetworkPeerings: 100,
			Networks: 100, TransferExcessGiB: 20000, PublicIPv4: 100, PublicIPv6: 100, StorageHDD: 10240, StorageMaxIOPS: 10240,
			StorageSSD: 10240, StorageStandard: 10240,
		},
	}
}

// SetAccount changes the account; what there is stays, whatever the limits are.
func (s *Server) SetAccount(change func(*Account)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.account)
}

// wireAccount has no credits where the caller may not see them.
type wireAccount struct {
	Account struct {
		Credits        *float64 `json:"credits,omitempty"`
		ResourceLimits Limits   `json:"resource_limits"`
		Username       string   `json:"username"`
	} `json:"account"`
}

func (s *Server) getAccount(c *call) (*reply, error) {
	var w wireAccount
	w.Account.Username, w.Account.ResourceLimits = c.caller.Username, s.account.Limits
	if !c.caller.NoBilling {
		left := s.credits(c.now).cents()
		w.Account.Credits = &left
	}
	return ok(w), nil
}
