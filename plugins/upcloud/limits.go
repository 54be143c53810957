package upcloud

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"
	"golang.org/x/sync/errgroup"
)

// account is what /account says: whose it is and how much it may have. The SDK's
// type does not tell a limit of zero from none, and lacks some.
type account struct {
	username string
	credits  json.Number
	// limits by the API's own names, such as cores and public_ipv4.
	limits map[string]int
}

func decodeAccount(body []byte) (*account, error) {
	var doc struct {
		Account *struct {
			Username string                     `json:"username"`
			Credits  json.Number                `json:"credits"`
			Limits   map[string]json.RawMessage `json:"resource_limits"`
		} `json:"account"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	if doc.Account == nil {
		return nil, fmt.Errorf("account: the answer has none")
	}
	a := &account{username: doc.Account.Username, credits: doc.Account.Credits, limits: map[string]int{}}
	for name, raw := range doc.Account.Limits {
		var n whole
		if json.Unmarshal(raw, &n) == nil && string(raw) != "null" && n >= 0 && n <= math.MaxInt32 {
			a.limits[name] = int(n)
		}
	}
	return a, nil
}

// use is what the account has of what it may have.
type use struct {
	account *account
	// used by the names of the limits.
	used map[string]int
}

// left is how much of something the account may still have; false: not known,
// which is not no.
func (u *use) left(name string) (limit, used int, known bool) {
	if u == nil || u.account == nil {
		return 0, 0, false
	}
	limit, known = u.account.limits[name]
	if !known {
		return 0, 0, false
	}
	used, known = u.used[name]
	return limit, used, known
}

// readUse asks for the account's limits and what it has. What cannot be read is
// not known.
func (p *Provider) readUse(ctx context.Context) (*use, error) {
	u := &use{used: map[string]int{}}
	var servers *upcloud.Servers
	var storages *upcloud.Storages
	read, reading := errgroup.WithContext(ctx)
	try := func(what string, ask func() error) {
		read.Go(func() error {
			if err := ask(); err != nil {
				p.log.Debug("limits not known", "because", failed("read "+what, "", err, false))
			}
			return nil
		})
	}
	try("account", func() error {
		body, err := p.wire.Get(reading, "/account")
		if err != nil {
			return err
		}
		u.account, err = decodeAccount(body)
		return err
	})
	try("servers", func() error {
		all, err := p.api.GetServers(reading)
		if err == nil {
			servers = all
		}
		return err
	})
	try("storages", func() error {
		all, err := p.api.GetStorages(reading, &request.GetStoragesRequest{Type: upcloud.StorageTypeNormal})
		if err == nil {
			storages = all
		}
		return err
	})
	if err := read.Wait(); err != nil {
		return nil, err
	}
	u.count(servers, storages)
	return u, nil
}

// count adds up what the account has.
func (u *use) count(servers *upcloud.Servers, storages *upcloud.Storages) {
	if servers != nil {
		u.used["cores"], u.used["memory"], u.used["gpus"] = 0, 0, 0
		for _, s := range servers.Servers {
			u.used["cores"] += s.CoreNumber
			u.used["memory"] += s.MemoryAmount
			if p, err := planOfName(s.Plan); err == nil {
				u.used["gpus"] += p.gpus
			}
		}
	}
	if storages != nil {
		for _, tier := range []string{tierMaxIOPS, tierStandard, tierHDD} {
			u.used["storage_"+tier] = 0
		}
		u.used["storage_total"] = 0
		for _, s := range storages.Storages {
			// Whether a disk that is part of a plan counts is not known, so it does not.
			if s.Access == upcloud.StorageAccessPrivate && s.PartOfPlan != "yes" {
				u.used["storage_"+s.Tier] += s.Size
				u.used["storage_total"] += s.Size
			}
		}
	}
}

// readIPv4 counts the account's public addresses.
func (p *Provider) readIPv4(ctx context.Context) (int, error) {
	all, err := p.api.GetIPAddresses(ctx)
	if err != nil {
		return 0, failed("read addresses", "", err, false)
	}
	n := 0
	for _, a := range all.IPAddresses {
		if a.Access == upcloud.IPAddressAccessPublic && a.Family == upcloud.IPAddressFamilyIPv4 {
			n++
		}
	}
	return n, nil
}

// with is the same with one count more; nil leaves it unknown.
func (u *use) with(name string, n *int) *use {
	if u == nil || n == nil {
		return u
	}
	out := &use{account: u.account, used: maps.Clone(u.used)}
	out.used[name] = *n
	return out
}

// room is how much the account may have beyond what it has; what is not known is
// without bound.
type room struct {
	cores, memory, gpus, ipv4, storage int
	tiers                              map[string]int
}

func (u *use) room() room {
	left := func(name string) int {
		limit, used, known := u.left(name)
		if !known {
			return math.MaxInt
		}
		return limit - used
	}
	r := room{
		cores: left("cores"), memory: left("memory"), gpus: left("gpus"), ipv4: left("public_ipv4"),
		storage: left("storage_total"), tiers: map[string]int{},
	}
	for _, tier := range []string{tierMaxIOPS, tierStandard, tierHDD} {
		r.tiers[tier] = left("storage_" + tier)
	}
	return r
}

// tier is the room in one tier of storage.
func (r *room) tier(name string) int {
	if n, known := r.tiers[name]; known {
		return n
	}
	return math.MaxInt
}
