package core

import "slices"

// Booting is the pledge as providers of machines are asked for it: of the volumes
// that exist, the one that the machine boots from says that it is bootable, so that
// nobody offers, or charges for, a disk made from an image. It is the first one that
// exists, is bootable and is a disk, where it was written last. What was found of
// the volumes is all that is known.
func (p Pledge) Booting(found []VolumeCandidate) Pledge {
	for i, want := range p.Volumes {
		var places []VolumePlace
		for _, c := range found {
			if want.VID != "" && c.Index == i && c.Found != nil {
				places = append(places, VolumePlace{Volume: *c.Found, Plugin: c.Plugin})
			}
		}
		if slices.ContainsFunc(Newest(places), func(v VolumePlace) bool { return v.Bootable && !v.Shareable }) {
			return p.bootingFrom(i)
		}
	}
	return p.bootingFrom(-1)
}

// BootingFrom is Booting for a machine whose volumes are chosen.
func (p Pledge) BootingFrom(choices []VolumeChoice) Pledge {
	for _, c := range choices {
		if c.Boot {
			return p.bootingFrom(c.Index)
		}
	}
	return p.bootingFrom(-1)
}

func (p Pledge) bootingFrom(index int) Pledge {
	p.Volumes = slices.Clone(p.Volumes)
	for i := range p.Volumes {
		if v := &p.Volumes[i]; v.VID != "" {
			v.Bootable = i == index
		}
	}
	return p
}
