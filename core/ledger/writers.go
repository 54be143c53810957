package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/core"
)

// oneWriter refuses an attachment that may write where another one that has not
// ended may write to the same volume at another provider: what providers of one
// plugin have under one id, unless this ledger made it at both of them.
func oneWriter(ctx context.Context, tx *sql.Tx, t core.AttachmentRecord) error {
	if t.ReadOnly {
		return nil
	}
	var writers []core.AttachmentRecord
	if err := each(ctx, tx, `SELECT t.record, t.created_at, t.updated_at FROM attachments t
			JOIN providers there ON there.name = t.provider JOIN providers here ON here.name = $1 AND here.plugin = there.plugin
			WHERE NOT t.final AND t.volume_id = $2 AND t.provider <> $1 ORDER BY t.created_at, t.id`,
		[]any{t.Provider, t.VolumeID}, func(row *sql.Rows) error {
			other, err := scanAttachment(row)
			if !other.ReadOnly {
				writers = append(writers, other)
			}
			return err
		}); err != nil || len(writers) == 0 {
		return err
	}
	made := map[string]bool{}
	if err := each(ctx, tx, selectVolumes+` WHERE NOT final AND volume_id = $1`, []any{t.VolumeID}, func(row *sql.Rows) error {
		v, err := scanVolume(row)
		made[v.Provider] = made[v.Provider] || !v.Foreign
		return err
	}); err != nil {
		return err
	}
	var texts []string
	for _, w := range writers {
		if !made[t.Provider] || !made[w.Provider] {
			texts = append(texts, fmt.Sprintf("%s/%s by %s", w.Provider, short(w.VolumeID), holderOf(ctx, tx, w)))
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return &core.Error{
		Kind: core.Conflict, Subject: "volume " + t.Provider + "/" + short(t.VolumeID), Text: "it is written in another place: " + strings.Join(texts, "; "),
		Hint: "detach or unmap it there first; what is intended or ending, and nobody goes on with: meson resume",
	}
}

// holderOf names who has an attachment, and how far it is.
func holderOf(ctx context.Context, tx *sql.Tx, t core.AttachmentRecord) string {
	who := t.Holder
	if t.Allocation != "" {
		if a, err := allocationIn(ctx, tx, t.Allocation); err == nil {
			who = "machine " + a.Name
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%s (attachment %s, %s)", who, t.ID, t.State))
}
