package iscsi

import (
	"context"
	"slices"

	"github.com/mesoncloud/meson/plugins/iscsi/share"
	"github.com/mesoncloud/meson/sdk"
)

// serveShares makes the NFS server serve every directory that is recorded as used,
// of all vaults. What it refuses is an error for the attachments of must, and of
// others a warning. Attachments of not are not served, whatever is recorded.
func (s *store) serveShares(ctx context.Context, must, not []string) error {
	if s.shares == nil {
		return s.config.notServed("NFS", "nfs_address")
	}
	twice := map[string]error{}
	failed, err := s.shares.Ensure(ctx, func(ctx context.Context) ([]share.Export, error) {
		all, more, err := s.shared(ctx, not)
		twice = more
		return all, err
	})
	if err != nil {
		return err
	}
	for id, err := range twice {
		if failed[id] == nil && slices.Contains(must, id) {
			return err
		}
		s.log.Warn("a directory is not served over NFS", "attachment", id, "error", err)
	}
	for id, err := range failed {
		if slices.Contains(must, id) {
			return err
		}
		s.log.Warn("a directory is not served over NFS", "attachment", id, "error", err)
	}
	return nil
}

// shared lists what is to be exported over NFS: what the vaults record, and, of what
// is served already, all that is not known to have ended, because its vault or its
// record cannot be read just now, or because it is another provider's. twice are
// attachments that are recorded for another directory as well.
func (s *store) shared(ctx context.Context, not []string) (out []share.Export, twice map[string]error, err error) {
	served, alike, err := s.shares.Served()
	if err != nil {
		return nil, nil, err
	}
	now := map[string]string{} // the directory by attachment
	for _, x := range served {
		now[x.Attachment] = x.Dir
	}
	known, unread := s.records(ctx)
	at := map[string]int{}
	twice = map[string]error{}
	for _, x := range known {
		i, there := at[x.Attachment]
		switch {
		case slices.Contains(not, x.Attachment):
			continue
		case !there:
			at[x.Attachment] = len(out)
			out = append(out, x)
			continue
		case x.Dir == now[x.Attachment]:
			out[i] = x // the other one is the copy
		}
		twice[x.Attachment] = &sdk.Error{
			Kind: sdk.Conflict, Op: "export directory", Subject: "attachment " + x.Attachment, Source: sdk.SourceProvider,
			Text: "it is recorded for " + out[at[x.Attachment]].Dir + " and for another directory: one volume is a copy of the other", Hint: "detach it, and attach again",
		}
	}
	for _, x := range served {
		if _, there := at[x.Attachment]; there || slices.Contains(not, x.Attachment) {
			continue
		}
		others := !slices.ContainsFunc(s.vaults, func(at *place) bool { return within(x.Dir, at.vault.Root()) })
		if others && !alike {
			return nil, nil, &sdk.Error{
				Kind: sdk.Conflict, Op: "export directory", Subject: x.Dir, Source: sdk.SourceProvider,
				Text: "the NFS server of " + s.dir + " serves another provider's vault at another address", Hint: "give each of the two providers a runtime_dir of its own, or both one nfs_address",
			}
		}
		if others || unread(x) {
			out = append(out, x)
		}
	}
	return out, twice, nil
}

// records are the exports that are recorded. unread reports of one that is not among
// them whether its record is unknown, rather than gone.
func (s *store) records(ctx context.Context) (known []share.Export, unread func(share.Export) bool) {
	clients := s.config.clients()
	var dirs []string            // whose records cannot be read
	ended := map[string]bool{}   // folder and attachment
	folders := map[string]bool{} // with faults
	key := func(folder, id string) string { return folder + "\x00" + id }
	for _, at := range s.vaults {
		all, err := at.vault.List(ctx)
		if err != nil {
			s.log.Warn("a vault cannot be read: what is served of it over NFS stays", "vault", at.name, "error", err)
			dirs = append(dirs, at.vault.Root())
			continue
		}
		for _, v := range all {
			for _, u := range v.State.Uses {
				ended[key(v.Folder, u.ID)] = !u.Ending.IsZero()
			}
			if len(v.Faults) > 0 || !v.Directory {
				folders[v.Folder] = len(v.Faults) > 0
				continue
			}
			for _, u := range standing(v, "nfs") {
				known = append(known, share.Export{Attachment: u.ID, Dir: v.Data(), Clients: slices.Clone(clients), ReadOnly: !u.Writable})
			}
		}
	}
	return known, func(x share.Export) bool {
		for _, dir := range dirs {
			if within(x.Dir, dir) {
				return true
			}
		}
		for folder, faulty := range folders {
			if within(x.Dir, folder) {
				return faulty && !ended[key(folder, x.Attachment)]
			}
		}
		return false
	}
}
