package iscsi

import (
	"context"
	"fmt"

	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// room is what a vault has for volumes that are to be made.
type room struct {
	vault.Space
	// left is what they may have together, by the filesystem and by settings.json; why
	// says which of them it is, to who asks for more.
	left uint64
	why  string
}

// room measures a vault.
func (s *store) room(ctx context.Context, at *place) (room, error) {
	sp, err := at.vault.Space(ctx)
	if err != nil {
		return room{}, err
	}
	promised := sp.TotalBytes / 100 * uint64(s.config.OvercommitPercent)
	reserve := uint64(s.config.ReserveGiB) * vault.GiB
	left := min(promised-min(promised, sp.ProvisionedBytes), sp.FreeBytes-min(sp.FreeBytes, reserve))
	if s.config.OvercommitPercent > 100 {
		left = promised - min(promised, sp.ProvisionedBytes)
		if sp.FreeBytes <= reserve {
			left = 0
		}
	}
	r := room{Space: sp, left: left, why: fmt.Sprintf("its filesystem has room for volumes of %s together", gibText(left))}
	if limit := sp.Settings.MaxBytes; limit != nil && *limit-min(*limit, sp.ProvisionedBytes) < left {
		r.left = *limit - min(*limit, sp.ProvisionedBytes)
		r.why = fmt.Sprintf("settings.json leaves %s", gibText(r.left))
	}
	return r, nil
}

// refusal is why the vault has no room for so many bytes more; nil: it has.
func (r room) refusal(at *place, bytes uint64) *pb.Reason {
	if n := r.Settings.MaxVolumes; n != nil && r.Volumes >= *n {
		return &pb.Reason{Candidate: "vault " + at.name, Field: "volumes", Want: "1", Have: "0", Text: fmt.Sprintf("settings.json allows %d volumes, and there are %d", *n, r.Volumes)}
	}
	if bytes <= r.left {
		return nil
	}
	no := &pb.Reason{Candidate: "vault " + at.name, Field: "size", Want: gibText(bytes), Have: gibText(r.left), Text: r.why}
	if r.left >= vault.Step {
		no.Relax = "size_gib=" + gibNumber(r.left-r.left%vault.Step)
	}
	return no
}

// facts say in an offer what is left: free_gib of all new volumes together,
// volumes_left and limit_gib (of all volumes together) where settings.json limits
// them.
func (r room) facts() map[string]string {
	facts := map[string]string{"free_gib": gibNumber(r.left - r.left%vault.Step)}
	if n := r.Settings.MaxVolumes; n != nil {
		facts["volumes_left"] = fmt.Sprint(*n - min(*n, r.Volumes))
	}
	if most := r.Settings.MaxBytes; most != nil {
		facts["limit_gib"] = gibNumber(*most)
	}
	return facts
}

// fits refuses what a vault has no room for. The limits of settings.json are the
// vault's own business, and hold between processes.
func (s *store) fits(ctx context.Context, op string, at *place, bytes uint64) error {
	r, err := s.room(ctx, at)
	if err != nil {
		return err
	}
	if no := r.refusal(at, bytes); no != nil {
		return &sdk.Error{Kind: sdk.Exhausted, Scope: sdk.ScopeCapacity, Op: op, Subject: no.GetCandidate(), Source: sdk.SourceProvider, Text: no.GetText()}
	}
	return nil
}
