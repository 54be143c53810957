package upcloud

import (
	"net/http"
	"slices"
	"time"
)

// usage is what of its limits an account has used.
type usage struct {
	cores, mib, gpus, ipv4, ipv6, creating int
	gib                                    map[string]int // by tier
}

func (s *Server) usage() usage {
	u := usage{gib: map[string]int{}}
	for _, m := range s.machines {
		u.cores += m.plan.Cores
		u.mib += m.plan.MiB
		u.gpus += m.plan.GPUs
		if !m.arrived {
			u.creating++
		}
	}
	for _, d := range s.storages {
		if !d.public && d.kind == kindNormal {
			u.gib[d.tier] += d.gib
		}
	}
	for _, a := range s.address {
		switch {
		case a.access != accessPublic:
		case a.family == ipv4:
			u.ipv4++
		default:
			u.ipv6++
		}
	}
	return u
}

// affords refuses a server that the account's limits or credits do not allow.
func (s *Server) affords(m *machine, disks []*device, nics []*nic, now time.Time) error {
	u := s.usage() // with the new disks, which are in the cloud already
	u.cores += m.plan.Cores
	u.mib += m.plan.MiB
	u.gpus += m.plan.GPUs
	for _, n := range nics {
		for _, a := range n.addresses {
			if a.access == accessPublic && a.family == ipv4 {
				u.ipv4++
			} else if a.access == accessPublic {
				u.ipv6++
			}
		}
	}
	if err := s.within(u); err != nil {
		return err
	}
	if a := s.account; a.Creating > 0 && u.creating >= a.Creating {
		return limit("SERVER_CREATING_LIMIT_REACHED", "The limit of %d servers in creation has been reached.", a.Creating)
	}
	if len(s.machines) >= maxObjects || len(s.storages) > maxObjects || len(s.address) > maxAddresses {
		return limit("SERVER_CREATING_LIMIT_REACHED", "The emulator holds %d servers at most.", maxObjects)
	}
	cost := m.perHour(stateStarted)
	for _, v := range disks {
		if d := s.storages[v.storage]; !d.partOfPlan && slices.Contains(m.cloning, d.uuid) {
			cost += itemRate(m.zone, d.item()) * rate(d.gib)
		}
	}
	for _, n := range nics {
		for _, a := range n.addresses {
			if a.access == accessPublic && a.family == ipv4 && !a.partOfPlan {
				cost += itemRate(m.zone, "ipv4_address")
			}
		}
	}
	return s.pays(cost, now)
}

// within refuses what exceeds a resource limit.
func (s *Server) within(u usage) error {
	l := s.account.Limits
	switch {
	case u.cores > l.Cores:
		return limit("SERVER_CORE_LIMIT_REACHED", "The limit of %d CPU cores has been reached.", l.Cores)
	case u.mib > l.Memory:
		return limit("SERVER_MEMORY_LIMIT_REACHED", "The limit of %d MiB of memory has been reached.", l.Memory)
	case u.gpus > l.GPUs:
		return limit("GPU_LIMIT_REACHED", "The limit of %d GPUs has been reached.", l.GPUs)
	case u.ipv4 > l.PublicIPv4:
		return limit("IP_ADDRESS_LIMIT_REACHED", "The limit of %d public IPv4 addresses has been reached.", l.PublicIPv4)
	case u.ipv6 > l.PublicIPv6:
		return limit("IP_ADDRESS_LIMIT_REACHED", "The limit of %d public IPv6 addresses has been reached.", l.PublicIPv6)
	case u.gib[tierMaxIOPS] > l.StorageMaxIOPS:
		return limit("MAXIOPS_STORAGE_LIMIT_REACHED", "The limit of %d GiB of MaxIOPS storage has been reached.", l.StorageMaxIOPS)
	case u.gib[tierStandard] > l.StorageStandard:
		return limit("STANDARD_STORAGE_LIMIT_REACHED", "The limit of %d GiB of Standard storage has been reached.", l.StorageStandard)
	case u.gib[tierHDD] > l.StorageHDD:
		return limit("HDD_STORAGE_LIMIT_REACHED", "The limit of %d GiB of HDD storage has been reached.", l.StorageHDD)
	}
	return nil
}

// pays refuses what the credits do not cover for an hour, beside all that runs.
func (s *Server) pays(more rate, now time.Time) error {
	if left := s.credits(now); left <= 0 || left < s.meter.perHour()+more {
		return fail(http.StatusPaymentRequired, "INSUFFICIENT_CREDITS", "There are not enough credits to perform the operation.")
	}
	return nil
}

func limit(code, format string, args ...any) *failure {
	return fail(http.StatusForbidden, code, format, args...)
}
