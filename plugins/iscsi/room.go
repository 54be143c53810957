package iscsi

import (
	"context"
	"fmt"

	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// room is why a vault has none for so many bytes more; nil: it has.
func (s *store) room(ctx context.Context, at *place, bytes uint64) (*pb.Reason, error) {
	sp, err := at.vault.Space(ctx)
	if err != nil {
		return nil, err
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
	text := fmt.Sprintf("its filesystem has room for volumes of %s together", gibText(left))
	if limit := sp.Settings.MaxBytes; limit != nil && *limit-min(*limit, sp.ProvisionedBytes) < left {
		left = *limit - min(*limit, sp.ProvisionedBytes)
		text = fmt.Sprintf("settings.json leaves %s", gibText(left))
	}
	if n := sp.Settings.MaxVolumes; n != nil && sp.Volumes >= *n {
		return &pb.Reason{Candidate: "vault " + at.name, Field: "volumes", Want: "1", Have: "0", Text: fmt.Sprintf("settings.json allows %d volumes, and there are %d", *n, sp.Volumes)}, nil
	}
	if bytes <= left {
		return nil, nil
	}
	r := &pb.Reason{Candidate: "vault " + at.name, Field: "size", Want: gibText(bytes), Have: gibText(left), Text: text}
	if left >= vault.Step {
		r.Relax = "size_gib=" + gibNumber(left-left%vault.Step)
	}
	return r, nil
}

// fits refuses what a vault has no room for. The limits of settings.json are the
// vault's own business, and hold between processes.
func (s *store) fits(ctx context.Context, op string, at *place, bytes uint64) error {
	no, err := s.room(ctx, at, bytes)
	if err != nil || no == nil {
		return err
	}
	return &sdk.Error{Kind: sdk.Exhausted, Scope: sdk.ScopeCapacity, Op: op, Subject: no.GetCandidate(), Source: sdk.SourceProvider, Text: no.GetText()}
}
