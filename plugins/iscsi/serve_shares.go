package iscsi

import (
	"context"
	"slices"

	"github.com/mesoncloud/meson/plugins/iscsi/share"
)

// serveShares makes the NFS server serve every directory that is recorded as used,
// of all vaults.
func (s *store) serveShares(ctx context.Context) error {
	if s.shares == nil {
		return notServed("NFS", "nfs_address")
	}
	_, err := s.shares.Ensure(ctx, s.shared)
	return err
}

// shared lists what is to be exported over NFS.
func (s *store) shared(ctx context.Context) ([]share.Export, error) {
	clients := s.config.clients()
	var out []share.Export
	for _, at := range s.vaults {
		all, err := at.vault.List(ctx)
		if err != nil {
			return nil, err
		}
		for _, v := range all {
			if !v.Directory || v.DataFile == "" {
				continue
			}
			for _, u := range standing(v, "nfs") {
				out = append(out, share.Export{Attachment: u.ID, Dir: v.Data(), Clients: slices.Clone(clients), ReadOnly: !u.Writable})
			}
		}
	}
	return out, nil
}
