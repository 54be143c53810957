package iscsi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mesoncloud/meson/plugins/iscsi/vault"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// placeSign stands between a volume's id and the vault's name in the id of one of its
// places, such as 3f0c…@fast: that place and no other, for reading.
const placeSign = "@"

// maxPlaceID is what a broker takes for an id.
const maxPlaceID = 128

// placeNamed are the volume and the vault of a place's id; nil for any other id.
func (s *store) placeNamed(id string) (string, *place) {
	i := strings.LastIndex(id, placeSign)
	if i <= 0 {
		return "", nil
	}
	return id[:i], s.named(id[i+len(placeSign):])
}

// id is what the volume, or this place of it, is asked for by.
func (f found) id() string {
	if f.alone {
		return f.placeID()
	}
	return f.ID
}

func (f found) placeID() string { return f.ID + placeSign + f.at.name }

// beside is another place of the same volume, by the place's own id.
func (s *store) beside(f found, v *vault.Volume) found {
	return found{Volume: v, at: s.in(v.Vault), whole: f.whole, alone: true}
}

// findPlace reads anew the place of a volume that a vault has. What the other vaults
// have is looked at too; one that does not answer keeps nobody from reading this place.
func (s *store) findPlace(ctx context.Context, id string, at *place) (found, error) {
	v, err := at.vault.Get(ctx, vault.Ref{ID: id})
	if err != nil {
		return found{}, err
	}
	all := []*vault.Volume{v}
	var unknown []string
	for _, other := range s.vaults {
		if other == at {
			continue
		}
		v, err := other.vault.Get(ctx, vault.Ref{ID: id})
		switch {
		case ctx.Err() != nil:
			return found{}, ctx.Err()
		case err == nil:
			all = append(all, v)
		case sdk.KindOf(err) != sdk.NotFound:
			unknown = append(unknown, fmt.Sprintf("vault %s may have a newer one: %v", other.name, err))
		}
	}
	whole := vault.Places(all)[id]
	if len(unknown) > 0 {
		whole.Authority, whole.Why = nil, strings.Join(unknown, "; ")
	}
	return found{Volume: v, at: at, whole: whole, alone: true}, nil
}

// notWhole is the error of a volume of which some vaults do not say whether they have
// it: what there is elsewhere can be read by its own name.
func (s *store) notWhole(err error, have []*vault.Volume) error {
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || len(have) == 0 {
		return err
	}
	var hints []string
	for _, v := range have {
		hints = append(hints, placeHint(found{Volume: v, at: s.in(v.Vault)}))
	}
	c := *e
	c.Hint = strings.Trim(e.Hint+"; "+strings.Join(hints, "; "), "; ")
	return &c
}

// placeHint is how a place that may be older is read all the same.
func placeHint(f found) string {
	return fmt.Sprintf("%s is what vault %s has, of epoch %d, for reading", f.placeID(), f.at.name, f.State.Epoch)
}

// reader is the place of a volume that is read: the one that was asked for, else that
// of vault.Place.Reader. Conflict where nobody knows which one holds what was written
// last, with the names by which each of them is read.
func (s *store) reader(f found, op string) (found, error) {
	if f.alone {
		return f, nil
	}
	v, why := f.whole.Reader()
	if v != nil {
		return found{Volume: v, at: s.in(v.Vault), whole: f.whole}, nil
	}
	var hints []string
	for _, one := range f.whole.All {
		if at := s.beside(f, one); one.Readable() {
			hints = append(hints, placeHint(at))
		}
	}
	return f, &sdk.Error{
		Kind: sdk.Conflict, Op: op, Subject: "volume " + f.ID, Source: sdk.SourceProvider,
		Text: "which place of it holds what was written last is not known, or it cannot be read: " + why, Hint: strings.Join(hints, "; "),
	}
}

// standsIn is the place of a volume in which an attachment stands: where it began,
// whatever has become of the others since. An id that was ended in any place is a
// Conflict.
func (s *store) standsIn(f found, attachment string) (found, bool, error) {
	if f.alone || len(f.whole.All) == 1 {
		return f, f.Use(attachment) != nil, nil
	}
	for _, v := range f.whole.All {
		if u := v.Use(attachment); u != nil && !v.Copied(*u) {
			return found{Volume: v, at: s.in(v.Vault), whole: f.whole}, true, nil
		}
	}
	for _, v := range f.whole.All {
		ended, err := s.in(v.Vault).vault.Ended(v, attachment)
		if err != nil {
			return f, false, err
		}
		if ended {
			return f, false, &sdk.Error{
				Kind: sdk.Conflict, Op: opExport, Subject: "volume " + f.ID, Source: sdk.SourceProvider,
				Text: "attachment " + attachment + " was ended, and an id is never used twice", Hint: "attach with a new one",
			}
		}
	}
	return f, false, nil
}

// wirePlaces says of a volume, or of a place of it, in what other places it is.
func (s *store) wirePlaces(f found, out *pb.Volume) {
	if f.alone {
		out.Id, out.Owner, out.Name = f.placeID(), nil, cmp.Or(f.Meta.Name, f.ID)+placeSign+f.at.name
		out.Message = "a place of " + f.ID + ", for reading alone: " + f.relation()
		return
	}
	if f.whole.Authority == nil && len(f.Faults) == 0 {
		out.Faults = append(out.Faults, "no place of it may be written: "+f.whole.Why)
	}
	if len(f.whole.All) == 1 {
		return
	}
	var others []string
	for _, v := range f.whole.All {
		if v.Folder == f.Folder {
			continue
		}
		at := s.beside(f, v)
		text := fmt.Sprintf("in vault %s too, as %s: %s, epoch %d, ", at.at.name, at.placeID(), v.Folder, v.State.Epoch)
		switch {
		case !v.Readable():
			text += "which cannot be read"
		case v.State.Epoch < f.whole.Epoch:
			text += "older, for reading alone"
		case !v.Whole():
			text += "copied while somebody wrote, for reading alone"
		default:
			text += "for reading alone"
		}
		if n := len(v.State.Uses); n > 0 {
			text += fmt.Sprintf(", %d attached", n)
		}
		others = append(others, text)
	}
	role := "it is read in vault " + f.at.name
	if f.whole.Authority != nil {
		role = "it is written in vault " + f.at.name
	}
	out.Message = fmt.Sprintf("%s, epoch %d; it lies %s", role, f.State.Epoch, strings.Join(others, "; "))
}

// relation is what a place is to the others.
func (f found) relation() string {
	switch a := f.whole.Authority; {
	case a == nil:
		return "where the volume is written is not known: " + f.whole.Why
	case a.Folder == f.Folder:
		return "here is where it is written, as " + f.ID
	case f.State.Epoch < a.State.Epoch:
		return fmt.Sprintf("it is written as %s in %s, of epoch %d, and what is here, of epoch %d, may be older", f.ID, a.Folder, a.State.Epoch, f.State.Epoch)
	case !f.Whole():
		return fmt.Sprintf("it is written as %s in %s, of epoch %d too, and what is here was copied while somebody wrote", f.ID, a.Folder, a.State.Epoch)
	default:
		return fmt.Sprintf("it is written as %s in %s, of epoch %d too", f.ID, a.Folder, a.State.Epoch)
	}
}

// placesOf are all places of a volume, in the order of vault.Place, or the one that
// was asked for.
func (s *store) placesOf(f found) (all []found) {
	if f.alone {
		return []found{f}
	}
	for _, v := range f.whole.All {
		all = append(all, found{Volume: v, at: s.in(v.Vault), whole: f.whole})
	}
	return all
}

// spare is nil where a volume still has what it holds without this place.
func (f found) spare() error {
	for _, v := range f.whole.All {
		if v.Folder != f.Folder && v.Readable() && v.State.Epoch >= f.State.Epoch && v.Meta.SizeBytes >= f.Meta.SizeBytes && v.Whole() {
			return nil
		}
	}
	return &sdk.Error{
		Kind: sdk.Conflict, Op: opDelete, Subject: "volume " + f.id(), Source: sdk.SourceProvider,
		Text: "no other place of it that can be read is as new", Hint: f.ID + " removes the volume, in every place",
	}
}

// others are the places of a volume beside the one that it is shown with, each by its
// own id, where a broker takes that.
func (s *store) others(f found) (out []found) {
	seen := map[string]bool{f.Vault: true} // one that has it twice has one place, with that fault
	for _, v := range f.whole.All {
		if at := s.beside(f, v); v.ID != "" && !seen[v.Vault] && len(at.placeID()) <= maxPlaceID {
			out, seen[v.Vault] = append(out, at), true
		}
	}
	return out
}
