package iscsi

import (
	"strings"

	"github.com/mesoncloud/meson/plugins/iscsi/target"
	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
)

// copied is why a use that a volume records is not its own: its folder was copied
// with it, from another volume or another vault. Served too, there would be two
// disks of one name, and the machine could come back to the wrong one.
func copied(v *vault.Volume, u vault.Use) error {
	if !v.Copied(u) && (u.Kind != "iscsi" || u.IQN == "" || ownName(v, u)) {
		return nil
	}
	return &sdk.Error{
		Kind: sdk.Conflict, Op: "serve volume", Subject: v.String(), Source: sdk.SourceProvider,
		Text: "attachment " + u.ID + " came with the folder " + v.Folder + " from where it was copied: it is served there", Hint: "detach it from this one",
	}
}

// ownName reports whether the name of a use's target is one of this volume.
func ownName(v *vault.Volume, u vault.Use) bool {
	_, have, _ := strings.Cut(u.IQN, ":")
	_, want, _ := strings.Cut(target.Name("", v.ID, u.Epoch, u.ID), ":")
	return have == want
}
